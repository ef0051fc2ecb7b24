// links: siyu_documents
// Archives of every kind libarchive knows, and the answer of a parser process that has been taken over.
#include <cstdlib>

#include "documents/archive.h"
#include "documents/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto document = siyu::documents::parse_archive({.bytes = bytes, .name = "f.zip"});
  for (const auto& file : document.embedded)
    if (file.name.empty() || file.name.starts_with('/') || file.name.find("../") != std::string::npos) std::abort();
  siyu::FrameDecoder frames(1 << 20);
  siyu::documents::DocumentDecoder decoder;
  frames.feed(bytes);
  for (;;) {
    auto frame = frames.next();
    if (!frame || !*frame) return 0;
    const auto complete = decoder.take(std::move(**frame));
    if (!complete) return 0;
    if (*complete) break;
  }
  const auto received = std::move(decoder).finish();
  for (const auto& page : received.pages)
    if (page.span.end > received.markdown.size()) std::abort();
  return 0;
}
