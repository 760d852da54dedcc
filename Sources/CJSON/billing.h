// Finds the billing header, a text that coding agents put first in the system prompt.
#pragma once
#include "CJSON.h"

/// Finds the billing header at the beginning of a system prompt, which is a string or an array of text blocks.
///
/// Looks only at the first string or block, and validates only the bytes that it returns.
///
/// - Parameter value: the offset of the prompt; if `is_messages` is true, of an array of messages, whose first message
///   is searched if its role is `system` or `developer`.
/// - Returns: the bytes to leave out, so that the body is still JSON and lacks only the header; an empty range if the
///   value does not begin with the header. A block that holds nothing but the header is left out whole, together with
///   the comma after it.
cjson_range find_billing(const uint8_t *bytes, size_t length, size_t value, bool is_messages) noexcept;
