/* The interface of zlib (Debian 12: 1.2.13), of which only decoding is used. */
#pragma once
#include <zlib.h>
/* Swift does not import function-like macros. */
static inline int czlib_inflateInit2(z_stream *stream, int window_bits) { return inflateInit2(stream, window_bits); }
