// Text in pictures, by tesseract (simplified Chinese and English).
#pragma once

#include "documents/format.h"
#include "base/result.h"

namespace siyu::documents {

/// PNG, JPEG, TIFF, BMP, PNM, … as tesseract reads them. The text has blank lines between paragraphs.
Result<std::string> recognise_text(std::string_view image, std::chrono::steady_clock::time_point deadline);
/// A picture file as a document of one page.
ParsedDocument parse_image(const ParseInput& input);

}  // namespace siyu::documents
