// How an answer's header goes onto the wire. Internal to net.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "net/http.h"

namespace siyu::net {

struct Framing {
  unsigned version = 11;                      ///< 10 or 11, as the request had it
  bool keep_alive = true;
  bool chunked = false;
  std::optional<std::uint64_t> length = {};   ///< Content-Length
};

/// Appends the status line, the header fields and the empty line.
void append_head(std::string& out, const Response& response, const Framing& framing);
/// Appends one chunk of a chunked body.
void append_chunk(std::string& out, std::string_view piece);

}  // namespace siyu::net
