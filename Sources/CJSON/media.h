// Finds the images, audio, video and files in a request body, for the scan of requests.
#pragma once
#include "parser.h"

/// Whether the body may contain images, audio, video or files.
///
/// If the result is false, the body certainly contains none. If the result is true, `scan_media` finds out whether the
/// body contains any.
bool may_have_media(const uint8_t *bytes, size_t length) noexcept;
/// Finds the media in a document.
///
/// The scan adds their counts and sizes to `media`, and the positions of those that the body contains as data to
/// `contents`. It reads the document again from its beginning. Strings that the caller has read from the document
/// before stay valid.
void scan_media(ondemand::document &document, const uint8_t *bytes, cjson_media &media,
                cjson_contents &contents) noexcept;
