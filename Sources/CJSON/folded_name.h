// Reads a member name of a JSON object leniently, to notice a name that some engine's JSON parser takes for a known one
// although it is written differently. For example, Go's parser ignores case, and a parser written in C ends a name at a
// NUL character.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

/// A member name with its escapes decoded and its letters folded to lower case.
class FoldedName {
  public:
    /// Reads a name up to its closing quotation mark, which must exist.
    ///
    /// `at` is the byte after the opening quotation mark.
    explicit FoldedName(const uint8_t *at) noexcept {
        while (*at != '"' && short_) {
            // Fast path: nearly all characters of names are in this class.
            if ((*at >= 'a' && *at <= 'z') || *at == '_') {
                add(*at++);
                continue;
            }
            uint32_t scalar;
            if (!(at = read(at, scalar))) {
                short_ = false;
                return;
            }
            if (scalar == 0) {
                exact_ = false;
                return;
            }
            fold(scalar);
        }
    }

    /// Whether the name, once decoded and in lower case, is ASCII and at most 32 bytes long.
    ///
    /// Also false if an escape in the name is invalid. The scans treat a name that is not short as unknown, because the
    /// names that they know are all ASCII and at most 32 bytes long.
    bool is_short() const noexcept { return short_; }
    /// Whether `text()` is the whole name with its escapes decoded; false if a letter had to be put into lower case or
    /// replaced, or if the name was cut at a NUL character.
    bool is_exact() const noexcept { return exact_; }
    /// The name with its escapes decoded and its letters in lower case; valid only if `is_short()` is true.
    std::string_view text() const noexcept { return {text_, length_}; }

    /// Whether a name is exactly `wanted` after its escapes are decoded; the comparison is case-sensitive.
    ///
    /// `wanted` is printable ASCII. `at` is the byte after the opening quotation mark of the name.
    static bool is_exactly(const uint8_t *at, std::string_view wanted) noexcept {
        for (char byte : wanted) {
            uint32_t scalar;
            if (*at == '"' || !(at = read(at, scalar)) || scalar != uint8_t(byte)) return false;
        }
        return *at == '"';
    }

  private:
    char text_[32];
    size_t length_ = 0;
    bool short_ = true, exact_ = true;

    void add(char byte) noexcept {
        if (length_ == sizeof text_) short_ = false;
        else text_[length_++] = byte;
    }

    void replace(const char *text) noexcept {
        exact_ = false;
        for (; *text; text++) add(*text);
    }

    /// Appends the Unicode case folding of a character to the name, if the folding is ASCII.
    ///
    /// The dotted and the dotless `i` of Turkish become `i`. A character whose folding is not ASCII makes `is_short`
    /// false.
    void fold(uint32_t scalar) noexcept {
        if (scalar >= 'A' && scalar <= 'Z') {
            exact_ = false;
            return add(char(scalar | 0x20));
        }
        if (scalar < 0x80) return add(char(scalar));
        switch (scalar) {
        case 0x17F: return replace("s");
        case 0x212A: return replace("k");
        case 0x130: case 0x131: return replace("i");
        case 0xDF: case 0x1E9E: return replace("ss");
        case 0xFB00: return replace("ff");
        case 0xFB01: return replace("fi");
        case 0xFB02: return replace("fl");
        case 0xFB03: return replace("ffi");
        case 0xFB04: return replace("ffl");
        case 0xFB05: case 0xFB06: return replace("st");
        default: short_ = false;
        }
    }

    static int digit(uint8_t byte) noexcept {
        if (byte >= '0' && byte <= '9') return byte - '0';
        byte |= 0x20;
        return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
    }

    /// Decodes one character or escape into `scalar`.
    ///
    /// Returns the position after it, or NULL if the escape is invalid.
    static const uint8_t *read(const uint8_t *at, uint32_t &scalar) noexcept {
        if (*at == '\\') return read_escape(at + 1, scalar);
        // simdjson has validated the UTF-8. A character of four bytes is not decoded, because its case folding is never
        // ASCII. The result is 0x10000 for every such character.
        if (*at < 0x80) return scalar = *at, at + 1;
        if (*at < 0xE0) return scalar = (*at & 0x1Fu) << 6 | (at[1] & 0x3Fu), at + 2;
        if (*at < 0xF0) return scalar = (*at & 0xFu) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu), at + 3;
        return scalar = 0x10000, at + 4;
    }

    static const uint8_t *read_escape(const uint8_t *at, uint32_t &scalar) noexcept {
        switch (*at) {
        case '"': case '\\': case '/': scalar = *at; return at + 1;
        case 'b': case 'f': case 'n': case 'r': case 't': scalar = ' '; return at + 1;
        case 'u': break;
        default: return nullptr;
        }
        scalar = 0;
        for (int i = 1; i <= 4; i++) {
            int value = digit(at[i]);
            if (value < 0) return nullptr;
            scalar = scalar << 4 | uint32_t(value);
        }
        return at + 5;
    }
};
