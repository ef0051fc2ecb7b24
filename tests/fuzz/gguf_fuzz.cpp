// links: siyu_models
#include "models/gguf_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (const auto file = siyu::models::parse_gguf({reinterpret_cast<const char*>(data), size})) (void)siyu::models::facts_of(*file);
  return 0;
}
