#include "net/curl_request.h"

#include <algorithm>

#include "net/http.h"

namespace siyu::net {
namespace {
constexpr long kConnectMillis = 10'000;
}

HeaderList prepare(CURL* curl, const ClientOptions& options, const ClientRequest& request, char* error_buffer) {
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error_buffer);
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectMillis);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  if (!options.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, options.ca_file.c_str());
  if (!options.verify) {
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  HeaderList headers;
  const auto add = [&](const std::string& line) { headers.reset(curl_slist_append(headers.release(), line.c_str())); };
  for (const auto& [name, value] : request.headers) add(name + ": " + value);
  if (!request.body.empty()) {
    const bool told = std::ranges::any_of(request.headers, [](const auto& header) { return equals_ignoring_case(header.first, "Content-Type"); });
    if (!told) add("Content-Type: application/json");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  if (!request.body_file.empty()) add("Content-Type: application/octet-stream");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  return headers;
}

std::string place_of(const std::string& url) {
  const auto scheme = url.find("://");
  if (scheme == std::string::npos) return "the server";
  const auto authority = url.substr(scheme + 3, url.find('/', scheme + 3) - scheme - 3);
  const auto at = authority.rfind('@');
  return url.substr(0, scheme + 3) + (at == std::string::npos ? authority : authority.substr(at + 1));
}

Error transport_error(CURLcode code, const std::string& url, const char* why) {
  const std::string place = place_of(url);
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
      return {ErrorCode::kUnavailable, "Cannot reach " + place + "; is the server running there?", why};
    case CURLE_OPERATION_TIMEDOUT:
      return {ErrorCode::kDeadlineExceeded, place + " did not answer in time", why};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return {ErrorCode::kUnavailable, "The certificate of " + place + " is not trusted; name a file with it or its authority: --ca FILE or SIYU_CA for `siyu` (the server's own is DATA/tls/cert.pem), "
              "`engine.ca_file` for engines elsewhere", why};
    default:
      return {ErrorCode::kUnavailable, "The connection to " + place + " failed: " + why, ""};
  }
}

}  // namespace siyu::net
