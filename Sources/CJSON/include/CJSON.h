/* The C face of simdjson: scans of request bodies and of events. Nothing here throws or keeps memory. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
int cjson_ready(void);
#ifdef __cplusplus
}
#endif
