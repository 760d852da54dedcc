/* A thin layer over c-ares (Debian 12: 1.18). All functions that we use import directly. */
#pragma once
/* First, so that the socket types of the system belong to CLinux in every build: whichever module is read first would
 * else own them, and the other one's importers could not see their members. */
#include "../CLinux/shim.h"
#include <ares.h>
