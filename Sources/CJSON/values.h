// Functions that read single JSON values, for the scans of events, responses and requests.
#pragma once
#include "parser.h"

/// Whether the value is an object.
inline bool is_object(ondemand::value &value) noexcept {
    ondemand::json_type type;
    return value.type().get(type) == SUCCESS && type == ondemand::json_type::object;
}

/// Reads a string into the parser's memory, with its escapes decoded.
///
/// Leaves `out` unchanged for any other value.
inline void read_text(ondemand::value &value, cjson_text &out) noexcept {
    string_view view;
    if (value.get_string().get(view) == SUCCESS) out = text(view);
}

/// Returns the bytes between the quotation marks of a string, with escapes as written; empty for any other value.
///
/// The string is not decoded, because the parser's memory has room to decode each string of a document only once.
inline string_view raw_text(ondemand::value &value) noexcept {
    ondemand::json_type type;
    if (value.type().get(type) != SUCCESS || type != ondemand::json_type::string) return {};
    string_view token = value.raw_json_token();
    while (!token.empty() && token.back() != '"') token.remove_suffix(1);
    return token.size() < 2 ? string_view() : token.substr(1, token.size() - 2);
}

/// Reads an HTTP status or an error code: an integer, or a string of at most nine digits.
///
/// A number that is not an integer sets `out.present` to false. Any other value leaves `out` unchanged.
void read_code(ondemand::value &value, cjson_integer &out) noexcept;
/// Whether a value is an error status from 400 to 599, as a number or as a string.
bool is_failure(ondemand::value &value) noexcept;
/// Whether a value is a non-empty string, array or object, a number other than zero, or `true`.
bool is_truthy(ondemand::value &value) noexcept;
/// Calls `body(key, value)` for each member of an object; false if the value is not an object or its syntax is wrong.
template <typename Body>
bool each(ondemand::value &value, Body body) noexcept {
    ondemand::object object;
    if (value.get_object().get(object) != SUCCESS) return false;
    for (auto item : object) {
        ondemand::field field;
        string_view key;
        if (std::move(item).get(field) != SUCCESS || field.unescaped_key().get(key) != SUCCESS) return false;
        body(key, field.value());
    }
    return true;
}
