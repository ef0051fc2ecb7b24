// Hashes and comparisons of secrets (OpenSSL).
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"

namespace siyu::crypto {

/// SHA-256 (FIPS 180-4) of data that comes in pieces. Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(ByteView bytes);
  /// Ends the hash: 64 lower-case hexadecimal digits.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(ByteView bytes);
/// SM3 (GB/T 32905-2016), 64 hexadecimal digits.
std::string sm3_hex(ByteView bytes);
/// Takes the same time wherever the texts differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace siyu::crypto
