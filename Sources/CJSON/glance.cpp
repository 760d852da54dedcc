// A glance at the payload of an event: one pass that looks only at quotes followed by a letter that matters.
#include "CJSON.h"
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// Breaks are told apart as a whole: what is left between a key, its colon and its value may be these.
static bool is_blank(uint8_t byte) noexcept { return byte == ' ' || byte == '\t'; }

/// Where the value of the key `key"` at `at` begins; NULL when the text there is not that key.
static const uint8_t *value_of(const uint8_t *at, const uint8_t *end, const char *key, size_t length) noexcept {
    if (size_t(end - at) <= length || std::memcmp(at, key, length) != 0) return nullptr;
    at += length;
    while (at < end && is_blank(*at)) at++;
    if (at == end || *at != ':') return nullptr;
    at++;
    while (at < end && is_blank(*at)) at++;
    return at < end ? at : nullptr;
}

static bool is_null(const uint8_t *value, const uint8_t *end) noexcept {
    return end - value >= 4 && std::memcmp(value, "null", 4) == 0;
}

static bool is_opened(const uint8_t *value, const uint8_t *end, uint8_t open, uint8_t close) noexcept {
    return end - value >= 2 && value[0] == open && value[1] != close;
}

#define VALUE(key) value_of(at, end, key "\"", sizeof(key))

static uint32_t judge(const uint8_t *at, const uint8_t *end) noexcept {
    const uint8_t *value;
    switch (*at) {
    case 'c':
        if ((value = VALUE("content"))) return is_opened(value, end, '"', '"') ? CJSON_SEEN_TEXT : 0;
        if ((value = VALUE("choices")))
            return is_opened(value, end, '[', ']') ? CJSON_SEEN_CHOICES : value[0] == '[' ? CJSON_SEEN_EMPTY_CHOICES : 0;
        return 0;
    case 'e':
        // As a value it may be a type, so it is not taken for harmless.
        if (size_t(end - at) < 6 || std::memcmp(at, "error\"", 6) != 0) return 0;
        value = VALUE("error");
        return value && is_null(value, end) ? 0 : CJSON_SEEN_ERROR;
    case 'f':
        value = VALUE("finish_reason");
        return value && !is_null(value, end) ? CJSON_SEEN_FINISH : 0;
    case 'r':
        if ((value = VALUE("reasoning")) || (value = VALUE("reasoning_content")) || (value = VALUE("refusal")))
            return is_opened(value, end, '"', '"') ? CJSON_SEEN_TEXT : 0;
        return 0;
    case 't':
        if ((value = VALUE("text"))) return is_opened(value, end, '"', '"') ? CJSON_SEEN_TEXT : 0;
        if ((value = VALUE("tool_calls"))) return is_opened(value, end, '[', ']') ? CJSON_SEEN_TEXT : 0;
        return 0;
    case 'u':
        value = VALUE("usage");
        return value && !is_null(value, end) ? CJSON_SEEN_USAGE : 0;
    default: return 0;
    }
}

extern "C" uint32_t cjson_glance(const uint8_t *payload, size_t length) noexcept {
    const uint8_t *end = payload + length;
    uint32_t seen = 0;
    size_t i = 0;
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), lf = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r');
    const __m128i c = _mm_set1_epi8('c'), e = _mm_set1_epi8('e'), f = _mm_set1_epi8('f');
    const __m128i r = _mm_set1_epi8('r'), t = _mm_set1_epi8('t'), u = _mm_set1_epi8('u');
    __m128i breaks = _mm_setzero_si128();
    for (; i + 17 <= length; i += 16) {
        __m128i here = _mm_loadu_si128(reinterpret_cast<const __m128i *>(payload + i));
        __m128i next = _mm_loadu_si128(reinterpret_cast<const __m128i *>(payload + i + 1));
        __m128i letters = _mm_or_si128(
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(next, c), _mm_cmpeq_epi8(next, e)),
                         _mm_or_si128(_mm_cmpeq_epi8(next, f), _mm_cmpeq_epi8(next, r))),
            _mm_or_si128(_mm_cmpeq_epi8(next, t), _mm_cmpeq_epi8(next, u)));
        breaks = _mm_or_si128(breaks, _mm_or_si128(_mm_cmpeq_epi8(here, lf), _mm_cmpeq_epi8(here, cr)));
        unsigned mask = unsigned(_mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(here, quote), letters)));
        for (; mask; mask &= mask - 1) seen |= judge(payload + i + unsigned(__builtin_ctz(mask)) + 1, end);
    }
    if (_mm_movemask_epi8(breaks)) seen |= CJSON_SEEN_BREAK;
#endif
    for (; i < length; i++) {
        if (payload[i] == '\n' || payload[i] == '\r') seen |= CJSON_SEEN_BREAK;
        if (payload[i] == '"' && i + 1 < length) seen |= judge(payload + i + 1, end);
    }
    return seen;
}
