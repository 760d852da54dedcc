/* libnghttp2 (Debian 12: 1.52). Swift imports everything that we use from its header. */
#pragma once
#include <nghttp2/nghttp2.h>
