// The patterns by which a document of a good status is recognized as an error of an engine or a gateway.
#pragma once
#include "values.h"
#include <algorithm>
#include <initializer_list>

/// A short ASCII text in lower case without `_` and `-`, so that `errorCode`, `error_code` and `ErrorCode` are equal.
///
/// A text with more than 40 letters or with other characters folds to the empty word.
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
/// Some engines write an empty error into every good response, such as `{"code":0,"message":""}` or `"none"`.
bool is_error(ondemand::value &value, int depth = 0) noexcept;

/// Collects the members of one document, and decides by all of them whether the document is an error.
class ErrorPatterns {
  public:
    /// Takes a top-level member other than `error`.
    void read(string_view key, ondemand::value &value) noexcept;
    /// Whether the members read so far make an error; docs/engine-errors.md lists the rules.
    bool is_match() const noexcept;

  private:
    /// There is a message, which may also belong to a good response.
    bool has_message_ = false;
    /// The message contains a word such as `timed out`, as messages of gateways do that report nothing else.
    bool has_failure_message_ = false;
    /// There is an error status, as a number or as a word.
    bool has_error_status_ = false;
    /// There is a code other than those of success.
    bool has_error_code_ = false;
    /// There is a member that only errors have, such as `error_code`.
    bool has_error_member_ = false;
    /// There is a member such as `fault`: of an error, or of a good response if that has other members too.
    bool has_fault_member_ = false;
    /// There is a `detail`, a list `errors`, or a `success` that is false.
    bool has_detail_ = false, has_error_list_ = false, is_unsuccessful_ = false;
    /// A status or another member reports success.
    bool is_successful_ = false;
    /// There is a non-empty member that does not belong to errors.
    bool has_other_members_ = false;

    void read_message(ondemand::value &value) noexcept;
    void read_status(ondemand::value &value) noexcept;
    void read_error_code(ondemand::value &value, bool is_own_name) noexcept;
};
