/* The rim around c-ares (Debian 12: 1.18). Everything we use imports as it is. */
#pragma once
#include <ares.h>
