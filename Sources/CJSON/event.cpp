// Scans server-sent events and JSON responses for errors, finish reasons and token usage.
#include "error_patterns.h"

static bool is_text(ondemand::value &value, string_view text) noexcept {
    return raw_text(value) == text;
}

static bool is_null(ondemand::value &value) noexcept {
    ondemand::json_type type;
    return value.type().get(type) != SUCCESS || type == ondemand::json_type::null;
}

/// Reads a count of tokens.
///
/// Leaves `out` unchanged if the value is not a whole number.
static void read_count(ondemand::value &value, cjson_integer &out) noexcept {
    ondemand::json_type type;
    if (value.type().get(type) != SUCCESS || type != ondemand::json_type::number) return;
    int64_t number;
    double written;
    if (value.get_int64().get(number) == SUCCESS) {
        out = {true, number};
    } else if (value.get_double().get(written) == SUCCESS && written >= 0 && written < 1e15) {
        // Some engines write a whole number with a fraction, such as 5.0.
        number = int64_t(written);
        if (double(number) == written) out = {true, number};
    }
}

/// Reads the token counts of an object such as `prompt_tokens_details`, which is a member of `usage`.
static void read_details(ondemand::value &value, cjson_event *out) noexcept {
    if (!is_object(value)) return;
    each(value, [&](string_view key, ondemand::value &field) {
        if (key == "cached_tokens") read_count(field, out->cached_tokens);
        else if (key == "reasoning_tokens") read_count(field, out->reasoning_tokens);
    });
}

/// Reads a `usage` object in the format of any dialect.
///
/// Returns false if its syntax is wrong.
static bool read_usage(ondemand::value &value, cjson_event *out) noexcept {
    if (!is_object(value)) return true;
    out->has_usage = true;
    return each(value, [&](string_view key, ondemand::value &field) {
        if (key == "prompt_tokens" || key == "input_tokens") read_count(field, out->prompt_tokens);
        else if (key == "completion_tokens" || key == "output_tokens") read_count(field, out->completion_tokens);
        else if (key == "total_tokens") read_count(field, out->total_tokens);
        else if (key == "cache_read_input_tokens") read_count(field, out->cache_read_tokens);
        else if (key == "cache_creation_input_tokens") read_count(field, out->cache_creation_tokens);
        else if (key == "reasoning_tokens") read_count(field, out->reasoning_tokens);
        else if (key == "prompt_cache_hit_tokens" || key == "cached_tokens") read_count(field, out->cached_tokens);
        else if (key == "prompt_tokens_details" || key == "input_tokens_details" ||
                 key == "completion_tokens_details" || key == "output_tokens_details")
            read_details(field, out);
    });
}

/// Reads the number of cached tokens from llama.cpp's `timings`, an object beside `usage`.
///
/// In some versions of llama.cpp, `usage` lacks this number.
static void read_timings(ondemand::value &value, cjson_event *out) noexcept {
    if (!is_object(value)) return;
    each(value, [&](string_view key, ondemand::value &field) {
        if (key == "cache_n") read_count(field, out->timings_cached_tokens);
    });
}

/// The kind of value of a finish reason or stop reason: `given` is a word, `none` is null or an empty string, and
/// `other` is any other value.
enum class reason { other, none, given };

/// Whether a finish reason says that the engine aborted the output.
///
/// The words are those of vLLM, SGLang, TensorRT-LLM, DeepSeek, Cohere and Zhipu.
static bool is_abort_reason(string_view word) noexcept {
    static constexpr string_view words[] = {
        "abort", "aborted", "error", "cancelled", "canceled", "timeout", "not_finished", "network_error",
        "insufficient_system_resource",
    };
    auto is_same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? char(a | 0x20) : a) == b; };
    for (string_view known : words)
        if (std::equal(word.begin(), word.end(), known.begin(), known.end(), is_same)) return true;
    return false;
}

/// Reads a finish or stop reason, which is a string, or an object that has the string in its member `type`.
///
/// SGLang sends an object if it has aborted the output. After an error, the object has an error status in
/// `status_code`.
static reason read_reason(ondemand::value &value, cjson_event *out) noexcept {
    ondemand::json_type type;
    if (value.type().get(type) != SUCCESS) return reason::other;
    cjson_text found = {};
    if (type == ondemand::json_type::null) return reason::none;
    if (type == ondemand::json_type::string) {
        read_text(value, found);
        if (found.bytes && !found.length) return reason::none;
    } else if (type == ondemand::json_type::object) {
        each(value, [&](string_view key, ondemand::value &field) {
            if (key == "type") read_text(field, found);
            else if (key == "status_code") out->error |= is_failure(field);
        });
    }
    if (!found.length) return reason::other;
    string_view word(reinterpret_cast<const char *>(found.bytes), found.length);
    out->broken |= is_abort_reason(word);
    if (!out->finish_reason.bytes) out->finish_reason = found;
    return reason::given;
}

static void read_stop_reason(ondemand::value &value, cjson_event *out) noexcept {
    out->no_stop_reason |= read_reason(value, out) == reason::none;
}

/// Whether the member of a choice's `delta` or `message` with this key contains output of the model.
static bool is_text_key(string_view key) noexcept {
    return key == "content" || key == "reasoning_content" || key == "reasoning" || key == "text" ||
           key == "tool_calls" || key == "refusal" || key == "function_call" || key == "audio";
}

/// Reads the array `choices` of an OpenAI chunk or response.
///
/// Returns false if the syntax is wrong.
static bool read_choices(ondemand::value &value, cjson_event *out) noexcept {
    ondemand::array choices;
    if (value.get_array().get(choices) != SUCCESS) return true;  // `choices` is null or no array
    out->has_choices = true;
    out->empty_choices = true;
    int64_t position = 0;
    for (auto item : choices) {
        ondemand::value choice;
        if (std::move(item).get(choice) != SUCCESS) return false;
        out->empty_choices = false;
        cjson_integer index = {true, position++};
        reason found = reason::other;
        if (!is_object(choice)) continue;
        bool followed = each(choice, [&](string_view key, ondemand::value &field) {
            if (key == "index") {
                read_count(field, index);
            } else if (key == "error") {
                out->error |= is_error(field);
            } else if (key == "finish_reason") {
                found = read_reason(field, out);
            } else if (key == "usage") {
                read_usage(field, out);
            } else if (key == "text") {
                out->has_text |= is_truthy(field);
            } else if ((key == "delta" || key == "message") && is_object(field)) {
                each(field, [&](string_view part, ondemand::value &content) {
                    if (is_text_key(part)) out->has_text |= is_truthy(content);
                });
            }
        });
        if (!followed) return false;
        if (index.value < 0 || index.value > 63) continue;
        if (found == reason::given) out->finished |= uint64_t(1) << index.value;
        if (found == reason::none) out->unfinished |= uint64_t(1) << index.value;
    }
    return true;
}

/// Reads a nested object that can have its own usage and error: Anthropic's `message`, OpenAI's `response`, Groq's
/// `x_groq` and Tencent's `Response`.
///
/// Other engines use these names for strings, which are skipped.
///
/// OpenAI's `response` can report a failure by its `status` alone. Anthropic's `message` has a null stop reason at the
/// beginning of a stream.
static void read_nested(string_view name, ondemand::value &value, cjson_event *out) noexcept {
    if (!is_object(value)) return;
    each(value, [&](string_view key, ondemand::value &field) {
        if (key == "usage") read_usage(field, out);
        else if (key == "error" || key == "Error") out->error |= is_error(field);
        else if (key == "status" && name == "response") out->error |= is_text(field, "failed");
        else if (key == "id" && name == "response") read_text(field, out->response_id);
        else if (key == "stop_reason" && name == "message") read_stop_reason(field, out);
    });
}

/// Reads the member `delta` of an event.
///
/// In Anthropic's events it is an object that may have a stop reason. In the events of OpenAI's responses API it
/// is a string.
static void read_delta(ondemand::value &value, cjson_event *out) noexcept {
    if (!is_object(value)) {
        out->has_text |= is_truthy(value);
        return;
    }
    each(value, [&](string_view key, ondemand::value &field) {
        if (key == "stop_reason") read_stop_reason(field, out);
        else if (key == "text" || key == "partial_json" || key == "thinking") out->has_text |= is_truthy(field);
    });
}

/// Clears the result for a payload that is not exactly one JSON document.
///
/// Only `error` is kept, and what is known without parsing the payload as JSON, such as the name of the event.
static void keep_only_error(cjson_event *out) noexcept {
    cjson_event kept = {};
    kept.has_data = out->has_data;
    kept.blank = out->blank;
    kept.other_fields = out->other_fields;
    kept.name = out->name;
    kept.error = out->error;
    *out = kept;
}

/// Collects, from the top-level members of one document, the signs of an error or of an OpenAI response that failed.
struct RootPatterns {
    ErrorPatterns error;
    bool has_failed = false, is_response = false;
    /// The member `id` at the top level of the document.
    cjson_text id = {};
};

/// Reads a member that shows to which dialect (API format) a complete response belongs.
///
/// Returns false for any other member.
static bool read_answer_member(string_view key, ondemand::value &value, RootPatterns &patterns,
                               cjson_event *out) noexcept {
    if (key == "type") {
        read_text(value, out->type);
        out->has_message |= !is_null(value);
    } else if (key == "object") {
        out->error |= is_text(value, "error");
        patterns.is_response |= is_text(value, "response");
        out->has_response |= !is_null(value);
    } else if (key == "content") {
        out->has_message |= !is_null(value);
    } else if (key == "id") {
        read_text(value, patterns.id);
    } else if (key == "output") {
        patterns.is_response = true;
        out->has_response |= !is_null(value);
    } else if (key == "data" || key == "embeddings" || key == "embedding") {
        out->has_embeddings |= !is_null(value);
    } else {
        return false;
    }
    return true;
}

/// Whether the document's `type` begins with the given text.
static bool has_type_prefix(const cjson_event *out, string_view type) noexcept {
    return out->type.length >= type.size() && std::memcmp(out->type.bytes, type.data(), type.size()) == 0;
}

/// Reads a document that is an object.
static void read_object(ondemand::value &root, cjson_event *out) noexcept {
    RootPatterns patterns;
    each(root, [&](string_view key, ondemand::value &value) {
        if (key == "error" || key == "Error") out->error |= is_error(value);
        else if (key == "choices") read_choices(value, out);
        else if (key == "usage") read_usage(value, out);
        else if (key == "message" && is_object(value)) read_nested(key, value, out);
        else if (key == "response" || key == "x_groq" || key == "Response") read_nested(key, value, out);
        else if (key == "delta") read_delta(value, out);
        else if (key == "stop_reason") read_stop_reason(value, out);
        else if (key == "timings") read_timings(value, out);
        else {
            if (key == "status") {
                patterns.has_failed |= is_text(value, "failed");
                out->has_response |= !is_null(value);
            }
            if (!read_answer_member(key, value, patterns, out) || key != "type") patterns.error.read(key, value);
        }
    });
    if (out->type.length == 5 && has_type_prefix(out, "error")) out->error = true;
    if (out->type.length == 15 && has_type_prefix(out, "response.failed")) out->error = true;
    if (patterns.has_failed && patterns.is_response) out->error = true;
    if (patterns.is_response) out->response_id = patterns.id;
    // The checks above recognize errors in events of OpenAI's Responses API and of Anthropic's Messages API. Other
    // events of these APIs have members such as `message` and `code` too, so `patterns.error`, which looks for such
    // members, is not applied to them.
    bool is_event = has_type_prefix(out, "response.") || has_type_prefix(out, "message") ||
                    has_type_prefix(out, "content_block");
    if (!out->has_choices && !out->has_usage && !is_event && patterns.error.is_match()) out->error = true;
}

/// Reads a document that is an array, because Gemini sends an error as an array with one element.
///
/// The document is an error if all its elements are errors.
static void read_list(ondemand::value &root, cjson_event *out) noexcept {
    ondemand::array list;
    if (root.get_array().get(list) != SUCCESS) return;
    bool error = false;
    for (auto item : list) {
        ondemand::value element;
        if (std::move(item).get(element) != SUCCESS || !is_object(element)) return;
        cjson_event found = {};
        read_object(element, &found);
        if (!found.error) return;
        error = true;
    }
    out->error |= error;
}

/// Reads the document that is in the parser's scratch memory.
static void read_root(cjson_parser *parser, size_t length, cjson_event *out) noexcept {
    ondemand::document document;
    ondemand::value root;
    ondemand::json_type type;
    const char *json = reinterpret_cast<const char *>(parser->scratch.data());
    if (parser->parser.iterate(json, length, length + CJSON_PADDING).get(document) != SUCCESS) return;
    if (document.get_value().get(root) != SUCCESS || root.type().get(type) != SUCCESS) return;
    if (type == ondemand::json_type::object) read_object(root, out);
    else if (type == ondemand::json_type::array) read_list(root, out);
}

/// Scans the data of an event, or a response body, that is in the parser's scratch memory.
///
/// Data that is not valid JSON is repaired first.
static void scan(cjson_parser *parser, size_t length, cjson_event *out) noexcept {
    uint8_t *json = parser->scratch.data();
    out->has_data = true;
    out->blank = std::all_of(json, json + length, [](uint8_t byte) { return byte <= 0x20; });
    out->done = length >= 6 && std::memcmp(json, "[DONE]", 6) == 0;
    if (out->done || !parser->reserve(length)) return;
    out->valid = is_json_document(json, length);
    if (!out->valid) {
        cjson_repair(json, length);
        out->valid = is_json_document(json, length);
    }
    read_root(parser, length, out);
    if (!out->valid) keep_only_error(out);
}

extern "C" void cjson_scan_payload(cjson_parser *parser, const uint8_t *json, size_t length,
                                   cjson_event *out) noexcept {
    std::memset(out, 0, sizeof *out);
    parser->scratch.resize(length + CJSON_PADDING);
    std::memcpy(parser->scratch.data(), json, length);
    std::memset(parser->scratch.data() + length, 0, CJSON_PADDING);
    scan(parser, length, out);
}

/// Scans a line of the event that is not a field such as `data:`, because some engines send an error as bare JSON.
///
/// If the line is no error, `out` does not change.
static void scan_bare(cjson_parser *parser, string_view line, size_t filled, cjson_event *out) noexcept {
    std::vector<uint8_t> data(parser->scratch.begin(), parser->scratch.begin() + ptrdiff_t(filled));
    cjson_event found;
    cjson_scan_payload(parser, reinterpret_cast<const uint8_t *>(line.data()), line.size(), &found);
    if (found.error) {
        out->error = out->is_bare = true;
    }
    // The scan of the line has overwritten the scratch memory, which contained the texts that the scan of the event's
    // data had found. So the data is scanned again.
    bool error = out->error;
    bool other_fields = out->other_fields;
    cjson_text name = out->name;
    if (filled > 0) {
        cjson_scan_payload(parser, data.data(), data.size(), out);
        out->name = name;
        out->other_fields = other_fields;
        out->error = out->is_bare = error;
    }
}

extern "C" void cjson_scan_event(cjson_parser *parser, const uint8_t *event, size_t length, cjson_event *out) noexcept {
    std::memset(out, 0, sizeof *out);
    parser->scratch.resize(length + 1 + CJSON_PADDING);
    size_t filled = 0;
    bool has_data = false;
    string_view bare, rest;
    for (size_t start = 0; start < length;) {
        size_t end = start;
        while (end < length && event[end] != '\n' && event[end] != '\r') end++;
        string_view line(reinterpret_cast<const char *>(event) + start, end - start);
        start = end + 1;
        if (end < length && event[end] == '\r' && start < length && event[start] == '\n') start++;
        if (line.empty() || line.front() == ':') continue;
        size_t colon = line.find(':');
        if (bare.empty() && (line.front() == '{' || line.front() == '[')) {
            bare = line;
            rest = string_view(line.data(), length - size_t(reinterpret_cast<const uint8_t *>(line.data()) - event));
        }
        string_view field = line.substr(0, colon);
        string_view value = line.substr(colon == string_view::npos ? line.size() : colon + 1);
        if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
        if (field == "event") {
            out->name = text(value);
        } else if (field == "data") {
            if (has_data) parser->scratch[filled++] = '\n';
            std::memcpy(parser->scratch.data() + filled, value.data(), value.size());
            filled += value.size();
            has_data = true;
        } else if (field == "id" || field == "retry") {
            out->other_fields = true;
        } else if (field == "error" && bare.empty()) {
            bare = value;
        }
    }
    if (has_data) {
        std::memset(parser->scratch.data() + filled, 0, CJSON_PADDING);
        scan(parser, filled, out);
    }
    if (!bare.empty() && !out->error) scan_bare(parser, bare, has_data ? filled : 0, out);
    // An engine can also send an error as bare JSON that spans several lines. So in an event without `data:`, all text
    // from the first line that begins with `{` or `[` to the end of the event is scanned as one document.
    if (!rest.empty() && !out->error && !has_data) scan_bare(parser, rest, 0, out);
}
