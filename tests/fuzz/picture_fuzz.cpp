// links: siyu_base siyu_engine
// Headers of pictures as clients send them: what is read must keep within the announced limits.
#include <cstdlib>

#include "base/bytes.h"
#include "engine/picture.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace siyu::engine;
  // Half of them get past the first bytes at once.
  std::string file(reinterpret_cast<const char*>(data), size);
  if (size % 4 == 1) file = std::string("\xff\xd8", 2) + file;
  if (size % 4 == 2) file = std::string("\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", 16) + file;
  const auto facts = inspect_picture(file);
  if (facts && (facts->width == 0 || facts->height == 0 || facts->width > kMaxPictureSide || facts->height > kMaxPictureSide ||
                std::uint64_t{facts->width} * facts->height > kMaxPicturePixels))
    std::abort();
  const auto read = read_picture(siyu::to_base64(siyu::as_bytes(file)));
  if (read.has_value() != facts.has_value() && size > 0) std::abort();
  return 0;
}
