// Rules that recognize an error of an engine or a gateway in a JSON document that arrived with a
// successful HTTP status.
#pragma once
#include "values.h"
#include <algorithm>
#include <initializer_list>

/// A short ASCII text in lower case, without `_` and `-`, so that `errorCode`, `error_code` and `ErrorCode` are equal.
///
/// A text with more than 40 letters or with non-ASCII characters becomes the empty word.
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

/// Whether the value of a member `error` reports an error.
///
/// Some engines put an empty error into every successful response, such as `{"code":0,"message":""}` or `"none"`.
bool is_error(ondemand::value &value, int depth = 0) noexcept;

/// Collects the top-level members of one document, and decides from all of them whether the document is an error.
class ErrorPatterns {
  public:
    /// Adds a top-level member other than `error`.
    void read(string_view key, ondemand::value &value) noexcept;
    /// Whether the members added so far form an error; docs/engine-errors.md lists the rules.
    bool is_match() const noexcept;

  private:
    /// Whether there is a non-empty message.
    ///
    /// A successful response can have one too.
    bool has_message_ = false;
    /// Whether the message contains a word such as `timed out`.
    ///
    /// Gateways report some failures only in this way.
    bool has_failure_message_ = false;
    /// Whether there is an error status, as a number or as a word.
    bool has_error_status_ = false;
    /// Whether there is a code that does not mean success.
    bool has_error_code_ = false;
    /// Whether there is a member that only errors have, such as `error_code`.
    bool has_error_member_ = false;
    /// Whether there is a member such as `fault`.
    ///
    /// The member marks an error only if the document has no members that errors usually lack.
    bool has_fault_member_ = false;
    /// Whether there is a non-empty `detail`, a non-empty list `errors`, or a `success` that is false.
    bool has_detail_ = false, has_error_list_ = false, is_unsuccessful_ = false;
    /// Whether a status or a member such as `ok` reports success.
    bool is_successful_ = false;
    /// Whether there is a non-empty member that errors usually lack.
    bool has_other_members_ = false;

    void read_message(ondemand::value &value) noexcept;
    void read_status(ondemand::value &value) noexcept;
    void read_error_code(ondemand::value &value, bool is_own_name) noexcept;
};
