// Finds the images, audio, video and files in a request body, for the scan of requests.
#pragma once
#include "parser.h"

/// Whether the body may contain images, audio, video or files.
///
/// The result false is certain; the result true may be wrong.
bool may_have_media(const uint8_t *bytes, size_t length) noexcept;
/// Walks through a document from its beginning.
///
/// Strings that were read from the document before stay valid.
void scan_media(ondemand::document &document, cjson_media &media) noexcept;
