// Web addresses: their parts, and what a relative one means (RFC 3986).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace siyu::net {

struct Url {
  std::string scheme;  ///< http or https
  std::string host;    ///< lower case
  std::string port;    ///< never empty
  std::string path;    ///< begins with a slash, percent-encoded, without the query
  std::string text;    ///< the whole address, without a fragment

  /// Scheme, host and port: what a secret meant for one server may be sent to.
  std::string origin() const { return scheme + "://" + host + ":" + port; }
};

/// Refuses other schemes than http and https, and addresses that carry a user or a password.
Result<Url> parse_url(std::string_view text);
/// The target of a redirect from `base`; the same rules hold for it.
Result<Url> resolve_url(const Url& base, std::string_view reference);
/// The address without its query, which may carry a signature: fit to be shown and logged.
std::string without_query(std::string_view url);

}  // namespace siyu::net
