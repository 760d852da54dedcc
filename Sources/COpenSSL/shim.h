/* The rim around OpenSSL 3: function-like macros do not import, so each has an inline twin named after it. */
#pragma once
#include <openssl/ssl.h>
#include <openssl/err.h>
