/* The functions that scan request bodies, server-sent events and JSON responses by simdjson, with a C interface for
   Swift. No function throws. */
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

/* A JSON parser and the memory that it reuses. One thread at a time may use it. A `cjson_text` that a scan returns is
   valid until the next scan or trim. */
typedef struct cjson_parser cjson_parser;
cjson_parser *cjson_parser_new(void) CJSON_NOEXCEPT;
void cjson_parser_free(cjson_parser *parser) CJSON_NOEXCEPT;
/* The number of bytes of memory that the parser keeps for its next scan. */
size_t cjson_parser_memory(const cjson_parser *parser) CJSON_NOEXCEPT;
/* Frees the memory that the parser keeps for its next scan, if it is more than 1 MiB. */
void cjson_parser_trim(cjson_parser *parser) CJSON_NOEXCEPT;

/* How many readable bytes must follow a document that `cjson_scan_request` scans, because simdjson reads them. */
enum { CJSON_PADDING = 64 };

typedef struct cjson_range {
    size_t offset, length;
} cjson_range;
typedef struct cjson_text {
    const uint8_t *bytes; /* NULL if the text is absent */
    size_t length;
} cjson_text;

typedef enum cjson_status {
    CJSON_OK = 0,
    CJSON_INVALID,    /* not JSON; the scan checks only what it reads */
    CJSON_NOT_OBJECT, /* JSON, but not an object */
    CJSON_TRAILING,   /* other bytes follow the object */
    CJSON_DUPLICATE,  /* `key` occurs twice */
    CJSON_FOLDED,     /* a key differs from `key` only in what some parsers ignore, such as its case */
    CJSON_WRONG_TYPE, /* the value of `key` has the wrong type */
    CJSON_TOO_LONG    /* the value of `key` is too long */
} cjson_status;

/* The keys of a request body that `cjson_scan_request` knows. It reads the keys whose bits are set in its parameter
   `wanted`, and always `priority`. */
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
    CJSON_KEY_BEST_OF = 512,
    CJSON_KEY_SYSTEM = 1024,
    CJSON_KEY_MESSAGES = 2048,
    CJSON_KEY_TOOLS = 4096,
    CJSON_KEY_INSTRUCTIONS = 8192,
    CJSON_KEY_INPUT = 16384,
    CJSON_KEY_CACHE_SALT = 32768,
    CJSON_KEY_PREVIOUS_RESPONSE = 65536,
    CJSON_KEY_PRIORITY = 131072
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

/* How many images, audio recordings, videos and files a request body has, and their sizes. `raw_audio_bytes` counts
   audio that is not compressed, such as WAV or PCM, and `audio_bytes` counts all other audio. */
typedef struct cjson_media {
    size_t images;          /* number of images, given as data, by URL or by id */
    size_t references;      /* number of audio recordings, videos and files, given by URL or by id */
    size_t audio_bytes, raw_audio_bytes, video_bytes, file_bytes; /* sizes after decoding, in bytes */
    size_t text_bytes;      /* size of texts given in base64, in bytes after decoding */
    size_t raw_bytes;       /* how many bytes of the body all of these take */
} cjson_media;

/* The largest number of images, audio, video and files in a request body whose positions a scan returns. */
enum { CJSON_CONTENTS_MAX = 32 };

/* The positions in a request body of images, audio, video and files that it contains as data, in any order. */
typedef struct cjson_contents {
    size_t count; /* may be larger than CJSON_CONTENTS_MAX: then `ranges` has only those that were found first */
    cjson_range ranges[CJSON_CONTENTS_MAX];
} cjson_contents;

/* The members of a request body that make up the prompt. Each range is the position of a member's value in the body.
   Its length is 0 if the member is absent or the caller did not want it. */
typedef struct cjson_prompt {
    cjson_range tools;
    cjson_range system;   /* `system` or `instructions` */
    cjson_range messages; /* `messages`, `prompt` or `input` */
} cjson_prompt;

/* The largest number of names that a caller of `cjson_scan_request` may pass, see `cjson_names`. */
enum { CJSON_NAMED_MAX = 8 };

/* The names of members that a scan looks for in addition to those of `cjson_key`; a body need not have them. A zero
   byte ends each name, and `a.b` means the member `b` of the object `a`. */
typedef struct cjson_names {
    const char *bytes;
    size_t count;       /* the number of names, at most CJSON_NAMED_MAX */
} cjson_names;

enum { CJSON_MODEL_MAX = 1024, CJSON_PRIORITIES_MAX = 8 };

typedef struct cjson_request {
    cjson_key key;              /* the key that caused the error; NONE after success */
    size_t object;              /* offset of the object's opening brace */
    cjson_text model;           /* the model, with its escapes decoded */
    cjson_range raw_model;      /* the model with its quotation marks, as written */
    bool stream;
    cjson_presence stream_options;
    cjson_range raw_stream_options; /* `null`, or the opening brace of an object */
    bool stream_options_empty;
    cjson_presence include_usage;
    cjson_range raw_include_usage;
    cjson_integer max_tokens, max_completion_tokens, max_output_tokens, n, best_of;
    size_t prompts;             /* elements of a prompt that is an array of strings or of token arrays; else 0 */
    cjson_range billing;        /* the billing header at the beginning of `system`, or of the first of the `messages`
                                   if it is a system prompt, as the bytes to leave out; length 0 if there is none */
    cjson_prompt prompt;        /* all lengths are 0 if a wanted member of the prompt occurs twice, or if a key differs
                                   from the name of one only in what some parsers ignore, such as its case */
    cjson_media media;
    cjson_contents contents;
    cjson_range cache_salt;        /* the first value as written; length 0 if it is absent or not a string */
    cjson_range previous_response; /* the first `previous_response_id` as written; length 0 if there is no string */
    cjson_range named[CJSON_NAMED_MAX]; /* the first string with each name of `names`, in their order */
    /* The ranges of bytes to leave out of the body so that it has no member `priority`, in ascending order. They also
       contain the commas that are no longer needed, and members whose keys some parsers read as `priority`, such as
       `Priority`. Adjacent members share a range. If there are more than CJSON_PRIORITIES_MAX ranges, the scan fails
       with CJSON_DUPLICATE. */
    size_t priority_count;
    cjson_range priorities[CJSON_PRIORITIES_MAX];
} cjson_request;

/* Scans a request body. Reads the top-level members whose keys (`cjson_key`) are set as bits in `wanted`, and the
   members that `names` lists. `capacity` is the number of readable bytes at `bytes`, which must be at least `length` +
   CJSON_PADDING. */
cjson_status cjson_scan_request(cjson_parser *parser, const uint8_t *bytes, size_t length, size_t capacity,
                                uint32_t wanted, cjson_names names, cjson_request *out) CJSON_NOEXCEPT;

typedef struct cjson_event {
    bool has_data;       /* the event has a payload */
    bool blank;          /* the payload is empty, or consists of whitespace */
    bool valid;          /* the payload is exactly one JSON document, possibly after cjson_repair. If false,
                            the members from `type` on are empty, except `error` and `is_bare` */
    bool done;           /* the payload begins with `[DONE]` */
    bool other_fields;   /* the event has a field `id` or `retry`, which clients keep for later events */
    cjson_text name;     /* the value of the `event:` line */
    cjson_text type;     /* the value of the top-level `type` */
    bool has_choices;
    bool empty_choices;
    bool has_text;       /* a choice or delta has content, reasoning or a tool call */
    uint64_t finished;   /* bit i is set if choice i has a finish_reason that is not empty */
    uint64_t unfinished; /* bit i is set if choice i has a finish_reason that is null or empty */
    bool broken;         /* a finish or stop reason says that the engine aborted, such as "abort" or "error" */
    bool no_stop_reason; /* a message has a stop_reason that is null or empty */
    cjson_text finish_reason;
    bool has_usage;
    cjson_integer prompt_tokens, completion_tokens, total_tokens;
    cjson_integer cache_read_tokens, cache_creation_tokens; /* Anthropic: excluded from prompt_tokens */
    cjson_integer cached_tokens, reasoning_tokens;          /* OpenAI: included in prompt_tokens, completion_tokens */
    cjson_integer timings_cached_tokens;                    /* llama.cpp: as cached_tokens, outside of the usage */
    bool has_embeddings; /* has a member of embedding responses: `data`, `embeddings` or `embedding` */
    bool has_message;    /* has a member of Anthropic's messages: `type` or `content` */
    cjson_text response_id; /* the id of a response of OpenAI's responses API, as written */
    bool has_response;   /* has a member of OpenAI's responses: `object`, `status` or `output` */
    bool error;          /* the payload reports an error, in a format that some engine uses */
    bool is_bare;        /* the error was found outside of the event's `data` lines */
} cjson_event;

/* Scans one complete server-sent event. The values of its `data` lines together are the payload. */
void cjson_scan_event(cjson_parser *parser, const uint8_t *event, size_t length, cjson_event *out) CJSON_NOEXCEPT;
/* Scans a JSON response, or the payload of a server-sent event, which is the values of its `data` lines. */
void cjson_scan_payload(cjson_parser *parser, const uint8_t *json, size_t length, cjson_event *out) CJSON_NOEXCEPT;

/* Repairs, without a change of the length, what lenient parsers accept although it is not JSON. Spaces replace a byte
   order mark and the control characters in strings, `?` replaces each byte that is not UTF-8, and `0` with spaces after
   it replaces `NaN` and `Infinity`. Valid JSON is not changed. */
void cjson_repair(uint8_t *json, size_t length) CJSON_NOEXCEPT;

/* The patterns that `cjson_prefilter` finds in an event's payload by a fast search. The search does not parse JSON, so
 * it may mistake a string value for a key. */
enum {
    CJSON_PATTERN_ERROR = 1,         /* "error" as a value, or as a key whose value is not null */
    CJSON_PATTERN_FINISH = 2,        /* a finish_reason that is not empty */
    CJSON_PATTERN_USAGE = 4,         /* a usage that is not null */
    CJSON_PATTERN_EMPTY_CHOICES = 8, /* an empty list of choices */
    CJSON_PATTERN_LINE_END = 16,     /* CR or LF */
    CJSON_PATTERN_TEXT = 32,         /* output of the model that is not empty */
    CJSON_PATTERN_ESCAPE = 64,       /* an escaped letter, which may belong to a key */
    CJSON_PATTERN_CHOICES = 128,     /* a list of choices that is not empty */
    CJSON_PATTERN_NO_FINISH = 256    /* a finish_reason that is null or empty */
};
/* Searches an event's payload for the patterns CJSON_PATTERN_*, and returns the bits of those that it finds. */
uint32_t cjson_prefilter(const uint8_t *payload, size_t length) CJSON_NOEXCEPT;

#ifdef __cplusplus
}
#endif
