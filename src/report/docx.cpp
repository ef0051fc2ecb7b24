#include "report/renderers.h"
namespace siyu::report {
Result<std::string> render_docx(const Document&, const std::vector<std::string>&) { return internal("not yet"); }
}
