// Passwords and secrets.
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"

namespace siyu::crypto {

/// Argon2id (RFC 9106) as a PHC string that carries its own parameters. About 30 ms and 19 MiB.
Result<std::string> hash_password(std::string_view password, Random& random);
/// False also for a malformed hash.
bool verify_password(std::string_view password, const std::string& phc);
/// `length` characters of [0-9A-Za-z], each from an unbiased draw (5.95 bits).
std::string random_secret(std::size_t length, Random& random);

}  // namespace siyu::crypto
