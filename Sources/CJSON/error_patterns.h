// Recognizes errors of engines and gateways in JSON documents that arrived with a successful HTTP status.
#pragma once
#include "values.h"
#include <algorithm>
#include <initializer_list>

/// A short ASCII text in lower case, without `_` and `-`, so that `errorCode`, `error_code` and `ErrorCode` are equal.
///
/// A text becomes empty if it contains a non-ASCII character, if it has more than 80 bytes, or if more than 40 bytes
/// are left after `_` and `-` are removed.
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
/// The result is false for an empty error such as `{"code":0,"message":""}` or `"none"`, because some engines put an
/// empty error into every successful response.
bool is_error(ondemand::value &value, int depth = 0) noexcept;

/// Collects the top-level members of one document, and decides from all of them whether the document is an error.
class ErrorPatterns {
  public:
    /// Adds a top-level member other than `error`.
    void read(string_view key, ondemand::value &value) noexcept;
    /// Whether the members added so far form an error; docs/engine-errors.md lists the rules.
    bool is_match() const noexcept;

  private:
    /// Whether the document has a non-empty message.
    ///
    /// A message alone is no error, because a successful response can have a message too.
    bool has_message_ = false;
    /// Whether the message contains a word such as `timed out`.
    ///
    /// Some gateways report a failure by a word in the message and by nothing else.
    bool has_failure_message_ = false;
    /// Whether the document has an error status, as a number or as a word.
    bool has_error_status_ = false;
    /// Whether the document has a code that does not mean success.
    bool has_error_code_ = false;
    /// Whether the document reports an error in a member that only errors have, such as `error_code`.
    bool has_error_member_ = false;
    /// Whether the document reports an error in a member such as `fault`.
    ///
    /// A member such as `fault` counts as an error only if `has_other_members_` is false.
    bool has_fault_member_ = false;
    /// Whether the document has a non-empty `detail`, a non-empty `errors`, or a `success` that is false.
    bool has_detail_ = false, has_error_list_ = false, is_unsuccessful_ = false;
    /// Whether a status or a member such as `ok` reports success.
    bool is_successful_ = false;
    /// Whether the document has a non-empty member that errors usually do not have, such as the output of a model.
    bool has_other_members_ = false;

    void read_message(ondemand::value &value) noexcept;
    void read_status(ondemand::value &value) noexcept;
    void read_error_code(ondemand::value &value, bool is_own_name) noexcept;
};
