// The walk over the pictures, sound, video and files of a request, for the scan of that request.
#pragma once
#include "parser.h"

/// Whether the body may have pictures, sound, video or files. False is certain; true may be wrong.
bool may_have_media(const uint8_t *bytes, size_t length) noexcept;
/// Walks over a document that has been read to its end; texts that were read of it stay as they are.
void scan_media(ondemand::document &document, cjson_media &media) noexcept;
