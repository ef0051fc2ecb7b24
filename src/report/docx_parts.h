// The parts of a DOCX that do not depend on the blocks, and the container they lie in (ECMA-376).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "report/document.h"

namespace siyu::report {

// Twips, of A4; 20 to a point.
constexpr int kDocxLeft = 1280, kDocxTop = 1560, kDocxBottom = 1400, kDocxWidth = 11906 - 2 * kDocxLeft;

std::string docx_styles();
/// Lists: number 1 has bullets, each of the others counts from 1; `lists` is how many numbers there are.
std::string docx_numbering(int lists);
std::string docx_settings();
std::string docx_header(const Document& document);
std::string docx_footer(const Document& document);
std::string docx_core_properties(const Document& document);
std::string docx_content_types();

/// A ZIP of the parts in their order, with the document's date on every one, so that equal reports are equal bytes.
Result<std::string> zip_parts(const std::vector<std::pair<std::string, std::string>>& parts, const std::string& date);

}  // namespace siyu::report
