// PNG and JPEG files to pixels. Files come from outside: they are decoded in this process, which can do nothing but compute.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace siyu::worker {

struct Pixels {
  std::uint32_t width = 0, height = 0;
  std::vector<unsigned char> rgb;  ///< row by row, 3 bytes each; transparency is left out
};

/// Thread-safe. Checks the header's size first (engine/picture.h); kInvalidArgument for what cannot be decoded whole.
Result<Pixels> decode_picture(std::string_view file);

}  // namespace siyu::worker
