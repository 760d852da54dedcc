// The simdjson parser and its memory, which all scans of one `cjson_parser` share.
#pragma once
#include "CJSON.h"
#include <simdjson.h>
#include <cstring>
#include <new>
#include <string_view>
#include <vector>

using namespace simdjson;
using std::string_view;

struct cjson_parser {
    ondemand::parser parser;
    /// The payload of the event or response that is scanned, followed by padding.
    std::vector<uint8_t> scratch;

    /// How many bytes of memory the parser keeps from one scan to the next.
    size_t memory() const noexcept {
        // For each byte of capacity, simdjson holds four bytes of structural indices and 5/3 bytes
        // of unescaped strings.
        size_t capacity = parser.capacity();
        return scratch.capacity() + capacity * 4 + capacity * 5 / 3;
    }
    /// Makes room for a document of `length` bytes.
    ///
    /// Returns false if there is no memory.
    bool reserve(size_t length) noexcept {
        if (parser.capacity() >= length) return true;
        size_t capacity = 4096;
        while (capacity < length && capacity < 131072) capacity *= 2;
        return parser.allocate(capacity < length ? length : capacity) == SUCCESS;
    }
};

inline cjson_text text(string_view view) noexcept {
    return {reinterpret_cast<const uint8_t *>(view.data()), view.size()};
}

/// Whether the bytes are exactly one JSON document.
///
/// Also checks the parts that simdjson's on-demand parser skips.
bool is_json_document(const uint8_t *json, size_t length) noexcept;
