/* libzstd (Debian 12: 1.5.4), which we use only to decompress. Swift imports everything that we use. */
#pragma once
#include <zstd.h>
#include <zstd_errors.h>
