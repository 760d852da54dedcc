/* libzstd (Debian 12: 1.5.4), which we use only to decompress. Swift can import everything that we use from its
 * headers, so there are no wrappers here. */
#pragma once
#include <zstd.h>
#include <zstd_errors.h>
