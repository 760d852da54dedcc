/* Hashes the beginnings of prompts with XXH3 (xxHash) and a secret. Each beginning ends at a mark, which is a number of
   bytes of the prompt's text, counted from the start of the prompt. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* The number of bytes of the random secret on which all hashes depend; XXH3 needs at least 136. */
enum { CPREFIXHASH_SECRET = 192 };

typedef struct cprefixhash_range {
    size_t offset, length;
} cprefixhash_range;

/* A prompt: the parts of a request body that make up the prompt, in this order. A part of length 0 is absent. */
typedef struct cprefixhash_prompt {
    const uint8_t *bytes;       /* the text; it is UTF-8 */
    cprefixhash_range tools, system, messages;
    cprefixhash_range left_out; /* bytes that lie inside one of the parts but are not hashed; may be empty */
    const cprefixhash_range *contents; /* images and other media inside the parts, in ascending order, without overlap
                                          with one another or with `left_out`. They are hashed, but their bytes are not
                                          counted for the marks: their sizes say nothing about the engine's work */
    size_t contents_count;
} cprefixhash_prompt;

/* The marks: the numbers of bytes at which the hashed beginnings of a prompt end. All numbers here are multiples of
   `step`, and at least 1. */
typedef struct cprefixhash_marks {
    size_t step, near_bytes; /* up to `near_bytes`, the marks are `step` apart */
    size_t far_step, bytes_max; /* beyond it they are `far_step` apart, and the last is at `bytes_max` */
} cprefixhash_marks;

/* Writes at most `capacity` hashes into `hashes`: one for the prompt's beginning up to each mark, the shortest
   first. The hashes also depend on the salt, on the secret of CPREFIXHASH_SECRET random bytes, and on where the parts
   begin. Returns the number of hashes. */
size_t cprefixhash(const uint8_t *secret, const uint8_t *salt, size_t salt_length, const cprefixhash_prompt *prompt,
                   const cprefixhash_marks *marks, uint64_t *hashes, size_t capacity);

/* Returns a hash of `bytes`, such as the value that names a session. It also depends on the salt and the secret. */
uint64_t cprefixhash_name(const uint8_t *secret, const uint8_t *salt, size_t salt_length, const uint8_t *bytes,
                          size_t length);
