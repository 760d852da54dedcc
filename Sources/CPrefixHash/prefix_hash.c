// Hashes the beginnings of prompts. The header of xxHash is compiled in, so no library is linked.
#include "CPrefixHash.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

_Static_assert(CPREFIXHASH_SECRET >= XXH3_SECRET_SIZE_MIN, "XXH3 refuses a shorter secret");

/// The stream of bytes that is hashed, and the hashes of its beginnings.
///
/// The stream begins with the salt's length and the salt. Then it contains each part of the prompt, after one byte that
/// names the part. An image or other media content in a part is replaced by the byte 0xFC and the length and hash of
/// the content.
///
/// A hash is made at each mark, which is a number of bytes of text. Only the text of the parts is counted.
struct stream {
    XXH3_state_t state;
    const uint8_t *secret;
    const cprefixhash_marks *marks;
    uint64_t *hashes;
    size_t capacity;
    /// The number of hashes made so far, the number of bytes of text hashed so far, and the number of bytes of text at
    /// which the next hash is made.
    size_t count, bytes, mark;
};

/// Adds text of the prompt to the hashed bytes, and stores a hash each time the text reaches a mark.
///
/// A mark is a number of bytes of text. Text after the last mark is ignored.
static void add(struct stream *stream, const uint8_t *bytes, size_t length) {
    while (length > 0 && stream->count < stream->capacity && stream->mark <= stream->marks->bytes_max) {
        size_t piece = stream->mark - stream->bytes;
        if (piece > length) piece = length;
        XXH3_64bits_update(&stream->state, bytes, piece);
        bytes += piece;
        length -= piece;
        stream->bytes += piece;
        if (stream->bytes < stream->mark) return;
        stream->hashes[stream->count++] = XXH3_64bits_digest(&stream->state);
        stream->mark += stream->mark < stream->marks->near_bytes ? stream->marks->step : stream->marks->far_step;
    }
}

/// Adds the bytes of the prompt from `begin` to `end` to the hashed bytes, but skips the range `left_out` if it lies
/// between them.
static void add_text(struct stream *stream, const cprefixhash_prompt *prompt, size_t begin, size_t end) {
    size_t gap = prompt->left_out.offset, gap_end = gap + prompt->left_out.length;
    if (prompt->left_out.length == 0 || gap < begin || gap_end > end) gap = gap_end = end;
    add(stream, prompt->bytes + begin, gap - begin);
    add(stream, prompt->bytes + gap_end, end - gap_end);
}

/// Adds a part of the prompt to the stream: its text, and the length and hash of each media content in the part.
///
/// - Parameter name: the byte that is hashed before the part to show which part begins: the tools, the system prompt or
///   the messages. It does not occur in UTF-8, so no prompt contains it.
static void add_part(struct stream *stream, const cprefixhash_prompt *prompt, cprefixhash_range part, uint8_t name) {
    if (part.length == 0) return;
    XXH3_64bits_update(&stream->state, &name, 1);
    size_t at = part.offset, end = part.offset + part.length;
    for (size_t i = 0; i < prompt->contents_count; i++) {
        cprefixhash_range content = prompt->contents[i];
        if (content.offset < at || content.offset + content.length > end) continue;
        add_text(stream, prompt, at, content.offset);
        // No further hash will be stored, so nothing more needs to be hashed.
        if (stream->count >= stream->capacity || stream->mark > stream->marks->bytes_max) return;
        struct { uint8_t name; uint64_t length, hash; } __attribute__((packed)) seen = {
            0xFC, content.length,
            XXH3_64bits_withSecret(prompt->bytes + content.offset, content.length, stream->secret, CPREFIXHASH_SECRET)
        };
        XXH3_64bits_update(&stream->state, &seen, sizeof seen);
        at = content.offset + content.length;
    }
    add_text(stream, prompt, at, end);
}

size_t cprefixhash(const uint8_t *secret, const uint8_t *salt, size_t salt_length, const cprefixhash_prompt *prompt,
                   const cprefixhash_marks *marks, uint64_t *hashes, size_t capacity) {
    struct stream stream;
    stream.secret = secret;
    stream.marks = marks;
    stream.hashes = hashes;
    stream.capacity = capacity;
    stream.count = stream.bytes = 0;
    stream.mark = marks->step;
    XXH3_INITSTATE(&stream.state);
    XXH3_64bits_reset_withSecret(&stream.state, secret, CPREFIXHASH_SECRET);
    XXH3_64bits_update(&stream.state, &salt_length, sizeof salt_length);
    if (salt_length > 0) XXH3_64bits_update(&stream.state, salt, salt_length);
    add_part(&stream, prompt, prompt->tools, 0xFD);
    add_part(&stream, prompt, prompt->system, 0xFE);
    add_part(&stream, prompt, prompt->messages, 0xFF);
    return stream.count;
}

uint64_t cprefixhash_name(const uint8_t *secret, const uint8_t *salt, size_t salt_length, const uint8_t *bytes,
                          size_t length) {
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH3_64bits_reset_withSecret(&state, secret, CPREFIXHASH_SECRET);
    XXH3_64bits_update(&state, &salt_length, sizeof salt_length);
    if (salt_length > 0) XXH3_64bits_update(&state, salt, salt_length);
    if (length > 0) XXH3_64bits_update(&state, bytes, length);
    return XXH3_64bits_digest(&state);
}
