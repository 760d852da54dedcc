/* The C face of simdjson: scans of request bodies, of events and of JSON answers. Nothing here throws. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
#define CJSON_NOEXCEPT noexcept
extern "C" {
#else
#define CJSON_NOEXCEPT
#endif

/* A parser and its memory; used by one thread at a time. Texts that a scan returns live until its next scan or trim. */
typedef struct cjson_parser cjson_parser;
cjson_parser *cjson_parser_new(void) CJSON_NOEXCEPT;
void cjson_parser_free(cjson_parser *parser) CJSON_NOEXCEPT;
/* The bytes that it holds between scans. */
size_t cjson_parser_memory(const cjson_parser *parser) CJSON_NOEXCEPT;
/* Frees its memory if that is above 1 MiB. */
void cjson_parser_trim(cjson_parser *parser) CJSON_NOEXCEPT;

/* Readable bytes that must follow a document that `cjson_scan_request` reads in place. */
enum { CJSON_PADDING = 64 };

typedef struct cjson_range {
    size_t offset, length;
} cjson_range;
typedef struct cjson_text {
    const uint8_t *bytes; /* NULL: absent */
    size_t length;
} cjson_text;

typedef enum cjson_status {
    CJSON_OK = 0,
    CJSON_INVALID,    /* not JSON, as far as the scan can follow it */
    CJSON_NOT_OBJECT, /* JSON, but not an object */
    CJSON_TRAILING,   /* something follows the object */
    CJSON_DUPLICATE,  /* `key` occurs twice */
    CJSON_FOLDED,     /* a key differs from `key` only in what some readers do not look at, such as its case */
    CJSON_WRONG_TYPE, /* `key` has a value of another type */
    CJSON_TOO_LONG    /* `key` has a value that is too long */
} cjson_status;

/* The keys of a request that may be read; also bits of `wanted`. */
typedef enum cjson_key {
    CJSON_KEY_NONE = 0,
    CJSON_KEY_MODEL = 1,
    CJSON_KEY_STREAM = 2,
    CJSON_KEY_STREAM_OPTIONS = 4,
    CJSON_KEY_MAX_TOKENS = 8,
    CJSON_KEY_MAX_COMPLETION_TOKENS = 16,
    CJSON_KEY_MAX_OUTPUT_TOKENS = 32,
    CJSON_KEY_N = 64,
    CJSON_KEY_INCLUDE_USAGE = 128,
    CJSON_KEY_PROMPT = 256,
    CJSON_KEY_BEST_OF = 512
} cjson_key;

typedef enum cjson_presence {
    CJSON_ABSENT = 0,
    CJSON_NULL,
    CJSON_FALSE,
    CJSON_TRUE,
    CJSON_OBJECT
} cjson_presence;

typedef struct cjson_integer {
    bool present;
    int64_t value;
} cjson_integer;

/* The pictures, sound, video and files of a request body. */
typedef struct cjson_media {
    size_t images;          /* given as data, by URL or by id */
    size_t references;      /* sound, video and files of which the body has only a URL or an id */
    size_t audio_bytes, raw_audio_bytes, video_bytes, file_bytes; /* as they are, not as the body has them encoded */
    size_t text_bytes;      /* of texts that the body has encoded */
    size_t raw_bytes;       /* of the body, which all of these take */
} cjson_media;

typedef struct cjson_request {
    cjson_key key;              /* of an error */
    size_t object;              /* offset of the object's opening brace */
    cjson_text model;           /* unescaped */
    cjson_range raw_model;      /* with its quotes */
    bool stream;
    cjson_presence stream_options;
    cjson_range raw_stream_options; /* of `null`; of an object only its opening brace */
    bool stream_options_empty;
    cjson_presence include_usage;
    cjson_range raw_include_usage;
    cjson_integer max_tokens, max_completion_tokens, max_output_tokens, n, best_of;
    size_t prompts;             /* of a prompt that is an array of texts, or of arrays of tokens; else 0 */
    cjson_media media;
} cjson_request;

enum { CJSON_MODEL_MAX = 1024 };

/* Reads the wanted top-level keys of a request body; `capacity` is `length` and at least CJSON_PADDING readable bytes. */
cjson_status cjson_scan_request(cjson_parser *parser, const uint8_t *bytes, size_t length, size_t capacity,
                                uint32_t wanted, cjson_request *out) CJSON_NOEXCEPT;

typedef struct cjson_event {
    bool has_data;       /* there is a payload */
    bool blank;          /* and it is empty, or only space */
    bool valid;          /* it is one whole JSON document, if need be once repaired; what is said below, but for an
                            error, is said by a valid one */
    bool done;           /* the payload is `[DONE]`, or begins so */
    bool other_fields;   /* beside data and comments there is a field that readers of events keep: `id` or `retry` */
    cjson_text name;     /* of the `event:` line */
    cjson_text type;     /* top-level "type" */
    bool has_choices;
    bool empty_choices;
    bool has_text;       /* a choice carries content, reasoning, a tool call */
    uint64_t finished;   /* bit i: choice i has a finish_reason that is not empty */
    uint64_t unfinished; /* bit i: choice i has one that is null or empty */
    bool broken;         /* a finish or stop reason is one of an attempt that broke, such as "abort" or "error" */
    bool no_stop_reason; /* a message's stop_reason is there, and null or empty */
    cjson_text finish_reason;
    bool has_usage;
    cjson_integer prompt_tokens, completion_tokens, total_tokens;
    cjson_integer cache_read_tokens, cache_creation_tokens; /* Anthropic's, beside those of the prompt */
    cjson_integer cached_tokens, reasoning_tokens;          /* OpenAI's, among those of prompt and completion */
    bool has_embeddings; /* there is a member that answers of embeddings have: `data`, `embeddings` */
    bool has_message;    /* one that a message has: `type`, `content` */
    bool has_response;   /* one that a response has: `object`, `status`, `output` */
    bool error;          /* it tells an error, in one of the forms of engines */
    bool is_bare;        /* and in a line of its own that is no `data` */
} cjson_event;

/* Reads one whole server-sent event: its data lines joined. */
void cjson_scan_event(cjson_parser *parser, const uint8_t *event, size_t length, cjson_event *out) CJSON_NOEXCEPT;
/* Reads the payload of an event, or a JSON answer. */
void cjson_scan_payload(cjson_parser *parser, const uint8_t *json, size_t length, cjson_event *out) CJSON_NOEXCEPT;

/* Makes JSON of what lenient readers take for it, in place: without a byte order mark, with `?` for bytes that are no UTF-8,
   spaces for raw control characters in texts, and 0 for NaN and Infinity. What is JSON stays as it is. */
void cjson_repair(uint8_t *json, size_t length) CJSON_NOEXCEPT;

/* What a glance at a payload has seen; without a parser, so a value that looks like a key may be taken for one. */
enum {
    CJSON_SEEN_ERROR = 1,
    CJSON_SEEN_FINISH = 2,
    CJSON_SEEN_USAGE = 4,
    CJSON_SEEN_EMPTY_CHOICES = 8,
    CJSON_SEEN_BREAK = 16, /* a line end */
    CJSON_SEEN_TEXT = 32,
    CJSON_SEEN_ESCAPE = 64,  /* an escaped letter, which may be one of a key */
    CJSON_SEEN_CHOICES = 128, /* a list of them */
    CJSON_SEEN_NO_FINISH = 256 /* a finish_reason that is null or empty */
};
uint32_t cjson_glance(const uint8_t *payload, size_t length) CJSON_NOEXCEPT;

#ifdef __cplusplus
}
#endif
