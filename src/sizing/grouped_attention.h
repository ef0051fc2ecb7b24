// Which heads our own attention computes (apps/worker/attention.cpp), as those need to know who foretell what it takes.
#pragma once

#include <cstdint>

namespace siyu::sizing {

/// Heads of so many values, keys and values alike; llama.cpp's own attention takes the others.
constexpr bool grouped_attention(std::uint64_t width) { return width == 64 || width == 96 || width == 128 || width == 256; }

}  // namespace siyu::sizing
