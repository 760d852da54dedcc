/* The rim around zlib (Debian 12: 1.2.13): only what decodes. */
#pragma once
#include <zlib.h>
/* A function-like macro does not import. */
static inline int czlib_inflateInit2(z_stream *stream, int window_bits) { return inflateInit2(stream, window_bits); }
