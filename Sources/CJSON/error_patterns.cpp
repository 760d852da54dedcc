// Recognizes errors in JSON documents that arrived with a successful HTTP status; docs/engine-errors.md
// lists the rules.
#include "error_patterns.h"

/// Whether a word means success, or means nothing, such as `none`.
static bool is_success(string_view word) noexcept {
    return FoldedWord(word).is_any({"0", "200", "ok", "success", "successful", "succeeded", "none", "null", "nil",
                                    "false", "noerror", "completed"});
}

bool is_error(ondemand::value &value, int depth) noexcept {
    ondemand::json_type type;
    if (value.type().get(type) != SUCCESS) return false;
    if (type == ondemand::json_type::string) {
        string_view word = raw_text(value);
        return !word.empty() && !is_success(word);
    }
    if (type == ondemand::json_type::number) {
        double number;
        return value.get_double().get(number) == SUCCESS && number != 0 && (depth == 0 || number != 200);
    }
    if (type != ondemand::json_type::object || depth > 3) return is_truthy(value);
    bool found = false;
    each(value, [&](string_view, ondemand::value &field) { found |= is_error(field, depth + 1); });
    return found;
}

/// Whether the first 512 bytes of a text contain a word with which gateways report failures.
static bool says_failure(string_view text) noexcept {
    static constexpr string_view words[] = {
        "error", "exception", "unavailable", "timed out", "timeout", "too many requests", "forbidden", "unauthorized",
        "bad gateway", "not found", "overloaded", "exceeded", "failed", "failure", "throttl", "denied",
    };
    auto is_same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? char(a | 0x20) : a) == b; };
    text = text.substr(0, 512);
    for (string_view word : words)
        if (std::search(text.begin(), text.end(), word.begin(), word.end(), is_same) != text.end()) return true;
    return false;
}

void ErrorPatterns::read_message(ondemand::value &value) noexcept {
    if (!is_truthy(value)) return;
    has_message_ = true;
    has_failure_message_ |= says_failure(raw_text(value));
}

/// Reads an HTTP status, or a word such as `error` or `ok`.
///
/// Other words and numbers are ignored.
void ErrorPatterns::read_status(ondemand::value &value) noexcept {
    cjson_integer number = {};
    read_code(value, number);
    string_view word = raw_text(value);
    has_error_status_ |= FoldedWord(word).is_any({"error", "failed", "fail", "failure"});
    is_successful_ |= number.present ? number.value >= 200 && number.value < 300 : !word.empty() && is_success(word);
}

/// Reads an error code, as a word or as a number.
///
/// A word that does not mean success is an error. A number is an error if it is below zero, or if it is at least 400
/// and its first digit is 4 or 5, such as 50505.
///
/// - Parameter is_own_name: whether only errors have a member with this name. If true, every number except 0 and 200 is
///   an error.
void ErrorPatterns::read_error_code(ondemand::value &value, bool is_own_name) noexcept {
    cjson_integer number = {};
    string_view word = raw_text(value);
    read_code(value, number);
    bool found = false;
    if (number.present) {
        int64_t first = number.value;
        while (first >= 10) first /= 10;
        bool is_error_number = number.value < 0 || (number.value >= 400 && (first == 4 || first == 5));
        found = is_own_name ? number.value != 0 && number.value != 200 : is_error_number;
    } else {
        found = !word.empty() && !is_success(word);
    }
    if (is_own_name) has_error_member_ |= found;
    else has_error_code_ |= found;
}

void ErrorPatterns::read(string_view key, ondemand::value &value) noexcept {
    FoldedWord name(key);
    if (name.is_any({"id", "object", "created", "model", "systemfingerprint"})) return;
    if (name.is_any({"message", "msg"})) return read_message(value);
    if (name.is_any({"code", "status", "statuscode", "httpstatuscode", "rawstatuscode", "httpstatus"})) {
        if (is_failure(value)) has_error_status_ = true;
        if (name.is_any({"status", "httpstatus"})) return read_status(value);
        return read_error_code(value, false);
    }
    if (name.is_any({"errorcode", "errcode", "errorno", "errno"})) return read_error_code(value, true);
    if (name.is_any({"errortype"}) || key == "__type") {
        has_error_member_ |= is_truthy(value);
    } else if (name.is_any({"detail"})) {
        bool found = is_truthy(value);
        has_message_ |= found;
        has_detail_ |= found;
    } else if (name.is_any({"errors"})) {
        has_error_list_ |= is_truthy(value);
    } else if (name.is_any({"success", "ok"})) {
        bool truth;
        if (value.get_bool().get(truth) != SUCCESS) return;
        is_unsuccessful_ |= !truth;
        is_successful_ |= truth;
    } else if (name.is_any({"fault", "exception", "errormessage", "errormsg", "errmsg", "errordescription"})) {
        has_fault_member_ |= is_error(value);
    } else if (name.text().size() > 9 && key.substr(key.size() - 9) == "Exception" && is_object(value)) {
        has_fault_member_ |= is_truthy(value);
    } else if (name.is_any({"baseresp"}) && is_object(value)) {
        each(value, [&](string_view part, ondemand::value &field) {
            if (part == "status_code") read_error_code(field, true);
        });
    } else if (!name.is_any({"type", "param", "details", "metadata", "headers", "requestid", "traceid", "timestamp",
                             "time", "path", "title", "instance", "hint", "help", "documentationurl", "logid",
                             "version", "innererror", "reason", "url", "method", "eventid", "retryafter", "provider",
                             "solution"})) {
        has_other_members_ |= is_truthy(value);
    }
}

bool ErrorPatterns::is_match() const noexcept {
    if (has_error_member_ || (has_message_ && has_error_status_)) return true;
    if (is_unsuccessful_ && (has_message_ || has_error_list_ || !has_other_members_)) return true;
    if (has_other_members_ || is_successful_) return false;
    return has_detail_ || has_error_list_ || has_fault_member_ || has_failure_message_ ||
           (has_message_ && has_error_code_);
}
