// Workbooks (Office Open XML, with or without macros, which are never run).
#pragma once

#include "documents/format.h"

namespace siyu::documents {

/// Each sheet is a page: its name as a heading, its tables, the texts of its drawings, comments as quotes. Formulas give the
/// value last calculated; dates are written as ISO 8601 and percentages with their sign, other numbers plainly. Of huge
/// workbooks the beginning is read, and the reason says so.
ParsedDocument parse_xlsx(const ParseInput& input);

}  // namespace siyu::documents
