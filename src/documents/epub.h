// Electronic books (EPUB 2 and 3).
#pragma once

#include "documents/format.h"

namespace siyu::documents {

/// The chapters in the order of the spine.
ParsedDocument parse_epub(const ParseInput& input);

}  // namespace siyu::documents
