// links: siyu_net
// Multipart bodies, percent escapes and server-sent events: what HTTP parsing is our own.
#include "net/http.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto line = bytes.substr(0, bytes.find('\n'));
  const auto rest = bytes.substr(std::min(bytes.size(), line.size() + 1));
  if (const auto parts = siyu::net::parse_form(line, rest))
    for (const auto& part : *parts)
      if (part.begin > part.end || part.end > rest.size()) std::abort();
  if (siyu::net::percent_decode(siyu::net::percent_encode(bytes)) != bytes) std::abort();
  (void)siyu::net::percent_decode(bytes, true);
  siyu::net::RequestHead head;
  head.query = std::string(line);
  head.headers.add("Cookie", std::string(rest));
  (void)head.query_param("k");
  (void)head.cookie("k");
  siyu::net::SseParser whole, pieces;
  const auto at_once = whole.feed(bytes);
  std::vector<std::string> piecewise;
  for (std::size_t i = 0; i < bytes.size(); i += 7) {
    const auto some = pieces.feed(bytes.substr(i, 7));
    if (!some) return 0;
    piecewise.insert(piecewise.end(), some->begin(), some->end());
  }
  if (at_once && *at_once != piecewise) std::abort();  // where a read ends must not matter
  return 0;
}
