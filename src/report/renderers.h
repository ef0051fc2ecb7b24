// One file per format. All take a prepared document.
#pragma once

#include "report/render.h"

namespace siyu::report {

std::vector<RenderedFile> render_markdown(const Document& document, const std::string& name);
std::string render_html(const Document& document);
/// `pictures`: PNG bytes of the charts, in reading order.
Result<std::string> render_docx(const Document& document, const std::vector<std::string>& pictures);

}  // namespace siyu::report
