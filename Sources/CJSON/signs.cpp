// The signs of errors in documents; see docs/engine-errors.md.
#include "signs.h"

void read_code(ondemand::value &value, cjson_integer &out) noexcept {
    ondemand::json_type type;
    if (value.type().get(type) != SUCCESS) return;
    if (type == ondemand::json_type::number) {
        out.present = value.get_int64().get(out.value) == SUCCESS;
    } else if (type == ondemand::json_type::string) {
        string_view view = raw_text(value);
        if (view.empty() || view.size() > 9) return;
        int64_t number = 0;
        for (char digit : view) {
            if (digit < '0' || digit > '9') return;
            number = number * 10 + (digit - '0');
        }
        out = {true, number};
    }
}

bool is_failure(ondemand::value &value) noexcept {
    cjson_integer status = {};
    read_code(value, status);
    return status.present && status.value >= 400 && status.value < 600;
}

bool is_truthy(ondemand::value &value) noexcept {
    ondemand::json_type type;
    if (value.type().get(type) != SUCCESS) return false;
    switch (type) {
    case ondemand::json_type::string: return value.raw_json_token()[1] != '"';
    case ondemand::json_type::array: {
        ondemand::array array;
        bool empty = true;
        return value.get_array().get(array) == SUCCESS && array.is_empty().get(empty) == SUCCESS && !empty;
    }
    case ondemand::json_type::object: {
        ondemand::object object;
        bool empty = true;
        return value.get_object().get(object) == SUCCESS && object.is_empty().get(empty) == SUCCESS && !empty;
    }
    case ondemand::json_type::number: {
        double number;
        return value.get_double().get(number) == SUCCESS && number != 0;
    }
    case ondemand::json_type::boolean: {
        bool truth;
        return value.get_bool().get(truth) == SUCCESS && truth;
    }
    default: return false;
    }
}

/// Whether a word says that all went well, or nothing at all.
static bool is_success(string_view word) noexcept {
    return FoldedWord(word).is_any({"0", "200", "ok", "success", "successful", "succeeded", "none", "null", "nil", "false",
                                    "noerror", "completed"});
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

/// Whether a text has a word of failures, in the language of gateways.
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

void ErrorSigns::read_message(ondemand::value &value) noexcept {
    if (!is_truthy(value)) return;
    says_ = true;
    says_failure_ |= says_failure(raw_text(value));
}

/// A status of HTTP, or a word such as `error` or `ok`; of other words and numbers nothing is known.
void ErrorSigns::read_status(ondemand::value &value) noexcept {
    cjson_integer number = {};
    read_code(value, number);
    string_view word = raw_text(value);
    has_status_ |= FoldedWord(word).is_any({"error", "failed", "fail", "failure"});
    is_successful_ |= number.present ? number.value >= 200 && number.value < 300 : !word.empty() && is_success(word);
}

/// A code is a word, a number below zero, or one that begins as the statuses of failure do: 50505.
///
/// - Parameter is_own_name: The member is named for errors, so that every number but zero and 200 is one.
void ErrorSigns::read_error_code(ondemand::value &value, bool is_own_name) noexcept {
    cjson_integer number = {};
    string_view word = raw_text(value);
    read_code(value, number);
    bool found = false;
    if (number.present) {
        int64_t first = number.value;
        while (first >= 10) first /= 10;
        bool is_odd = number.value < 0 || (number.value >= 400 && (first == 4 || first == 5));
        found = is_own_name ? number.value != 0 && number.value != 200 : is_odd;
    } else {
        found = !word.empty() && !is_success(word);
    }
    if (is_own_name) is_named_ |= found;
    else has_code_ |= found;
}

void ErrorSigns::read(string_view key, ondemand::value &value) noexcept {
    FoldedWord name(key);
    if (name.is_any({"id", "object", "created", "model", "systemfingerprint"})) return;
    if (name.is_any({"message", "msg"})) return read_message(value);
    if (name.is_any({"code", "status", "statuscode", "httpstatuscode", "rawstatuscode", "httpstatus"})) {
        if (is_failure(value)) has_status_ = true;
        if (name.is_any({"status", "httpstatus"})) return read_status(value);
        return read_error_code(value, false);
    }
    if (name.is_any({"errorcode", "errcode", "errorno", "errno"})) return read_error_code(value, true);
    if (name.is_any({"errortype"}) || key == "__type") {
        is_named_ |= is_truthy(value);
    } else if (name.is_any({"detail"})) {
        bool found = is_truthy(value);
        says_ |= found;
        has_detail_ |= found;
    } else if (name.is_any({"errors"})) {
        has_list_ |= is_truthy(value);
    } else if (name.is_any({"success", "ok"})) {
        bool truth;
        if (value.get_bool().get(truth) != SUCCESS) return;
        is_unsuccessful_ |= !truth;
        is_successful_ |= truth;
    } else if (name.is_any({"fault", "exception", "errormessage", "errormsg", "errmsg", "errordescription"})) {
        is_told_ |= is_error(value);
    } else if (name.text().size() > 9 && key.substr(key.size() - 9) == "Exception" && is_object(value)) {
        is_told_ |= is_truthy(value);
    } else if (name.is_any({"baseresp"}) && is_object(value)) {
        each(value, [&](string_view part, ondemand::value &field) {
            if (part == "status_code") read_error_code(field, true);
        });
    } else if (!name.is_any({"type", "param", "details", "metadata", "headers", "requestid", "traceid", "timestamp", "time",
                             "path", "title", "instance", "hint", "help", "documentationurl", "logid", "version",
                             "innererror", "reason", "url", "method", "eventid", "retryafter", "provider", "solution"})) {
        has_more_ |= is_truthy(value);
    }
}

bool ErrorSigns::tell_an_error() const noexcept {
    if (is_named_ || (says_ && has_status_) || (is_unsuccessful_ && (says_ || has_list_ || !has_more_))) return true;
    if (has_more_ || is_successful_) return false;
    return has_detail_ || has_list_ || is_told_ || (says_ && has_code_) || says_failure_;
}
