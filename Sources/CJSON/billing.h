// Finds the billing header, a line of text that coding agents put at the beginning of the system prompt.
#pragma once
#include "CJSON.h"

/// Finds the billing header at the beginning of a system prompt, which is a string or an array of text blocks.
///
/// If the prompt is an array, only its first block is examined. Only the bytes to remove are checked to be valid JSON,
/// and not the rest of the body.
///
/// - Parameter value: the offset of the system prompt. If `is_messages` is true, it is the offset of an array of
///   messages, and the prompt is the first message if its role is `system` or `developer`.
/// - Returns: the bytes to remove from the body; an empty range if the prompt does not begin with the header. Without
///   these bytes, the body is still valid JSON, and lacks only the header. If a block contains nothing but the header,
///   the range is the whole block and the comma after it.
cjson_range find_billing(const uint8_t *bytes, size_t length, size_t value, bool is_messages) noexcept;
