// Finds the images, audio, video and files in a request body, in the formats of all APIs. The edge estimates their
// tokens from their numbers and sizes, because their bytes are not text. The body is searched only if `may_have_media`
// finds a key or a type of media.
#include "media.h"
#include "values.h"
#include <algorithm>
#include <cctype>
#include <initializer_list>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// MARK: The prefilter

/// Whether the text after a quotation mark may be the key or the type of an image, audio, video or file.
static bool may_begin_media(const uint8_t *at, const uint8_t *end) noexcept {
    auto begins = [&](const char *word, size_t length) {
        return size_t(end - at) >= length && std::memcmp(at, word, length) == 0;
    };
    switch (*at) {
    case 'a': return begins("audio", 5);
    case 'D': return begins("DATA:", 5) || begins("Data:", 5);
    case 'd': return begins("data\"", 5) || begins("data:", 5) || begins("document\"", 9);
    case 'f': return begins("file\"", 5) || begins("file_", 5);
    case 'i':
        if (begins("image", 5)) return true;
        return begins("input_", 6) && end - at > 6 && (at[6] == 'a' || at[6] == 'f' || at[6] == 'i' || at[6] == 'v');
    case 'm': return begins("multimodal_data", 15);
    case 'p': return begins("prompt_embeds", 13);
    case 'r': return begins("ref_audio", 9);
    case 'v': return begins("video", 5);
    default: return false;
    }
}

bool may_have_media(const uint8_t *bytes, size_t length) noexcept {
    const uint8_t *end = bytes + length;
    size_t i = 0;
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"');
    for (; i + 17 <= length; i += 16) {
        __m128i here = _mm_loadu_si128(reinterpret_cast<const __m128i *>(bytes + i));
        unsigned mask = unsigned(_mm_movemask_epi8(_mm_cmpeq_epi8(here, quote)));
        for (; mask; mask &= mask - 1)
            if (may_begin_media(bytes + i + unsigned(__builtin_ctz(mask)) + 1, end)) return true;
    }
#endif
    for (; i + 1 < length; i++)
        if (bytes[i] == '"' && may_begin_media(bytes + i + 1, end)) return true;
    return false;
}

// MARK: Kinds

namespace {

enum class kind { none, image, audio, raw_audio, video, file, text };

/// The content of a part of a message, such as an image, as the members of the part describe it.
struct payload {
    bool present = false;
    /// Whether the body holds only a URL or an id of the content.
    bool reference = false;
    bool base64 = false;
    /// Whether the part declares its content to be plain text.
    bool plain = false;
    /// The kind of media that the part's media type, file name or member `format` implies; `none` if none of them does.
    kind hint = kind::none;
    /// The content as it is written in the body (`raw`), and its size in bytes after decoding (`decoded`).
    string_view raw;
    size_t decoded = 0;
    /// The kind of media that the JSON key of the content implies, such as the key `audio`.
    kind member = kind::none;
};

bool starts_with(string_view text, string_view prefix) noexcept { return text.substr(0, prefix.size()) == prefix; }

/// Whether a text begins with a word, ignoring the text's case.
///
/// The word must be in lower case.
bool starts_with_word(string_view text, string_view word) noexcept {
    if (text.size() < word.size()) return false;
    for (size_t i = 0; i < word.size(); i++)
        if (std::tolower(uint8_t(text[i])) != word[i]) return false;
    return true;
}

/// Whether the text is a data URL (RFC 2397), whose scheme is case-insensitive.
bool is_data_url(string_view text) noexcept { return starts_with_word(text, "data:"); }

/// Whether the part of a data URL before the comma declares the content to be base64.
bool says_base64(string_view type) noexcept {
    size_t mark = type.rfind(';');
    return mark != string_view::npos && starts_with_word(type.substr(mark + 1), "base64");
}

bool is_any(string_view text, std::initializer_list<string_view> words) noexcept {
    for (string_view word : words)
        if (text == word) return true;
    return false;
}

/// The kind of media that a part of a message contains if this text, such as `image_url`, is its `type`.
kind kind_of_type(string_view type) noexcept {
    if (is_any(type, {"image_url", "input_image", "image", "computer_screenshot", "image_file", "output_image",
                      "image_generation_call", "image_embeds"}))
        return kind::image;
    if (is_any(type, {"input_audio", "audio_url", "audio", "audio_embeds"})) return kind::audio;
    if (is_any(type, {"video_url", "input_video", "video"})) return kind::video;
    if (is_any(type, {"file", "input_file", "document", "file_url"})) return kind::file;
    return kind::none;
}

/// The kind of media (image, audio, video or file) for a media type such as `image/png`.
///
/// The slash of the media type may be escaped.
kind kind_of_media_type(string_view type) noexcept {
    if (starts_with(type, "image")) return kind::image;
    if (starts_with(type, "audio")) {
        for (string_view raw : {"wav", "pcm", "l16", "L16", "aiff", "basic"})
            if (type.find(raw) != string_view::npos) return kind::raw_audio;
        return kind::audio;
    }
    if (starts_with(type, "video")) return kind::video;
    if (starts_with(type, "text")) return kind::text;
    for (string_view word : {"json", "xml", "yaml", "javascript", "x-sh", "toml", "x-python", "sql", "csv", "markdown"})
        if (type.find(word) != string_view::npos && type.find("officedocument") == string_view::npos) return kind::text;
    if (type.empty() || type.find("octet-stream") != string_view::npos) return kind::none;
    return kind::file;
}

/// The kind of media that the extension of a file name implies; `none` if the extension is unknown.
kind kind_of_name(string_view name) noexcept {
    size_t dot = name.rfind('.');
    if (dot == string_view::npos || name.size() - dot > 6) return kind::none;
    char lower[8] = {};
    for (size_t i = dot + 1; i < name.size(); i++) lower[i - dot - 1] = char(std::tolower(uint8_t(name[i])));
    string_view end = lower;
    if (is_any(end, {"png", "jpg", "jpeg", "gif", "webp", "bmp", "tif", "tiff", "heic"})) return kind::image;
    if (is_any(end, {"wav", "pcm", "aiff"})) return kind::raw_audio;
    if (is_any(end, {"mp3", "ogg", "opus", "flac", "m4a", "aac"})) return kind::audio;
    if (is_any(end, {"mp4", "webm", "mov", "mkv", "avi", "mpeg", "mpg"})) return kind::video;
    if (is_any(end, {"pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "odt", "ods", "zip", "gz", "epub", "bin"}))
        return kind::file;
    return kind::none;
}

int base64_value(uint8_t byte) noexcept {
    if (byte >= 'A' && byte <= 'Z') return byte - 'A';
    if (byte >= 'a' && byte <= 'z') return byte - 'a' + 26;
    if (byte >= '0' && byte <= '9') return byte - '0' + 52;
    if (byte == '+' || byte == '-') return 62;
    return byte == '/' || byte == '_' ? 63 : -1;
}

/// Decodes base64 until `out` is full.
///
/// Returns false if the text is not base64.
bool decode(string_view raw, uint8_t *out, size_t room, size_t &count) noexcept {
    uint32_t held = 0;
    int bits = 0;
    count = 0;
    for (size_t i = 0; i < raw.size() && count < room; i++) {
        uint8_t byte = uint8_t(raw[i]);
        if (byte == '\\' && i + 1 < raw.size() && (raw[i + 1] == '/' || raw[i + 1] == 'n' || raw[i + 1] == 'r')) {
            if (raw[++i] != '/') continue;
            byte = '/';
        }
        if (byte == '=') return true;
        int value = base64_value(byte);
        if (value < 0) return false;
        held = held << 6 | uint32_t(value);
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        out[count++] = uint8_t(held >> bits);
    }
    return true;
}

/// The kind of media that the first bytes of a content show; used if no type and no file name shows the kind.
kind kind_of_bytes(const uint8_t *bytes, size_t count) noexcept {
    string_view head(reinterpret_cast<const char *>(bytes), count);
    if (starts_with(head, "\x89PNG") || starts_with(head, "\xff\xd8\xff") || starts_with(head, "GIF8"))
        return kind::image;
    if (starts_with(head, "RIFF")) {
        string_view form = head.substr(std::min<size_t>(8, head.size()), 4);
        return form == "WEBP" ? kind::image : form == "WAVE" ? kind::raw_audio : kind::file;
    }
    if (starts_with(head, "ID3") || starts_with(head, "OggS") || starts_with(head, "fLaC")) return kind::audio;
    if (head.substr(std::min<size_t>(4, head.size()), 4) == "ftyp") return kind::video;
    if (starts_with(head, "%PDF") || starts_with(head, "PK\x03\x04")) return kind::file;
    for (uint8_t byte : head)
        if (byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t' && byte != '\f') return kind::file;
    return kind::text;
}

/// Reads a text into `found`. The text is the content of a part of a message, or the URL or id of that content.
void read_content(payload &found, string_view text, bool may_be_base64) noexcept {
    found.present = true;
    if (is_data_url(text)) {
        size_t comma = text.substr(0, 512).find(',');
        if (comma == string_view::npos) comma = 4;
        string_view type = text.substr(5, comma > 5 ? comma - 5 : 0);
        found.base64 = says_base64(type);
        kind hint = kind_of_media_type(type.substr(0, type.find(';')));
        if (hint != kind::none) found.hint = hint;
        found.raw = text.substr(comma + 1);
    } else if (!may_be_base64 || text.substr(0, 16).find(":/") != string_view::npos
               || text.substr(0, 16).find(":\\/") != string_view::npos) {
        found.reference = true;
        return;
    } else {
        found.raw = text;
        uint8_t sample[96];
        size_t count;
        // Plain text usually contains spaces, so it is not valid base64.
        found.base64 = decode(text.substr(0, 128), sample, sizeof sample, count);
    }
    found.decoded = found.base64 ? found.raw.size() / 4 * 3 : found.raw.size();
}

// MARK: The walk

/// Walks through a document, and adds the media that it finds to `media`.
struct walker {
    cjson_media &media;
    cjson_contents &contents;
    /// The beginning of the body.
    const uint8_t *bytes;
    /// The largest nesting depth at which JSON values are searched for media; deeper values are ignored.
    static const int depth_max = 48;
    /// The smallest base64 text, in bytes, that counts as media although no type declares it to be media.
    ///
    /// A shorter text that looks like base64 may be a word.
    static const size_t untyped_min = 256;

    /// Counts a string as media if it is a base64 data URL.
    ///
    /// In a list such as `images`, other base64 and other URLs count, too. The function is called for each string in a
    /// list, and for each string in an object whose key is none of those that `member` names.
    ///
    /// - Parameter listed: the kind of media that the key of the list, such as `images`, implies for its strings;
    ///   `none` if the key implies no kind, or if the string is not in a list.
    void read_untyped(string_view text, kind listed) noexcept {
        string_view begin = text.substr(0, 512);
        bool is_content = is_data_url(begin) && says_base64(begin.substr(0, begin.find(',')));
        if (listed == kind::none && !is_content) return;
        payload found;
        read_content(found, text, true);
        if (found.base64 || found.reference) count(listed, found);
    }

    /// Finds out the kind of media that the content is, and adds the content to the sum for that kind.
    ///
    /// Images and references count as one each, and other media by their size in bytes.
    void count(kind type, const payload &found) noexcept {
        if (found.plain) return;
        kind what = type;
        if (type == kind::file || type == kind::none) {
            what = found.hint;
            if (what == kind::none && !found.reference && found.base64) {
                uint8_t sample[96];
                size_t length;
                decode(found.raw.substr(0, 128), sample, sizeof sample, length);
                what = kind_of_bytes(sample, length);
            }
            // Content of unknown kind counts as a file if it is a reference or base64. Otherwise it is plain text, and
            // is added to no sum, because its bytes already count as text of the body.
            if (what == kind::none) what = found.reference || found.base64 ? kind::file : kind::text;
        } else if (type == kind::audio && found.hint == kind::raw_audio) {
            what = kind::raw_audio;
        }
        if (what == kind::text && !found.reference) {
            if (!found.base64) return;
            media.text_bytes += found.decoded;
        } else if (what == kind::image) {
            media.images++;
        } else if (found.reference) {
            media.references++;
        } else {
            switch (what) {
            case kind::audio: media.audio_bytes += found.decoded; break;
            case kind::raw_audio: media.raw_audio_bytes += found.decoded; break;
            case kind::video: media.video_bytes += found.decoded; break;
            default: media.file_bytes += found.decoded; break;
            }
        }
        media.raw_bytes += found.raw.size();
        if (found.raw.empty()) return;
        if (contents.count < CJSON_CONTENTS_MAX) {
            size_t offset = size_t(reinterpret_cast<const uint8_t *>(found.raw.data()) - bytes);
            contents.ranges[contents.count] = {offset, found.raw.size()};
        }
        contents.count++;
    }

    /// Reads one member of an object: the key `name` with the string `value`.
    ///
    /// The object may be a part of a message's content.
    void member(ondemand::raw_json_string name, string_view value, payload &found, kind &type,
                string_view &word) noexcept {
        auto is = [&](string_view key) { return name.unsafe_is_equal(key); };
        if (is("type")) {
            word = value;
            type = kind_of_type(value);
        } else if (is("media_type") || is("mime_type") || is("mimeType")) {
            kind hint = kind_of_media_type(value);
            if (hint != kind::none) found.hint = hint;
        } else if (is("format")) {
            found.hint = is_any(value, {"wav", "pcm16", "pcm", "aiff"}) ? kind::raw_audio : found.hint;
        } else if (is("filename")) {
            if (found.hint == kind::none) found.hint = kind_of_name(value);
        } else if (is("data") || is("file_data") || is("result") || is("prompt_embeds")) {
            read_content(found, value, true);
        } else if (is("image") || is("image_embeds")) {
            read_content(found, value, true);
            found.member = kind::image;
        } else if (is("audio") || is("ref_audio") || is("audio_embeds")) {
            read_content(found, value, true);
            found.member = kind::audio;
        } else if (is("video")) {
            read_content(found, value, true);
            found.member = kind::video;
        } else if (is("url") || is("image_url") || is("audio_url") || is("video_url") || is("file_url")) {
            read_content(found, value, false);
        } else if (is("file_id") || is("image_file")) {
            found.present = found.reference = true;
        } else if (!is("text") && !is("content") && !is("prompt") && !is("arguments")) {
            read_untyped(value, kind::none);
        }
    }

    /// Reads an object, which may be a part of a message's content, such as an `image_url` part.
    ///
    /// - Parameter in_part: whether the object is a member of a part and describes that part's content,
    ///   as `source` does.
    /// - Parameter found: receives the content if `in_part` is true.
    /// - Returns: false if the syntax is wrong.
    bool object(ondemand::object object, int depth, bool in_part, payload &found) noexcept {
        kind type = kind::none;
        string_view word;
        for (auto item : object) {
            ondemand::field field;
            if (std::move(item).get(field) != SUCCESS) return false;
            ondemand::json_type shape;
            if (field.value().type().get(shape) != SUCCESS) return false;
            if (shape == ondemand::json_type::string) {
                member(field.key(), raw_text(field.value()), found, type, word);
            } else if (shape == ondemand::json_type::object || shape == ondemand::json_type::array) {
                ondemand::raw_json_string name = field.key();
                bool describes = false;
                for (string_view key :
                     {"source", "image_url", "input_audio", "audio_url", "video_url", "file", "image_file"})
                    describes = describes || name.unsafe_is_equal(key);
                payload inner;
                kind listed = kind::none;
                for (string_view key : {"images", "image_data", "multimodal_data"})
                    if (name.unsafe_is_equal(key)) listed = kind::image;
                if (!value(field.value(), shape, depth + 1, describes, inner, listed)) return false;
                if (inner.present && describes) {
                    if (inner.hint == kind::none) inner.hint = found.hint;
                    found = inner;
                }
            }
        }
        // In an object such as `source`, `type` says how the content is given (as base64 or as text), not its kind.
        if (in_part) {
            if (word == "text" && !found.reference) found.plain = true;
            return true;
        }
        if (type != kind::none && found.present) {
            count(type, found);
        } else if (word.empty() && found.present) {
            // The inputs of embedding, pooling and speech requests have no `type`. So base64 counts as media only with
            // a media type or file name, or from `untyped_min` bytes on. A URL counts only in a member such as `audio`.
            bool is_content = found.base64 && (found.hint != kind::none || found.raw.size() >= untyped_min);
            if (is_content || (found.reference && found.member != kind::none)) count(found.member, found);
        }
        found = payload();
        return true;
    }

    /// Reads an object or an array.
    ///
    /// - Parameter listed: the kind of media that the key of an array, such as `images`, implies for the strings in the
    ///   array; `none` if the key implies no kind. It has no effect on an object.
    /// - Returns: false if the syntax is wrong.
    bool value(ondemand::value &value, ondemand::json_type shape, int depth, bool in_part, payload &found,
               kind listed = kind::none) noexcept {
        if (depth > depth_max) return true;
        if (shape == ondemand::json_type::object) {
            ondemand::object inner;
            return value.get_object().get(inner) == SUCCESS && object(inner, depth, in_part, found);
        }
        ondemand::array array;
        if (value.get_array().get(array) != SUCCESS) return false;
        for (auto item : array) {
            ondemand::value element;
            ondemand::json_type of;
            if (std::move(item).get(element) != SUCCESS || element.type().get(of) != SUCCESS) return false;
            if (of == ondemand::json_type::string) read_untyped(raw_text(element), listed);
            if (of != ondemand::json_type::object && of != ondemand::json_type::array) continue;
            payload inner;
            if (!this->value(element, of, depth + 1, false, inner)) return false;
        }
        return true;
    }
};

} // namespace

void scan_media(ondemand::document &document, const uint8_t *bytes, cjson_media &media,
                cjson_contents &contents) noexcept {
    document.rewind();
    ondemand::object object;
    if (document.get_object().get(object) != SUCCESS) return;
    payload none;
    walker{media, contents, bytes}.object(object, 0, false, none);
}
