// The prefilter: one fast pass over the payload of an event, which reports what occurs in the payload, such as a finish
// reason or an error (`CJSON_PATTERN_FINISH`, `CJSON_PATTERN_ERROR`). For most events, these patterns show that no JSON
// parser is needed.
//
// The pass looks for `\u`, and for a quotation mark that is followed by the first letter of a known key. It ignores the
// structure of the document, so it may report a value that looks like a key. A false report is harmless, because an
// event with an important pattern is then parsed.
#include "CJSON.h"
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// Whether a byte is whitespace that may be between a key, its colon and its value.
///
/// A line end does not count as whitespace here, because a payload with a line end is always parsed
/// (CJSON_PATTERN_LINE_END).
static bool is_blank(uint8_t byte) noexcept { return byte == ' ' || byte == '\t'; }

/// Returns the beginning of the value of `key`; NULL if `at` does not begin with `key`, a quotation mark and a colon.
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

/// Whether a non-empty string or array begins at `value`; `open` and `close` are its first and last character.
static bool is_filled(const uint8_t *value, const uint8_t *end, uint8_t open, uint8_t close) noexcept {
    return end - value >= 2 && value[0] == open && value[1] != close;
}

#define VALUE(key) value_of(at, end, key "\"", sizeof(key))

/// Whether the escape after a backslash, such as `u0066`, stands for a character from U+0040 to U+007F.
///
/// All ASCII letters and the underscore are in this range.
static bool is_letter(const uint8_t *at, const uint8_t *end) noexcept {
    return end - at >= 4 && at[1] == '0' && at[2] == '0' && at[3] >= '4' && at[3] <= '7';
}

/// Returns the pattern (`CJSON_PATTERN_TEXT` or another one) that begins at `at`; 0 if there is none. `at` is the byte
/// after a quotation mark, or the `u` of an escape `\u`.
static uint32_t classify(const uint8_t *at, const uint8_t *end) noexcept {
    const uint8_t *value;
    switch (*at) {
    case 'c':
        if ((value = VALUE("content"))) return is_filled(value, end, '"', '"') ? CJSON_PATTERN_TEXT : 0;
        if ((value = VALUE("choices")))
            return is_filled(value, end, '[', ']') ? CJSON_PATTERN_CHOICES
                   : value[0] == '['               ? CJSON_PATTERN_EMPTY_CHOICES
                                                   : 0;
        return 0;
    case 'e':
        // `"error"` may be a key, or the value of the key `type`, so it is reported even if no colon follows.
        if (size_t(end - at) < 6 || std::memcmp(at, "error\"", 6) != 0) return 0;
        value = VALUE("error");
        return value && is_null(value, end) ? 0 : CJSON_PATTERN_ERROR;
    case 'f':
        if (!(value = VALUE("finish_reason"))) return 0;
        if (is_null(value, end) || (value[0] == '"' && !is_filled(value, end, '"', '"')))
            return CJSON_PATTERN_NO_FINISH;
        return CJSON_PATTERN_FINISH;
    case 'r':
        if ((value = VALUE("reasoning")) || (value = VALUE("reasoning_content")) || (value = VALUE("refusal")))
            return is_filled(value, end, '"', '"') ? CJSON_PATTERN_TEXT : 0;
        return 0;
    case 't':
        if ((value = VALUE("text"))) return is_filled(value, end, '"', '"') ? CJSON_PATTERN_TEXT : 0;
        if ((value = VALUE("tool_calls"))) return is_filled(value, end, '[', ']') ? CJSON_PATTERN_TEXT : 0;
        return 0;
    case 'u':
        if (at[-1] == '\\') return is_letter(at, end) ? CJSON_PATTERN_ESCAPE : 0;
        value = VALUE("usage");
        return value && !is_null(value, end) ? CJSON_PATTERN_USAGE : 0;
    default: return 0;
    }
}

extern "C" uint32_t cjson_prefilter(const uint8_t *payload, size_t length) noexcept {
    const uint8_t *end = payload + length;
    uint32_t patterns = 0;
    size_t i = 0;
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), lf = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r');
    const __m128i backslash = _mm_set1_epi8('\\'), u = _mm_set1_epi8('u'), bit = _mm_set1_epi8(0x10);
    const __m128i low = _mm_set1_epi8(0x72), width = _mm_set1_epi8(4);
    __m128i line_ends = _mm_setzero_si128();
    for (; i + 17 <= length; i += 16) {
        __m128i here = _mm_loadu_si128(reinterpret_cast<const __m128i *>(payload + i));
        __m128i next = _mm_loadu_si128(reinterpret_cast<const __m128i *>(payload + i + 1));
        // Setting `bit` maps the first letters of the keys (c, e, f, r, t, u) into the range 0x72 to 0x76. The letters
        // b, d, s and v fall into the range too, but `classify` returns 0 for them.
        __m128i above = _mm_sub_epi8(_mm_or_si128(next, bit), low);
        __m128i letters = _mm_cmpeq_epi8(_mm_min_epu8(above, width), above);
        __m128i escapes = _mm_and_si128(_mm_cmpeq_epi8(here, backslash), _mm_cmpeq_epi8(next, u));
        line_ends = _mm_or_si128(line_ends, _mm_or_si128(_mm_cmpeq_epi8(here, lf), _mm_cmpeq_epi8(here, cr)));
        __m128i candidates = _mm_or_si128(_mm_and_si128(_mm_cmpeq_epi8(here, quote), letters), escapes);
        unsigned mask = unsigned(_mm_movemask_epi8(candidates));
        for (; mask; mask &= mask - 1) patterns |= classify(payload + i + unsigned(__builtin_ctz(mask)) + 1, end);
    }
    if (_mm_movemask_epi8(line_ends)) patterns |= CJSON_PATTERN_LINE_END;
#endif
    for (; i < length; i++) {
        if (payload[i] == '\n' || payload[i] == '\r') patterns |= CJSON_PATTERN_LINE_END;
        if (i + 1 == length) continue;
        if (payload[i] == '"' || (payload[i] == '\\' && payload[i + 1] == 'u'))
            patterns |= classify(payload + i + 1, end);
    }
    return patterns;
}
