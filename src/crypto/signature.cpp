#include "crypto/signature.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "base/bytes.h"
#include "crypto/pem.h"

namespace siyu::crypto {

Status write_private_file(const std::filesystem::path& file, const std::string& content) {
  const auto refused = [&] {
    return fail(ErrorCode::kUnavailable, "The file " + file.filename().string() + " cannot be written; check the data folder's permissions", file.string());
  };
  std::string scratch = file.string() + ".XXXXXX";
  const int fd = ::mkostemp(scratch.data(), O_CLOEXEC);  // mode 0600
  if (fd < 0) return refused();
  const bool written = ::write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()) && ::fsync(fd) == 0;
  ::close(fd);
  if (!written || ::rename(scratch.c_str(), file.c_str()) != 0) {
    ::unlink(scratch.c_str());
    return refused();
  }
  return {};
}

struct SigningKey::Key {
  KeyPtr pkey;
};

Result<SigningKey> SigningKey::open(const std::filesystem::path& file) {
  auto key = std::make_shared<Key>();
  if (std::filesystem::exists(file)) {
    const BioPtr in(BIO_new_file(file.c_str(), "r"));
    if (in) key->pkey.reset(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
    if (!key->pkey || EVP_PKEY_get_id(key->pkey.get()) != EVP_PKEY_ED25519)
      return fail(ErrorCode::kCorrupted, "The signing key " + file.string() + " is not a readable Ed25519 key; restore it from a backup");
    return SigningKey(std::move(key));
  }
  key->pkey.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  const BioPtr out(BIO_new(BIO_s_mem()));
  if (!key->pkey || PEM_write_bio_PrivateKey(out.get(), key->pkey.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return internal("A signing key could not be made");
  RETURN_IF_ERROR(write_private_file(file, bio_text(out.get())));
  return SigningKey(std::move(key));
}

Result<std::string> SigningKey::sign(std::string_view message) const {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::array<unsigned char, 64> signature{};
  std::size_t size = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_->pkey.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, reinterpret_cast<const unsigned char*>(message.data()), message.size()) != 1)
    return internal("A signature could not be made");
  return to_hex(std::as_bytes(std::span(signature.data(), size)));
}

std::string SigningKey::public_key() const {
  std::array<unsigned char, 32> raw{};
  std::size_t size = raw.size();
  EVP_PKEY_get_raw_public_key(key_->pkey.get(), raw.data(), &size);
  return to_hex(std::as_bytes(std::span(raw.data(), size)));
}

bool verify_signature(std::string_view message, std::string_view signature_hex, std::string_view public_key_hex) {
  const auto signature = from_hex(signature_hex), key = from_hex(public_key_hex);
  if (!signature || !key) return false;
  const KeyPtr pkey(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(key->data()), key->size()));
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  return pkey && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey.get()) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature->data()), signature->size(),
                          reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
}

}  // namespace siyu::crypto
