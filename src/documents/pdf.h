// PDF by poppler's programs; pages without text are read by text recognition.
#pragma once

#include "documents/format.h"

namespace siyu::documents {

/// Encrypted files need `password`. JavaScript and other active content is never run. Of files with very many scanned pages
/// the first are read, as time allows, and the reason says which are missing.
ParsedDocument parse_pdf(const ParseInput& input);

}  // namespace siyu::documents
