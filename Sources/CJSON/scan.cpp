#include "CJSON.h"
#include <simdjson.h>
extern "C" int cjson_ready(void) { return 1; }
