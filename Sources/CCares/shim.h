/* c-ares (Debian 12: 1.18). Swift can import all parts of its header that the server uses, so this file adds no C code
 * of its own. */
#pragma once
/* This include comes first, so that the system's socket types belong to the CLinux module in every build. Otherwise the
 * types would belong to whichever module the compiler reads first, and Swift files that import only the other module
 * could not see them. */
#include "../CLinux/shim.h"
#include <ares.h>
