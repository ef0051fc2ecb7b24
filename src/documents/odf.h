// OpenDocument texts, spreadsheets and presentations (ISO/IEC 26300).
#pragma once

#include "documents/format.h"

namespace siyu::documents {

/// Headings by outline level, lists, tables, text boxes and notes; sheets and slides are pages. Deleted text and comments are
/// left out.
ParsedDocument parse_odf(const ParseInput& input);

}  // namespace siyu::documents
