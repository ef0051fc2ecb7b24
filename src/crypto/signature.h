// Ed25519 signatures (RFC 8032) with a key kept in a file of mode 0600.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace siyu::crypto {

/// Thread-safe.
class SigningKey {
 public:
  /// Reads the PEM file, or makes a new key there.
  static Result<SigningKey> open(const std::filesystem::path& file);
  /// 64 bytes as 128 hexadecimal digits.
  Result<std::string> sign(std::string_view message) const;
  /// 32 bytes as 64 hexadecimal digits.
  std::string public_key() const;

 private:
  struct Key;
  explicit SigningKey(std::shared_ptr<Key> key) : key_(std::move(key)) {}
  std::shared_ptr<Key> key_;
};

bool verify_signature(std::string_view message, std::string_view signature_hex, std::string_view public_key_hex);

}  // namespace siyu::crypto
