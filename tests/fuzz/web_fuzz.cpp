// links: siyu_documents
// Web pages, tables and running text of any encoding.
#include <cstdlib>

#include "base/text.h"
#include "documents/flowed_text.h"
#include "documents/html.h"
#include "documents/table_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const auto parse : {siyu::documents::parse_html, siyu::documents::parse_csv}) {
    const auto document = parse({.bytes = bytes, .name = "f"});
    if (!siyu::is_valid_utf8(document.markdown)) std::abort();
  }
  siyu::documents::MarkdownWriter writer;
  siyu::documents::write_flowed(writer, siyu::repair_utf8(bytes));
  if (!siyu::is_valid_utf8(std::move(writer).finish("text", "").markdown)) std::abort();
  return 0;
}
