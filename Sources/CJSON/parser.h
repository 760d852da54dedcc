// What the scans share: the parser and its memory.
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
    std::vector<uint8_t> scratch;  // a payload and its padding

    size_t memory() const noexcept {
        // Four bytes a byte for the index of structurals, 5/3 for unescaped strings.
        size_t capacity = parser.capacity();
        return scratch.capacity() + capacity * 4 + capacity * 5 / 3;
    }
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

/// Whether the bytes are one JSON document, of any kind, with nothing behind it.
bool is_json_document(const uint8_t *json, size_t length) noexcept;
