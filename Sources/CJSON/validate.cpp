// Checks whether a text is exactly one JSON document (RFC 8259), including the parts that simdjson's
// on-demand parser skips.
#include "parser.h"

namespace {
/// How deeply arrays and objects may be nested; simdjson has the same limit.
const size_t depth_max = 1024;

/// Reads a JSON document without recursion, so that deep nesting cannot overflow the stack.
struct Reader {
    const uint8_t *at, *end;

    void skip_space() noexcept {
        while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) at++;
    }
    bool take(uint8_t byte) noexcept {
        if (at == end || *at != byte) return false;
        at++;
        return true;
    }
    bool word(const char *text, size_t length) noexcept {
        if (size_t(end - at) < length || std::memcmp(at, text, length) != 0) return false;
        at += length;
        return true;
    }
    bool digits() noexcept {
        const uint8_t *first = at;
        while (at < end && *at >= '0' && *at <= '9') at++;
        return at > first;
    }
    bool number() noexcept {
        take('-');
        if (!take('0') && !digits()) return false;
        if (take('.') && !digits()) return false;
        if (at < end && (*at == 'e' || *at == 'E')) {
            at++;
            if (at < end && (*at == '+' || *at == '-')) at++;
            return digits();
        }
        return true;
    }
    /// Reads a string, from the byte after its opening quotation mark.
    bool string() noexcept {
        while (at < end) {
            uint8_t byte = *at++;
            if (byte == '"') return true;
            if (byte < 0x20) return false;
            if (byte != '\\') continue;
            if (at == end) return false;
            uint8_t escaped = *at++;
            if (escaped != 'u') {
                if (!std::strchr("\"\\/bfnrt", escaped) || !escaped) return false;
                continue;
            }
            for (int i = 0; i < 4; i++, at++) {
                if (at == end) return false;
                uint8_t digit = *at | 0x20;
                if (!((*at >= '0' && *at <= '9') || (digit >= 'a' && digit <= 'f'))) return false;
            }
        }
        return false;
    }
    bool scalar() noexcept {
        switch (*at) {
        case '"': at++; return string();
        case 't': return word("true", 4);
        case 'f': return word("false", 5);
        case 'n': return word("null", 4);
        default: return number();
        }
    }
    /// Reads a key and the colon after it.
    bool key() noexcept {
        skip_space();
        if (!take('"') || !string()) return false;
        skip_space();
        return take(':');
    }

    bool document() noexcept {
        bool is_array[depth_max];
        size_t depth = 0;
        while (true) {
            // A value begins here.
            skip_space();
            if (at == end) return false;
            if (*at == '{' || *at == '[') {
                if (depth == depth_max) return false;
                bool array = *at++ == '[';
                skip_space();
                if (!take(array ? ']' : '}')) {
                    is_array[depth++] = array;
                    if (!array && !key()) return false;
                    continue;
                }
            } else if (!scalar()) {
                return false;
            }
            // A value has ended here. Next comes a comma, or the end of the enclosing array or object.
            while (true) {
                skip_space();
                if (depth == 0) return at == end;
                if (take(',')) {
                    if (!is_array[depth - 1] && !key()) return false;
                    break;
                }
                if (!take(is_array[depth - 1] ? ']' : '}')) return false;
                depth--;
            }
        }
    }
};
}  // namespace

bool is_json_document(const uint8_t *json, size_t length) noexcept {
    return validate_utf8(reinterpret_cast<const char *>(json), length) && Reader{json, json + length}.document();
}
