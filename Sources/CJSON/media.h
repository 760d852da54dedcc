// Between the scan of a request and the walk over what of it is no text.
#pragma once
#include "parser.h"

/// Whether the body may have a part that is no text; it may say so of one that has none.
bool may_have_media(const uint8_t *bytes, size_t length) noexcept;
/// Walks over a document that has been read to its end; texts that were read of it stay as they are.
void scan_media(ondemand::document &document, cjson_media &media) noexcept;
