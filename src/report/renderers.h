// One file per format. All take a prepared document.
#pragma once

#include "report/render.h"

namespace siyu::report {

std::vector<RenderedFile> render_markdown(const Document& document, const std::string& name);
std::string render_html(const Document& document);
/// Without pages, the table of contents has none until it is updated.
Result<std::string> render_docx(const Document& document, const PrintedParts& parts);

}  // namespace siyu::report
