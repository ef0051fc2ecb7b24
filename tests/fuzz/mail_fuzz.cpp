// links: siyu_documents
// Mail and what is attached to it: the names of files must stay inside.
#include <cstdlib>

#include "documents/mail.h"
#include "documents/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)siyu::documents::looks_like_mail(bytes);
  const auto document = siyu::documents::parse_mail({.bytes = bytes, .name = "f.eml"});
  for (const auto& file : document.embedded)
    if (file.name.empty() || file.name.find('/') != std::string::npos || file.name == "..") std::abort();
  return 0;
}
