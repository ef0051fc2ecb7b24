// The self-signed certificate that a new installation starts with.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"

namespace siyu::crypto {

struct CertificateFiles {
  std::filesystem::path certificate;  ///< PEM
  std::filesystem::path private_key;  ///< PEM, mode 0600
};

/// Uses dir/cert.pem and dir/key.pem, or makes them: EC P-256, valid 825 days, for the given host names and addresses.
/// Makes new ones when they have expired.
Result<CertificateFiles> ensure_self_signed(const std::filesystem::path& dir, const std::vector<std::string>& hosts, const Clock& clock, Random& random);

}  // namespace siyu::crypto
