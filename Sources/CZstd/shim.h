/* libzstd (Debian 12: 1.5.4), which we use only to decompress. Swift imports everything that we use from its headers.
 * */
#pragma once
#include <zstd.h>
#include <zstd_errors.h>
