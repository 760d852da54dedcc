// The signs by which engines and gateways tell an error in a document without a member `error`.
#pragma once
#include "parser.h"
#include <algorithm>
#include <initializer_list>

/// A short ASCII text in lower case, without `_` and `-`: `errorCode`, `error_code` and `ErrorCode` are one word.
///
/// Texts that are longer, or have other characters, fold to an empty word.
class FoldedWord {
  public:
    explicit FoldedWord(string_view text) noexcept {
        if (text.size() > 2 * sizeof letters_) return;
        for (char letter : text) {
            if (letter == '_' || letter == '-') continue;
            if (length_ == sizeof letters_ || letter & char(0x80)) {
                length_ = 0;
                return;
            }
            letters_[length_++] = letter >= 'A' && letter <= 'Z' ? char(letter | 0x20) : letter;
        }
    }
    string_view text() const noexcept { return {letters_, length_}; }
    bool is_any(std::initializer_list<string_view> words) const noexcept {
        return std::find(words.begin(), words.end(), text()) != words.end();
    }

  private:
    char letters_[40];
    size_t length_ = 0;
};

inline bool is_object(ondemand::value &value) noexcept {
    ondemand::json_type type;
    return value.type().get(type) == SUCCESS && type == ondemand::json_type::object;
}

inline void read_text(ondemand::value &value, cjson_text &out) noexcept {
    string_view view;
    if (value.get_string().get(view) == SUCCESS) out = text(view);
}

/// Returns the bytes of a string between its quotes, with escapes undecoded; empty for a value that is no string.
///
/// Nothing is copied: a text that was decoded twice could be too much for the memory of the parser.
inline string_view raw_text(ondemand::value &value) noexcept {
    ondemand::json_type type;
    if (value.type().get(type) != SUCCESS || type != ondemand::json_type::string) return {};
    string_view token = value.raw_json_token();
    while (!token.empty() && token.back() != '"') token.remove_suffix(1);
    return token.size() < 2 ? string_view() : token.substr(1, token.size() - 2);
}

/// Reads a number, also one that is written as a text of digits.
void read_code(ondemand::value &value, cjson_integer &out) noexcept;
/// Whether a value is a status of failure: 400 to 599.
bool is_failure(ondemand::value &value) noexcept;
/// Whether there is something in it: a string, an array or an object that is not empty, a number but zero, `true`.
bool is_truthy(ondemand::value &value) noexcept;
/// Whether the value of a member `error` tells one.
///
/// Some engines write an error with nothing in it beside every good answer: `{"code":0,"message":""}`, `"none"`.
bool is_error(ondemand::value &value, int depth = 0) noexcept;

/// Calls `body(key, value)` for each field; false when the object cannot be followed.
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

/// Collects the members of one document, and decides by all of them whether the document tells an error.
class ErrorSigns {
  public:
    void read(string_view key, ondemand::value &value) noexcept;
    bool tell_an_error() const noexcept;

  private:
    /// A text says what is wrong, or may be anything.
    bool says_ = false;
    /// The text has a word of failures in it, as those of gateways that say nothing else.
    bool says_failure_ = false;
    /// A status of failure, as a number or as a word.
    bool has_status_ = false;
    /// A code that is no word or number of success.
    bool has_code_ = false;
    /// A member that only errors have.
    bool is_named_ = false;
    /// A member that errors have, and good answers beside other things.
    bool is_told_ = false;
    bool has_detail_ = false, has_list_ = false, is_unsuccessful_ = false;
    /// A status or another member says that all went well.
    bool is_successful_ = false;
    /// The document has a member with something in it that is not of errors.
    bool has_more_ = false;

    void read_message(ondemand::value &value) noexcept;
    void read_status(ondemand::value &value) noexcept;
    void read_error_code(ondemand::value &value, bool is_own_name) noexcept;
};
