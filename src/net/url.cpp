#include "net/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

namespace siyu::net {
namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using UrlHandle = std::unique_ptr<CURLU, FreeUrl>;

std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, flags) != CURLUE_OK) return "";
  std::string copy(text);
  curl_free(text);
  return copy;
}

Result<Url> take_apart(CURLU* handle) {
  curl_url_set(handle, CURLUPART_FRAGMENT, nullptr, 0);
  Url url{.scheme = part(handle, CURLUPART_SCHEME), .host = part(handle, CURLUPART_HOST), .port = part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT),
          .path = part(handle, CURLUPART_PATH), .text = part(handle, CURLUPART_URL)};
  if (url.scheme != "http" && url.scheme != "https") return invalid("An address must begin with http:// or https://, not " + url.scheme + "://");
  if (!part(handle, CURLUPART_USER).empty() || !part(handle, CURLUPART_PASSWORD).empty())
    return invalid("An address must carry no user name or password, because addresses are shown and logged");
  std::ranges::transform(url.host, url.host.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return url;
}

Result<Url> set_and_take(CURLU* handle, std::string_view text) {
  // Without CURLU_DEFAULT_SCHEME a text without a scheme is refused, or relative to what the handle holds already.
  if (curl_url_set(handle, CURLUPART_URL, std::string(text).c_str(), CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE) != CURLUE_OK)
    return invalid("`" + without_query(text.substr(0, 200)) + "` is not a web address");
  return take_apart(handle);
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  const UrlHandle handle(curl_url());
  return set_and_take(handle.get(), text);
}

Result<Url> resolve_url(const Url& base, std::string_view reference) {
  const UrlHandle handle(curl_url());
  RETURN_IF_ERROR(set_and_take(handle.get(), base.text));
  return set_and_take(handle.get(), reference);
}

std::string without_query(std::string_view url) { return std::string(url.substr(0, url.find_first_of("?#"))); }

}  // namespace siyu::net
