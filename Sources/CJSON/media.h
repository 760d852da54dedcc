// Finds the images, audio, video and files of a request body, for the scan of that request.
#pragma once
#include "parser.h"

/// Whether the body may have images, audio, video or files. False is certain; true may be wrong.
bool may_have_media(const uint8_t *bytes, size_t length) noexcept;
/// Walks through a document from its beginning again; strings that were read from it before stay valid.
void scan_media(ondemand::document &document, cjson_media &media) noexcept;
