// Scans request bodies with simdjson's on-demand parser, which builds no tree and skips unread values.
#include "billing.h"
#include "folded_name.h"
#include "media.h"
#include "parser.h"

/// The maximum number of bytes that a parser keeps between scans.
static const size_t kept_memory = 1 << 20;

extern "C" cjson_parser *cjson_parser_new(void) noexcept { return new cjson_parser; }
extern "C" void cjson_parser_free(cjson_parser *parser) noexcept { delete parser; }
extern "C" size_t cjson_parser_memory(const cjson_parser *parser) noexcept { return parser->memory(); }
extern "C" void cjson_parser_trim(cjson_parser *parser) noexcept {
    if (parser->memory() <= kept_memory) return;
    parser->parser = ondemand::parser();
    std::vector<uint8_t>().swap(parser->scratch);
}

/// The text without whitespace at its end.
static string_view trimmed(string_view view) noexcept {
    while (!view.empty() && (view.back() == ' ' || view.back() == '\n' || view.back() == '\r' || view.back() == '\t'))
        view.remove_suffix(1);
    return view;
}

/// The first JSON token of a value, such as a whole string or an opening brace, without trailing whitespace.
static string_view token(ondemand::value &value) noexcept { return trimmed(value.raw_json_token()); }

/// Where a part of the body lies in the body, as an offset and a length; `bytes` is the beginning of the body.
static cjson_range range(string_view view, const uint8_t *bytes) noexcept {
    return {size_t(reinterpret_cast<const uint8_t *>(view.data()) - bytes), view.size()};
}

// MARK: Requests

/// The key that the edge recognizes in the name of a member of a request body.
///
/// `is_exact` is false if only a lenient JSON parser reads the name as this key, such as `"Model"` as `model`.
struct RequestKey {
    cjson_key key;
    bool is_exact;
};

/// The known key of a request body that has this name; `CJSON_KEY_NONE` for an unknown name.
///
/// The switch on the length makes this fast: at most three names are left to compare, and the compiler knows their
/// lengths.
static cjson_key key_named(string_view name) noexcept {
    switch (name.size()) {
    case 1: return name == "n" ? CJSON_KEY_N : CJSON_KEY_NONE;
    case 5:
        if (name == "model") return CJSON_KEY_MODEL;
        if (name == "tools") return CJSON_KEY_TOOLS;
        return name == "input" ? CJSON_KEY_INPUT : CJSON_KEY_NONE;
    case 6:
        if (name == "stream") return CJSON_KEY_STREAM;
        if (name == "prompt") return CJSON_KEY_PROMPT;
        return name == "system" ? CJSON_KEY_SYSTEM : CJSON_KEY_NONE;
    case 7: return name == "best_of" ? CJSON_KEY_BEST_OF : CJSON_KEY_NONE;
    case 8:
        if (name == "messages") return CJSON_KEY_MESSAGES;
        return name == "priority" ? CJSON_KEY_PRIORITY : CJSON_KEY_NONE;
    case 10:
        if (name == "cache_salt") return CJSON_KEY_CACHE_SALT;
        return name == "max_tokens" ? CJSON_KEY_MAX_TOKENS : CJSON_KEY_NONE;
    case 12: return name == "instructions" ? CJSON_KEY_INSTRUCTIONS : CJSON_KEY_NONE;
    case 14: return name == "stream_options" ? CJSON_KEY_STREAM_OPTIONS : CJSON_KEY_NONE;
    case 17: return name == "max_output_tokens" ? CJSON_KEY_MAX_OUTPUT_TOKENS : CJSON_KEY_NONE;
    case 20: return name == "previous_response_id" ? CJSON_KEY_PREVIOUS_RESPONSE : CJSON_KEY_NONE;
    case 21: return name == "max_completion_tokens" ? CJSON_KEY_MAX_COMPLETION_TOKENS : CJSON_KEY_NONE;
    default: return CJSON_KEY_NONE;
    }
}

/// Returns the constant, such as `CJSON_KEY_MODEL`, for the name of a member; `CJSON_KEY_NONE` if the edge does not
/// know the name.
///
/// A member with an unknown name goes to the engine unchanged, even if the name's escapes are invalid.
static RequestKey request_key(const FoldedName &folded) noexcept {
    if (!folded.is_short()) return {CJSON_KEY_NONE, true};
    return {key_named(folded.text()), folded.is_exact()};
}

/// Reads an integer.
///
/// A null counts as absent.
static cjson_status read_integer(ondemand::value &value, ondemand::json_type type, cjson_integer &out) noexcept {
    if (type == ondemand::json_type::null) {
        bool is_null;
        return value.is_null().get(is_null) == SUCCESS && is_null ? CJSON_OK : CJSON_INVALID;
    }
    if (type != ondemand::json_type::number) return CJSON_WRONG_TYPE;
    if (value.get_int64().get(out.value) != SUCCESS) {
        double number;
        if (value.get_double().get(number) != SUCCESS) return CJSON_INVALID;
        if (!(number >= -9e15 && number <= 9e15) || number != double(int64_t(number))) return CJSON_WRONG_TYPE;
        out.value = int64_t(number);
    }
    out.present = true;
    return CJSON_OK;
}

/// Reads a boolean or null.
static cjson_status read_boolean(ondemand::value &value, ondemand::json_type type, cjson_presence &out) noexcept {
    if (type == ondemand::json_type::null) {
        out = CJSON_NULL;
        bool is_null;
        return value.is_null().get(is_null) == SUCCESS && is_null ? CJSON_OK : CJSON_INVALID;
    }
    if (type != ondemand::json_type::boolean) return CJSON_WRONG_TYPE;
    bool truth;
    if (value.get_bool().get(truth) != SUCCESS) return CJSON_INVALID;
    out = truth ? CJSON_TRUE : CJSON_FALSE;
    return CJSON_OK;
}

/// Reads `stream_options` and its `include_usage`.
static cjson_status read_stream_options(ondemand::value &value, ondemand::json_type type, const uint8_t *bytes,
                                        cjson_request *out) noexcept {
    out->raw_stream_options = range(token(value), bytes);
    if (type == ondemand::json_type::null) {
        out->stream_options = CJSON_NULL;
        bool is_null;
        return value.is_null().get(is_null) == SUCCESS && is_null ? CJSON_OK : CJSON_INVALID;
    }
    if (type != ondemand::json_type::object) return CJSON_WRONG_TYPE;
    out->stream_options = CJSON_OBJECT;
    out->stream_options_empty = true;
    ondemand::object object;
    if (value.get_object().get(object) != SUCCESS) return CJSON_INVALID;
    for (auto item : object) {
        ondemand::field field;
        if (std::move(item).get(field) != SUCCESS) return CJSON_INVALID;
        out->stream_options_empty = false;
        FoldedName name(reinterpret_cast<const uint8_t *>(field.key().raw()));
        if (!name.is_short() || name.text() != "include_usage") continue;
        out->key = CJSON_KEY_INCLUDE_USAGE;
        if (!name.is_exact()) return CJSON_FOLDED;
        if (out->include_usage != CJSON_ABSENT) return CJSON_DUPLICATE;
        ondemand::json_type kind;
        if (field.value().type().get(kind) != SUCCESS) return CJSON_INVALID;
        out->raw_include_usage = range(token(field.value()), bytes);
        cjson_status status = read_boolean(field.value(), kind, out->include_usage);
        if (status != CJSON_OK) return status;
    }
    out->key = CJSON_KEY_STREAM_OPTIONS;
    return CJSON_OK;
}

/// Reads `model`.
static cjson_status read_model(ondemand::value &value, ondemand::json_type type, const uint8_t *bytes,
                               cjson_request *out) noexcept {
    if (type != ondemand::json_type::string) return CJSON_WRONG_TYPE;
    out->raw_model = range(token(value), bytes);
    string_view model;
    if (value.get_string().get(model) != SUCCESS) return CJSON_INVALID;
    if (model.size() > CJSON_MODEL_MAX) return CJSON_TOO_LONG;
    out->model = text(model);
    return CJSON_OK;
}

/// Counts the elements of a `prompt` that is an array of strings or of token arrays; 0 for any other value.
static size_t count_prompts(ondemand::value &value) noexcept {
    ondemand::array prompts;
    if (value.get_array().get(prompts) != SUCCESS) return 0;
    size_t count = 0;
    for (auto item : prompts) {
        ondemand::value prompt;
        ondemand::json_type type;
        if (std::move(item).get(prompt) != SUCCESS || prompt.type().get(type) != SUCCESS) return count;
        if (type == ondemand::json_type::string || type == ondemand::json_type::array) count++;
    }
    return count;
}

/// The keys of a request body whose values make up the prompt.
static const uint32_t prompt_keys = CJSON_KEY_TOOLS | CJSON_KEY_SYSTEM | CJSON_KEY_INSTRUCTIONS | CJSON_KEY_MESSAGES
                                    | CJSON_KEY_PROMPT | CJSON_KEY_INPUT;

/// Finds the members of a request body that make up the prompt, such as `messages` and `tools`.
///
/// The scan calls `begin` for each such member. It calls `end` at each key of the body and at the end of the body.
class PromptFinder {
  public:
    explicit PromptFinder(const uint8_t *bytes) noexcept : bytes_(bytes) {}

    /// Records a member of the prompt: its key, and the offset at which its value begins.
    ///
    /// `is_exact` is false if only a lenient JSON parser reads the member's name as this key, such as `"Model"` as
    /// `model`.
    void begin(cjson_key key, bool is_exact, size_t offset) noexcept {
        if (!is_exact || (seen_ & key)) ambiguous_ |= key;
        seen_ |= key;
        open_ = &member(key);
        open_->offset = offset;
    }
    /// Records the end of the member passed to `begin`; does nothing if its end is recorded already.
    ///
    /// The value ends before `at`. Between the value and `at` are white space and one comma or brace.
    void end(size_t at) noexcept {
        if (!open_) return;
        string_view value(reinterpret_cast<const char *>(bytes_) + open_->offset, at - open_->offset);
        value = trimmed(value);
        if (!value.empty()) value.remove_suffix(1);
        open_->length = trimmed(value).size();
        open_ = nullptr;
    }
    /// The members of the prompt; all empty if the key of one of them occurs twice, or in a form that only lenient
    /// parsers accept.
    ///
    /// Engines may differ in which value of such a key they use.
    cjson_prompt prompt() const noexcept { return ambiguous_ ? cjson_prompt() : prompt_; }
    /// The offset of the value of this key; 0 if the key is absent, occurs twice, or only lenient parsers accept it.
    size_t value(cjson_key key) noexcept {
        return (seen_ & key) && !(ambiguous_ & key) ? member(key).offset : 0;
    }

  private:
    const uint8_t *bytes_;
    cjson_prompt prompt_{};
    /// The member for which `begin` was called but not yet `end`; null if there is none.
    cjson_range *open_ = nullptr;
    /// The keys passed to `begin`, and those of them that have occurred twice or in a form that only lenient parsers
    /// accept.
    uint32_t seen_ = 0, ambiguous_ = 0;

    cjson_range &member(cjson_key key) noexcept {
        if (key == CJSON_KEY_TOOLS) return prompt_.tools;
        return key & (CJSON_KEY_SYSTEM | CJSON_KEY_INSTRUCTIONS) ? prompt_.system : prompt_.messages;
    }
};

/// Stores the range of a string in `out`, unless `out` already contains the range of an earlier string.
///
/// Values of other types are not read.
static void note_string(ondemand::value &value, const uint8_t *bytes, cjson_range &out) noexcept {
    ondemand::json_type type;
    if (out.length == 0 && value.type().get(type) == SUCCESS && type == ondemand::json_type::string)
        out = range(token(value), bytes);
}

/// Finds the members of a request whose names the caller has given.
class NamedMembers {
  public:
    NamedMembers(cjson_names names, const uint8_t *bytes, cjson_range *out) noexcept : bytes_(bytes), out_(out) {
        for (const char *at = names.bytes; count_ < names.count; count_++) {
            names_[count_] = string_view(at);
            size_t point = names_[count_].find('.');
            outer_[count_] = names_[count_].substr(0, point == string_view::npos ? 0 : point);
            at += names_[count_].size() + 1;
        }
    }

    /// Stores the range of a member's value, if it is a string and the caller asked for the member's name.
    ///
    /// If the caller asked for members inside this member's object, by names such as `a.b`, the function stores their
    /// ranges, too. `key` is the byte after the opening quotation mark of the member's name. `may_open` is false for a
    /// member whose object the caller reads afterwards, because the parser passes over each object only once. Returns
    /// false if the JSON is invalid.
    bool note(const uint8_t *key, ondemand::value &value, bool may_open) noexcept {
        uint32_t inside = 0;
        for (size_t i = 0; i < count_; i++) {
            if (!outer_[i].empty()) inside |= uint32_t(FoldedName::is_exactly(key, outer_[i])) << i;
            else if (FoldedName::is_exactly(key, names_[i])) note_string(value, bytes_, out_[i]);
        }
        ondemand::json_type type;
        if (!inside || !may_open) return true;
        if (value.type().get(type) != SUCCESS || type != ondemand::json_type::object) return true;
        ondemand::object object;
        if (value.get_object().get(object) != SUCCESS) return false;
        for (auto item : object) {
            ondemand::field field;
            if (std::move(item).get(field) != SUCCESS) return false;
            const uint8_t *inner = reinterpret_cast<const uint8_t *>(field.key().raw());
            for (size_t i = 0; i < count_; i++) {
                if (!(inside >> i & 1)) continue;
                if (FoldedName::is_exactly(inner, names_[i].substr(outer_[i].size() + 1)))
                    note_string(field.value(), bytes_, out_[i]);
            }
        }
        return true;
    }

  private:
    string_view names_[CJSON_NAMED_MAX];
    /// For each element of `names_`, the part before its dot, such as `a` in `a.b`; empty if the name has no dot.
    ///
    /// This part is the key of an object in the body.
    string_view outer_[CJSON_NAMED_MAX];
    size_t count_ = 0;
    const uint8_t *bytes_;
    cjson_range *out_;
};

/// Finds the ranges of the members `priority`, which are later removed from the body.
///
/// The scan calls `begin` for each key of the body, in their order, and calls `end` once, at the end of the body.
class PriorityFinder {
  public:
    PriorityFinder(const uint8_t *bytes, cjson_request *out) noexcept : bytes_(bytes), out_(out) {}

    /// Records that a member of the body begins; `offset` is the position of the opening quotation mark of its key.
    ///
    /// The members `priority` are recorded as ranges of bytes; those that directly follow each other share one range.
    /// Returns false if the body has more than `CJSON_PRIORITIES_MAX` such ranges.
    bool begin(bool is_priority, size_t offset) noexcept {
        if (is_priority == is_open_) return true;
        is_open_ = is_priority;
        if (!is_priority) {
            // The range of the `priority` members ends where the next key begins. So it includes the comma before that
            // key.
            last().length = offset - last().offset;
            return true;
        }
        if (out_->priority_count == CJSON_PRIORITIES_MAX) return false;
        out_->priority_count++;
        last().offset = offset;
        return true;
    }
    /// Records the end of the body, whose length is `length`; only white space may follow its closing brace.
    void end(size_t length) noexcept {
        if (!is_open_) return;
        // If the body ends with `priority` members, no comma follows them. So their range includes the comma before
        // them, if there is one.
        string_view before = trimmed(view(0, last().offset));
        string_view object = trimmed(view(0, length));
        object.remove_suffix(1);
        size_t begin = before.back() == ',' ? before.size() - 1 : last().offset;
        last() = {begin, trimmed(object).size() - begin};
    }

  private:
    const uint8_t *bytes_;
    cjson_request *out_;
    /// Whether the latest member was a `priority`, so that the end of its range is not recorded yet.
    bool is_open_ = false;

    cjson_range &last() noexcept { return out_->priorities[out_->priority_count - 1]; }
    string_view view(size_t offset, size_t length) const noexcept {
        return {reinterpret_cast<const char *>(bytes_) + offset, length};
    }
};

extern "C" cjson_status cjson_scan_request(cjson_parser *parser, const uint8_t *bytes, size_t length, size_t capacity,
                                           uint32_t wanted, cjson_names names, cjson_request *out) noexcept {
    std::memset(out, 0, sizeof *out);
    if (!parser->reserve(length)) return CJSON_INVALID;
    ondemand::document document;
    if (parser->parser.iterate(reinterpret_cast<const char *>(bytes), length, capacity).get(document) != SUCCESS)
        return CJSON_INVALID;
    ondemand::object object;
    while (out->object < length && std::strchr(" \t\r\n", bytes[out->object]) && bytes[out->object]) out->object++;
    if (out->object < length && bytes[out->object] != '{') return CJSON_NOT_OBJECT;
    if (document.get_object().get(object) != SUCCESS) return CJSON_INVALID;
    uint32_t seen = 0;
    PromptFinder finder(bytes);
    NamedMembers named(names, bytes, out->named);
    PriorityFinder priorities(bytes, out);
    for (auto item : object) {
        ondemand::field field;
        if (std::move(item).get(field) != SUCCESS) return CJSON_INVALID;
        const uint8_t *name = reinterpret_cast<const uint8_t *>(field.key().raw());
        // `name` points to the byte after the opening quotation mark.
        finder.end(size_t(name - 1 - bytes));
        FoldedName folded(name);
        auto [key, is_exact] = request_key(folded);
        if (!priorities.begin(key == CJSON_KEY_PRIORITY, size_t(name - 1 - bytes))) {
            out->key = key;
            return CJSON_DUPLICATE;
        }
        if (!named.note(name, field.value(), key == CJSON_KEY_NONE)) return CJSON_INVALID;
        if (!(key & wanted)) continue;
        if (key == CJSON_KEY_CACHE_SALT || key == CJSON_KEY_PREVIOUS_RESPONSE) {
            note_string(field.value(), bytes, key == CJSON_KEY_CACHE_SALT ? out->cache_salt : out->previous_response);
            continue;
        }
        if (key & prompt_keys) {
            finder.begin(key, is_exact, range(field.value().raw_json_token(), bytes).offset);
            if (key != CJSON_KEY_PROMPT) continue;
        }
        out->key = key;
        if (!is_exact) return CJSON_FOLDED;
        if (seen & key) return CJSON_DUPLICATE;
        seen |= key;
        if (key == CJSON_KEY_PROMPT) {
            out->prompts = count_prompts(field.value());
            continue;
        }
        ondemand::value &value = field.value();
        ondemand::json_type type;
        if (value.type().get(type) != SUCCESS) return CJSON_INVALID;
        cjson_status status = CJSON_OK;
        cjson_presence stream = CJSON_ABSENT;
        switch (key) {
        case CJSON_KEY_MODEL: status = read_model(value, type, bytes, out); break;
        case CJSON_KEY_STREAM:
            status = read_boolean(value, type, stream);
            out->stream = stream == CJSON_TRUE;
            break;
        case CJSON_KEY_STREAM_OPTIONS: status = read_stream_options(value, type, bytes, out); break;
        case CJSON_KEY_MAX_TOKENS: status = read_integer(value, type, out->max_tokens); break;
        case CJSON_KEY_MAX_COMPLETION_TOKENS: status = read_integer(value, type, out->max_completion_tokens); break;
        case CJSON_KEY_MAX_OUTPUT_TOKENS: status = read_integer(value, type, out->max_output_tokens); break;
        case CJSON_KEY_N: status = read_integer(value, type, out->n); break;
        case CJSON_KEY_BEST_OF: status = read_integer(value, type, out->best_of); break;
        default: break;
        }
        if (status != CJSON_OK) return status;
    }
    out->key = CJSON_KEY_NONE;
    const char *next;
    if (document.current_location().get(next) != OUT_OF_BOUNDS) return CJSON_TRAILING;
    finder.end(length);
    priorities.end(length);
    out->prompt = finder.prompt();
    cjson_key billed = wanted & CJSON_KEY_SYSTEM ? CJSON_KEY_SYSTEM : CJSON_KEY_MESSAGES;
    if (size_t value = finder.value(billed))
        out->billing = find_billing(bytes, length, value, billed == CJSON_KEY_MESSAGES);
    if (may_have_media(bytes, length)) scan_media(document, bytes, out->media, out->contents);
    return CJSON_OK;
}
