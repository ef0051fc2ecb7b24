#include "base/id.h"

#include <array>

namespace siyu {
namespace {
constexpr std::string_view kCrockford = "0123456789abcdefghjkmnpqrstvwxyz";
}

std::string new_id_text(std::string_view prefix, const Clock& clock, Random& random) {
  std::array<std::byte, 16> raw{};
  random.fill(raw);
  const auto millis = static_cast<std::uint64_t>(to_unix_millis(clock.now()));
  for (int i = 0; i < 6; ++i) raw[static_cast<std::size_t>(i)] = static_cast<std::byte>(millis >> (40 - 8 * i));

  std::string text(prefix);
  text += '_';
  unsigned buffer = 0;
  int bits = 2;  // 26 digits hold 130 bits: two leading zero bits
  for (const auto byte : raw) {
    buffer = (buffer << 8) | std::to_integer<unsigned>(byte);
    for (bits += 8; bits >= 5; bits -= 5) text += kCrockford[(buffer >> (bits - 5)) & 31U];
  }
  return text;
}

}  // namespace siyu
