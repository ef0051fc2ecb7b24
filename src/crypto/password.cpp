#include "crypto/password.h"

#include <argon2.h>

#include <array>

namespace siyu::crypto {
namespace {
// OWASP Password Storage Cheat Sheet (2024): Argon2id with 19 MiB, 2 iterations, 1 lane.
constexpr std::uint32_t kMemoryKib = 19 * 1024;
constexpr std::uint32_t kIterations = 2;
constexpr std::uint32_t kLanes = 1;
constexpr std::size_t kHashBytes = 32;
}  // namespace

Result<std::string> hash_password(std::string_view password, Random& random) {
  std::array<std::byte, 16> salt{};
  random.fill(salt);
  std::string phc(argon2_encodedlen(kIterations, kMemoryKib, kLanes, salt.size(), kHashBytes, Argon2_id), '\0');
  const int outcome = argon2id_hash_encoded(kIterations, kMemoryKib, kLanes, password.data(), password.size(), salt.data(), salt.size(), kHashBytes,
                                            phc.data(), phc.size());
  if (outcome != ARGON2_OK) return internal("The password could not be stored", argon2_error_message(outcome));
  phc.resize(phc.find('\0'));
  return phc;
}

bool verify_password(std::string_view password, const std::string& phc) {
  return argon2id_verify(phc.c_str(), password.data(), password.size()) == ARGON2_OK;
}

std::string random_secret(std::size_t length, Random& random) {
  constexpr std::string_view kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string secret;
  while (secret.size() < length) {
    std::array<std::byte, 64> draw{};
    random.fill(draw);
    for (const auto byte : draw) {
      const auto value = std::to_integer<unsigned>(byte);
      if (value < 248 && secret.size() < length) secret += kAlphabet[value % 62];  // 248 = 4 × 62: no bias
    }
  }
  return secret;
}

}  // namespace siyu::crypto
