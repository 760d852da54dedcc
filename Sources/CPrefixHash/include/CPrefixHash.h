/* Hashes the beginnings of prompts, each up to a mark, with XXH3 (xxHash) and a secret. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* The number of bytes of the secret; XXH3 needs at least 136. */
enum { CPREFIXHASH_SECRET = 192 };

typedef struct cprefixhash_range {
    size_t offset, length;
} cprefixhash_range;

/* A prompt: parts of one text, in their order. An empty part is absent. */
typedef struct cprefixhash_prompt {
    const uint8_t *bytes;       /* the text; it is UTF-8 */
    cprefixhash_range tools, system, messages;
    cprefixhash_range left_out; /* bytes inside one of the parts that do not count; may be empty */
    const cprefixhash_range *contents; /* images and other media inside the parts, in ascending order, apart from
                                          one another and from `left_out`. They are hashed, but do not count towards the
                                          marks, since their sizes say nothing about the work for an engine */
    size_t contents_count;
} cprefixhash_prompt;

/* Where the marks are, in bytes of the prompt. All numbers are multiples of `step`, and at least 1. */
typedef struct cprefixhash_marks {
    size_t step, near_bytes; /* up to `near_bytes`, the marks are `step` apart */
    size_t far_step, bytes_max; /* beyond it they are `far_step` apart, and the last is at `bytes_max` */
} cprefixhash_marks;

/* Writes the hash of the prompt's beginning up to each mark, in the order of the marks, and at most `capacity` hashes.
   The hashes also depend on the salt, on the secret, which has CPREFIXHASH_SECRET random bytes, and on where the parts
   begin. Returns the number of hashes. */
size_t cprefixhash(const uint8_t *secret, const uint8_t *salt, size_t salt_length, const cprefixhash_prompt *prompt,
                   const cprefixhash_marks *marks, uint64_t *hashes, size_t capacity);

/* The hash of some bytes, which also depends on the salt and on the secret. */
uint64_t cprefixhash_name(const uint8_t *secret, const uint8_t *salt, size_t salt_length, const uint8_t *bytes,
                          size_t length);
