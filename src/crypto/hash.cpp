#include "crypto/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <stdexcept>

namespace siyu::crypto {
namespace {

struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Digest = std::unique_ptr<EVP_MD_CTX, FreeDigest>;

/// A library without these digests is a broken installation, not a condition callers can handle.
void require(int outcome) {
  if (outcome != 1) throw std::runtime_error("OpenSSL digest failure");
}

std::string digest_hex(const EVP_MD* method, ByteView bytes) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  require(EVP_Digest(bytes.data(), bytes.size(), out, &size, method, nullptr));
  return to_hex(std::as_bytes(std::span(out, size)));
}

}  // namespace

struct Sha256::State {
  Digest context{EVP_MD_CTX_new()};
};

Sha256::Sha256() : state_(std::make_unique<State>()) { require(EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr)); }
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
void Sha256::update(ByteView bytes) { require(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size())); }
std::string Sha256::hex() {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  require(EVP_DigestFinal_ex(state_->context.get(), out, &size));
  return to_hex(std::as_bytes(std::span(out, size)));
}

std::string sha256_hex(ByteView bytes) { return digest_hex(EVP_sha256(), bytes); }
std::string sm3_hex(ByteView bytes) { return digest_hex(EVP_sm3(), bytes); }
bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace siyu::crypto
