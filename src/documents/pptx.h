// Presentations (Office Open XML).
#pragma once

#include "documents/format.h"

namespace siyu::documents {

/// Each slide is a page: its title as a heading, its shapes from top to bottom and left to right, tables, speaker's notes and
/// comments as quotes. Dates, footers and slide numbers are left out; hidden slides are read.
ParsedDocument parse_pptx(const ParseInput& input);

}  // namespace siyu::documents
