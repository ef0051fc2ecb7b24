#include "net/response_head.h"

#include <boost/beast/http/status.hpp>

#include <charconv>

namespace siyu::net {
namespace {

/// A line break in a value would begin another field; none of ours has one, and none gets through.
void append_value(std::string& out, std::string_view value) {
  if (value.find_first_of("\r\n") == std::string_view::npos) {
    out += value;
    return;
  }
  for (const char c : value)
    if (c != '\r' && c != '\n') out += c;
}

void append_number(std::string& out, std::uint64_t number, int base = 10) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number, base).ptr;
  out.append(digits, end);
}

}  // namespace

void append_head(std::string& out, const Response& response, const Framing& framing) {
  out += framing.version >= 11 ? "HTTP/1.1 " : "HTTP/1.0 ";
  append_number(out, static_cast<std::uint64_t>(response.status));
  out += ' ';
  out += std::string_view(boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(response.status)));
  out += "\r\n";
  for (const auto& [name, value] : response.headers.fields()) {
    out += name;
    out += ": ";
    append_value(out, value);
    out += "\r\n";
  }
  if (framing.length) {
    out += "Content-Length: ";
    append_number(out, *framing.length);
    out += "\r\n";
  }
  if (framing.chunked) out += "Transfer-Encoding: chunked\r\n";
  if (framing.version >= 11 && !framing.keep_alive) out += "Connection: close\r\n";
  if (framing.version < 11 && framing.keep_alive) out += "Connection: keep-alive\r\n";
  out += "\r\n";
}

void append_chunk(std::string& out, std::string_view piece) {
  append_number(out, piece.size(), 16);
  out += "\r\n";
  out += piece;
  out += "\r\n";
}

}  // namespace siyu::net
