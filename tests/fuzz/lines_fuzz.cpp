// links: siyu_documents siyu_store ZLIB::ZLIB knowledge/chunk.cpp knowledge/lines.cpp
// JSONL lines, chunks of any Markdown, and terms of any text.
#include <cstdlib>

#include "documents/plain_text.h"
#include "knowledge/chunk.h"
#include "knowledge/lines.h"
#include "store/full_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)siyu::knowledge::parse_line_document(bytes);
  const auto parsed = siyu::documents::parse_plain_text(bytes, "a.md");
  for (const auto& chunk : siyu::knowledge::split_chunks(parsed))
    if (chunk.span.begin > chunk.span.end || chunk.span.end > parsed.markdown.size()) std::abort();
  (void)siyu::store::full_text_terms(parsed.markdown);
  return 0;
}
