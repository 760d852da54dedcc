// Hashes the beginnings of prompts. The header of xxHash is compiled in, so no library is linked.
#include "CPrefixHash.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

_Static_assert(CPREFIXHASH_SECRET >= XXH3_SECRET_SIZE_MIN, "XXH3 refuses a shorter secret");

/// The stream that is hashed, and the hashes of its beginnings.
///
/// The stream is the salt's length, the salt, and for each part of the prompt one byte that names the part, followed by
/// the part. Only the bytes of the parts count towards the marks.
struct stream {
    XXH3_state_t state;
    const cprefixhash_marks *marks;
    uint64_t *hashes;
    size_t capacity;
    /// The number of hashes so far, the number of bytes of the prompt so far, and the number at the next mark.
    size_t count, bytes, mark;
};

/// Adds bytes of the prompt, up to the last mark.
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

/// Adds a part of the prompt, without the bytes to leave out.
///
/// - Parameter name: a byte that does not occur in UTF-8, so that no prompt contains it.
static void add_part(struct stream *stream, const cprefixhash_prompt *prompt, cprefixhash_range part, uint8_t name) {
    if (part.length == 0) return;
    XXH3_64bits_update(&stream->state, &name, 1);
    size_t end = part.offset + part.length, gap = prompt->left_out.offset;
    size_t gap_end = gap + prompt->left_out.length;
    if (prompt->left_out.length == 0 || gap < part.offset || gap_end > end) gap = gap_end = end;
    add(stream, prompt->bytes + part.offset, gap - part.offset);
    add(stream, prompt->bytes + gap_end, end - gap_end);
}

size_t cprefixhash(const uint8_t *secret, const uint8_t *salt, size_t salt_length, const cprefixhash_prompt *prompt,
                   const cprefixhash_marks *marks, uint64_t *hashes, size_t capacity) {
    struct stream stream;
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
