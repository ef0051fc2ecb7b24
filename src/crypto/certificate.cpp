#include "crypto/certificate.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>

#include "crypto/pem.h"

namespace siyu::crypto {
namespace {

constexpr long kValidDays = 825;  // the longest that Apple's and others' clients accept

struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using CertificatePtr = std::unique_ptr<X509, FreeCertificate>;

bool is_address(const std::string& host) {
  unsigned char buffer[16];
  return inet_pton(AF_INET, host.c_str(), buffer) == 1 || inet_pton(AF_INET6, host.c_str(), buffer) == 1;
}

std::string subject_alternative_names(const std::vector<std::string>& hosts) {
  std::string names;
  for (const auto& host : hosts) names += (names.empty() ? "" : ",") + std::string(is_address(host) ? "IP:" : "DNS:") + host;
  return names;
}

bool add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  auto* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

CertificatePtr make_certificate(EVP_PKEY* key, const std::vector<std::string>& hosts, std::time_t now, Random& random) {
  CertificatePtr certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), random.next_u64() >> 1);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), now - 3600);  // clients' clocks may be behind
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), now + kValidDays * 86400);
  auto* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>("Siyu"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_set_pubkey(certificate.get(), key);
  const bool complete = add_extension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE") &&
                        add_extension(certificate.get(), NID_key_usage, "critical,digitalSignature,keyCertSign") &&
                        add_extension(certificate.get(), NID_ext_key_usage, "serverAuth") &&
                        add_extension(certificate.get(), NID_subject_alt_name, subject_alternative_names(hosts));
  if (!complete || X509_sign(certificate.get(), key, EVP_sha256()) == 0) return nullptr;
  return certificate;
}

bool is_current(const std::filesystem::path& file, std::time_t now) {
  const BioPtr in(BIO_new_file(file.c_str(), "r"));
  if (!in) return false;
  const CertificatePtr certificate(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
  return certificate && X509_cmp_time(X509_get0_notAfter(certificate.get()), &now) > 0;
}

}  // namespace

Result<CertificateFiles> ensure_self_signed(const std::filesystem::path& dir, const std::vector<std::string>& hosts, const Clock& clock, Random& random) {
  CertificateFiles files{.certificate = dir / "cert.pem", .private_key = dir / "key.pem"};
  const auto now = static_cast<std::time_t>(to_unix_millis(clock.now()) / 1000);
  if (std::filesystem::exists(files.private_key) && is_current(files.certificate, now)) return files;

  const KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  if (!key) return internal("A TLS key could not be made");
  const auto certificate = make_certificate(key.get(), hosts, now, random);
  const BioPtr key_pem(BIO_new(BIO_s_mem())), certificate_pem(BIO_new(BIO_s_mem()));
  if (!certificate || PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
      PEM_write_bio_X509(certificate_pem.get(), certificate.get()) != 1)
    return internal("A self-signed certificate could not be made; check the host names in server.hostnames");
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  // The certificate comes last: a crash in between leaves no certificate, and the next start makes both anew.
  std::filesystem::remove(files.certificate, error);
  RETURN_IF_ERROR(write_private_file(files.private_key, bio_text(key_pem.get())));
  RETURN_IF_ERROR(write_private_file(files.certificate, bio_text(certificate_pem.get())));
  return files;
}

}  // namespace siyu::crypto
