// links: siyu_report
// Documents as JSON, and what is made of those that can be read: whatever they say, the formats stay well-formed.
#include <cstdlib>
#include <pugixml.hpp>
#include <string>

#include "base/text.h"
#include "report/render.h"

using namespace siyu;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = report::decode_document({reinterpret_cast<const char*>(data), size});
  if (!document) return 0;
  const auto prepared = report::prepare(*document);
  if (!prepared) return 0;
  // What was prepared crosses the process boundary. (Numbers may lose their last bit: Boost.JSON 1.81 reads them so.)
  const auto back = report::decode_document(report::encode_document(*prepared));
  if (!back || back->blocks.size() != prepared->blocks.size()) std::abort();
  for (const auto format : {report::Format::kMarkdown, report::Format::kHtml, report::Format::kDocx}) {
    const auto rendered = report::render(*prepared, format, "fuzz", nullptr);
    if (!rendered) continue;
    for (const auto& file : rendered->files) {
      if (format != report::Format::kDocx && !is_valid_utf8(file.bytes)) std::abort();
      if (!file.name.ends_with(".svg")) continue;
      pugi::xml_document svg;
      if (!svg.load_buffer(file.bytes.data(), file.bytes.size())) std::abort();
    }
  }
  return 0;
}
