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

/// Whether an ASCII letter or an underscore is spelled here: `u0066` behind a backslash.
static bool is_letter(const uint8_t *at, const uint8_t *end) noexcept {
    return end - at >= 4 && at[1] == '0' && at[2] == '0' && at[3] >= '4' && at[3] <= '7';
}

/// The byte that follows a quote, or a backslash where that byte is a `u`.
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
        if (!(value = VALUE("finish_reason"))) return 0;
        if (is_null(value, end) || (value[0] == '"' && !is_opened(value, end, '"', '"'))) return CJSON_SEEN_NO_FINISH;
        return CJSON_SEEN_FINISH;
    case 'r':
        if ((value = VALUE("reasoning")) || (value = VALUE("reasoning_content")) || (value = VALUE("refusal")))
            return is_opened(value, end, '"', '"') ? CJSON_SEEN_TEXT : 0;
        return 0;
    case 't':
        if ((value = VALUE("text"))) return is_opened(value, end, '"', '"') ? CJSON_SEEN_TEXT : 0;
        if ((value = VALUE("tool_calls"))) return is_opened(value, end, '[', ']') ? CJSON_SEEN_TEXT : 0;
        return 0;
    case 'u':
        if (at[-1] == '\\') return is_letter(at, end) ? CJSON_SEEN_ESCAPE : 0;
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
    const __m128i backslash = _mm_set1_epi8('\\'), u = _mm_set1_epi8('u'), bit = _mm_set1_epi8(0x10);
    const __m128i low = _mm_set1_epi8(0x72), width = _mm_set1_epi8(4);
    __m128i breaks = _mm_setzero_si128();
    for (; i + 17 <= length; i += 16) {
        __m128i here = _mm_loadu_si128(reinterpret_cast<const __m128i *>(payload + i));
        __m128i next = _mm_loadu_si128(reinterpret_cast<const __m128i *>(payload + i + 1));
        // With this bit set c, e, f, r, t and u are 0x72 to 0x76; so are b, d, s and v, which are judged in vain.
        __m128i above = _mm_sub_epi8(_mm_or_si128(next, bit), low);
        __m128i letters = _mm_cmpeq_epi8(_mm_min_epu8(above, width), above);
        __m128i escapes = _mm_and_si128(_mm_cmpeq_epi8(here, backslash), _mm_cmpeq_epi8(next, u));
        breaks = _mm_or_si128(breaks, _mm_or_si128(_mm_cmpeq_epi8(here, lf), _mm_cmpeq_epi8(here, cr)));
        __m128i places = _mm_or_si128(_mm_and_si128(_mm_cmpeq_epi8(here, quote), letters), escapes);
        unsigned mask = unsigned(_mm_movemask_epi8(places));
        for (; mask; mask &= mask - 1) seen |= judge(payload + i + unsigned(__builtin_ctz(mask)) + 1, end);
    }
    if (_mm_movemask_epi8(breaks)) seen |= CJSON_SEEN_BREAK;
#endif
    for (; i < length; i++) {
        if (payload[i] == '\n' || payload[i] == '\r') seen |= CJSON_SEEN_BREAK;
        if (i + 1 == length) continue;
        if (payload[i] == '"' || (payload[i] == '\\' && payload[i + 1] == 'u')) seen |= judge(payload + i + 1, end);
    }
    return seen;
}
