/* A thin layer over c-ares (Debian 12: 1.18). All functions that we use import directly. */
#pragma once
/* First, so that the socket types of the system belong to CLinux in every build: otherwise the module that is read
 * first would own them, and importers of the other one could not see their members. */
#include "../CLinux/shim.h"
#include <ares.h>
