/* The interface of libzstd (Debian 12: 1.5.4), of which only decoding is used; Swift imports all of that. */
#pragma once
#include <zstd.h>
#include <zstd_errors.h>
