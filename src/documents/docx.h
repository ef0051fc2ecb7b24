// Word documents (Office Open XML, transitional and strict, with or without macros, which are never run).
#pragma once

#include "documents/format.h"

namespace siyu::documents {

/// Headings by outline level or style, lists with the numbers Word shows, tables with merged cells repeated, text boxes after
/// their paragraph, equations as LaTeX, comments as quotes, footnotes at the end. Deleted and hidden text, headers and footers
/// are left out.
ParsedDocument parse_docx(const ParseInput& input);

}  // namespace siyu::documents
