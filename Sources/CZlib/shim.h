/* zlib (Debian 12: 1.2.13), which we use only to decompress. */
#pragma once
#include <zlib.h>
/* A wrapper, because Swift does not import function-like macros. */
static inline int czlib_inflateInit2(z_stream *stream, int window_bits) { return inflateInit2(stream, window_bits); }
