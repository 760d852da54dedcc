/* The rim around libnghttp2 (Debian 12: 1.52). Everything we use imports as it is. */
#pragma once
#include <nghttp2/nghttp2.h>
