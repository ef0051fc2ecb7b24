// A prepared document as PDF: A4, with running header and footer, outline, links and properties.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "report/document.h"

namespace siyu::printer {

/// Both fail with kTooLarge over report::kMaxPages, with kUnsupported without a font.
Result<std::string> print_pdf(const report::Document& document);
/// The page of every entry of the outline, from 1.
Result<std::vector<std::size_t>> heading_pages(const report::Document& document);

/// Adds the language and "show the title" to a PDF that cairo wrote, which cannot say them itself: an update appended at the end (ISO
/// 32000-1 §7.5.6). A file of another form is given back as it is.
std::string with_language(std::string pdf, std::string_view language);

}  // namespace siyu::printer
