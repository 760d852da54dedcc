/* The rim around libzstd (Debian 12: 1.5.4): only what decodes. Everything we use imports as it is. */
#pragma once
#include <zstd.h>
#include <zstd_errors.h>
