// Finds the billing header, a text that coding agents put first in the system prompt:
//
//     x-anthropic-billing-header: cc_version=2.1.37.3a3; cc_entrypoint=cli; cch=fa690;
//
// The values of the header change with each request. So an engine that gets the header finds none of the rest of the
// prompt in its prefix cache.
#include "billing.h"
#include "parser.h"

namespace {

const string_view header_name = "x-anthropic-billing-header:";
/// The billing header, a text that coding agents put first in the prompt, is searched for in this many bytes.
///
/// The bytes are counted from the beginning of the value that contains the prompt. The limit bounds the work for a body
/// without the header.
const size_t searched_max = 4096;

/// A range of bytes of the body; empty if both pointers are null.
struct Part {
    const uint8_t *begin = nullptr, *end = nullptr;
};

/// Reads JSON forward from a position; a function returns false if the expected text is not there.
struct Reader {
    const uint8_t *at, *end;

    bool is_at(char byte) const noexcept { return at < end && *at == uint8_t(byte); }
    bool take(char byte) noexcept {
        if (!is_at(byte)) return false;
        at++;
        return true;
    }
    void skip_space() noexcept {
        while (is_at(' ') || is_at('\t') || is_at('\n') || is_at('\r')) at++;
    }
    /// Reads a structural character of JSON, such as a comma, and the white space before and after it.
    bool take_structural(char byte) noexcept {
        skip_space();
        if (!take(byte)) return false;
        skip_space();
        return true;
    }
    /// Reads the rest of a string and its closing quotation mark.
    bool string_end() noexcept {
        while (at < end && *at != '"') at += *at == '\\' ? 2 : 1;
        return take('"');
    }
    /// Reads a string without escapes, and sets `text` to the bytes between the quotation marks.
    bool plain_string(string_view &text) noexcept {
        if (!take('"')) return false;
        const uint8_t *first = at;
        while (at < end && *at != '"' && *at != '\\') at++;
        text = string_view(reinterpret_cast<const char *>(first), size_t(at - first));
        return take('"');
    }
    /// Reads a member name without escapes and the colon after it.
    bool member_name(string_view &name) noexcept { return plain_string(name) && take_structural(':'); }
    /// Skips a value, up to the comma or bracket after it.
    bool skip_value() noexcept {
        for (size_t depth = 0; at < end;) {
            if (take('"')) {
                if (!string_end()) return false;
            } else if (is_at('{') || is_at('[')) {
                depth++, at++;
            } else if (is_at('}') || is_at(']')) {
                if (depth == 0) return true;
                depth--, at++;
            } else if (depth == 0 && is_at(',')) {
                return true;
            } else {
                at++;
            }
        }
        return false;
    }
};

// MARK: The header

/// Whether a byte of a JSON string is a space or a visible ASCII character that needs no escape.
bool is_plain(uint8_t byte) noexcept { return byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\'; }

bool is_of_name(uint8_t byte) noexcept {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '_'
           || byte == '-' || byte == '.';
}

/// Reads the JSON escape of a line feed or a carriage return; returns false if there is none.
bool take_newline(Reader &reader) noexcept {
    string_view rest(reinterpret_cast<const char *>(reader.at), size_t(reader.end - reader.at));
    for (string_view newline : {"\\n", "\\r", "\\u000a", "\\u000A", "\\u000d", "\\u000D"}) {
        if (rest.substr(0, newline.size()) != newline) continue;
        reader.at += newline.size();
        return true;
    }
    return false;
}

/// Reads one `name=value` pair, such as `cch=fa690`, of the billing header, a text that coding agents put first in the
/// prompt.
///
/// The spaces before the pair and the semicolon after it are read, too, if there are any.
bool take_pair(Reader &reader) noexcept {
    Reader pair = reader;
    while (pair.take(' ')) {}
    const uint8_t *name = pair.at;
    while (pair.at < pair.end && is_of_name(*pair.at)) pair.at++;
    if (pair.at == name || !pair.take('=')) return false;
    while (pair.at < pair.end && is_plain(*pair.at) && *pair.at != ';' && *pair.at != ' ') pair.at++;
    pair.take(';');
    reader = pair;
    return true;
}

/// Reads the billing header, a text that coding agents put first in the prompt, at the beginning of a JSON string.
///
/// The rest of the string is left unread. The header consists of its name, `name=value` pairs, and the newline
/// characters that follow the last pair. If no pair follows the name, it is the whole line with the newline characters
/// after it.
///
/// - Parameter header: receives the range of the header.
/// - Returns: false if the value is not a string or does not begin with the header. The result is also false if the
///   line of the header contains bytes that no header has, such as an escape that is not a newline.
bool take_header(Reader &reader, Part &header) noexcept {
    if (!reader.take('"') || size_t(reader.end - reader.at) < header_name.size()
        || std::memcmp(reader.at, header_name.data(), header_name.size()) != 0)
        return false;
    header.begin = reader.at;
    reader.at += header_name.size();
    bool has_pairs = false;
    while (take_pair(reader)) has_pairs = true;
    while (has_pairs ? reader.is_at(' ') : reader.at < reader.end && is_plain(*reader.at)) reader.at++;
    bool is_line = false;
    while (take_newline(reader)) is_line = true;
    header.end = reader.at;
    if (is_line || reader.is_at('"')) return reader.at < reader.end;
    return has_pairs && reader.at < reader.end && *reader.at != '\\';
}

// MARK: Where the header stands

/// Reads a content block of type `text` whose text begins with the billing header, a text that coding agents put first
/// in the prompt.
///
/// - Parameter end: the end of the body. Once the header has been found, the limit `searched_max` no longer applies:
///   the block may end anywhere before `end`.
bool take_block(Reader &reader, const uint8_t *end, Part &header) noexcept {
    if (!reader.take_structural('{')) return false;
    string_view name, type;
    do {
        if (!reader.member_name(name)) return false;
        if (name == "text") {
            if (header.begin || !take_header(reader, header)) return false;
            reader.end = end;
            if (!reader.string_end()) return false;
        } else if (name == "type") {
            if (!type.empty() || !reader.plain_string(type)) return false;
        } else if (!reader.skip_value()) {
            return false;
        }
    } while (reader.take_structural(','));
    return header.begin && type == "text" && reader.take('}');
}

/// Finds the billing header, a text that coding agents put first in the prompt, in the first content block of an array.
///
/// The result is the part of the body to leave out: the header, or the whole block if its text is nothing but the
/// header. The result is an empty `Part` if the header is not there.
Part find_in_blocks(Reader reader, const uint8_t *end) noexcept {
    Part block, header;
    if (!reader.take_structural('[')) return {};
    block.begin = reader.at;
    if (!take_block(reader, end, header)) return {};
    if (*header.end != '"') return header;
    block.end = reader.at;
    if (!is_json_document(block.begin, size_t(block.end - block.begin))) return {};
    if (!reader.take_structural(',')) return reader.is_at(']') ? block : Part();
    block.end = reader.at;
    return reader.is_at(']') ? Part() : block;
}

/// Finds the billing header, a text that coding agents put first in the prompt, at the beginning of a system prompt.
///
/// The system prompt is a string or an array of content blocks. Returns an empty `Part` if the header is not there.
Part find_in_prompt(Reader reader, const uint8_t *end) noexcept {
    Part header;
    if (!reader.is_at('"')) return find_in_blocks(reader, end);
    return take_header(reader, header) ? header : Part();
}

/// Reads the role of a message; false if the role is neither `system` nor `developer`.
bool take_system_role(Reader &reader, string_view &role) noexcept {
    return reader.plain_string(role) && (role == "system" || role == "developer");
}

/// Finds the billing header, a text that coding agents put first in the prompt, in the first message of an array.
///
/// Returns an empty `Part` if the header is not there, or if the message is not a system prompt.
Part find_in_messages(Reader reader, const uint8_t *end) noexcept {
    if (!reader.take_structural('[') || !reader.take_structural('{')) return {};
    Part found;
    string_view name, role;
    do {
        if (!reader.member_name(name)) return {};
        if (name == "role") {
            if (!role.empty() || !take_system_role(reader, role)) return {};
        } else if (name == "content" && !found.begin) {
            found = find_in_prompt(reader, end);
            if (!found.begin) return {};
            reader.end = end;
            if (!reader.skip_value()) return {};
        } else if (name == "content" || !reader.skip_value()) {
            return {};
        }
    } while (reader.take_structural(','));
    return role.empty() || !reader.take('}') ? Part() : found;
}

} // namespace

cjson_range find_billing(const uint8_t *bytes, size_t length, size_t value, bool is_messages) noexcept {
    const uint8_t *end = bytes + length;
    Reader reader{bytes + value, length - value < searched_max ? end : bytes + value + searched_max};
    Part found = is_messages ? find_in_messages(reader, end) : find_in_prompt(reader, end);
    return found.begin ? cjson_range{size_t(found.begin - bytes), size_t(found.end - found.begin)} : cjson_range();
}
