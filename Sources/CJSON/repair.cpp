// Turns text that lenient parsers accept as JSON into valid JSON.
#include "parser.h"

/// The length in bytes of the UTF-8 character that begins at `at`; 0 if the bytes are not UTF-8.
static size_t character(const uint8_t *at, const uint8_t *end) noexcept {
    size_t length = *at < 0x80 ? 1 : *at < 0xC2 ? 0 : *at < 0xE0 ? 2 : *at < 0xF0 ? 3 : *at < 0xF5 ? 4 : 0;
    if (!length || size_t(end - at) < length) return 0;
    return validate_utf8(reinterpret_cast<const char *>(at), length) ? length : 0;
}

/// Replaces the word `NaN` or `Infinity`, which Python and JavaScript write, with 0 and spaces.
///
/// Returns the length of the word; 0 if neither word begins at `at`.
static size_t replace_number(uint8_t *at, const uint8_t *end) noexcept {
    for (string_view word : {string_view("NaN"), string_view("Infinity")}) {
        if (size_t(end - at) < word.size() || std::memcmp(at, word.data(), word.size()) != 0) continue;
        std::memset(at, ' ', word.size());
        *at = '0';
        return word.size();
    }
    return 0;
}

extern "C" void cjson_repair(uint8_t *json, size_t length) noexcept {
    uint8_t *at = json, *end = json + length;
    if (length >= 3 && std::memcmp(json, "\xEF\xBB\xBF", 3) == 0) std::memset(json, ' ', 3);
    bool is_string = false;
    while (at < end) {
        if (*at >= 0x80) {
            size_t count = character(at, end);
            if (!count) *at = '?';
            at += count ? count : 1;
        } else if (!is_string) {
            size_t count = replace_number(at, end);
            if (count) {
                at += count;
                continue;
            }
            is_string = *at++ == '"';
        } else if (*at == '\\') {
            // Skip the escaped byte too, unless it must be repaired because it is a control character or not ASCII.
            at += end - at > 1 && at[1] >= 0x20 && at[1] < 0x80 ? 2 : 1;
        } else {
            if (*at < 0x20) *at = ' ';
            is_string = *at++ != '"';
        }
    }
}
