// links: siyu_models
#include "models/gguf_file.h"
#include "models/shape.h"
#include "sizing/worker_memory.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace siyu;
  const auto file = models::parse_gguf({reinterpret_cast<const char*>(data), size});
  if (!file) return 0;
  (void)models::facts_of(*file);
  if (const auto shape = models::shape_of(*file)) (void)sizing::worker_memory(*shape, nullptr, {.kv_tokens = 4096, .sequences = 4}, {.avx2 = true});
  return 0;
}
