// MCP over HTTP (Streamable HTTP): which era a request belongs to, its headers and status codes, JSON or server-sent events.
#pragma once

#include "mcp/server.h"
#include "mcp/sessions.h"
#include "net/http.h"

namespace siyu::mcp {

/// Thread-safe. The caller is known and signed in when these are called.
class Endpoint {
 public:
  explicit Endpoint(Parts parts) : server_(std::move(parts)), sessions_(server_.parts().clock, server_.parts().random) {}

  /// One message. Answers are JSON; a tool whose client asked for progress is answered by a stream of events.
  net::Response post(const net::Request& request, const Principal& principal);
  /// Ends the session named in the header.
  net::Response remove(const net::Request& request, const Principal& principal);

 private:
  net::Response stateless(const net::Request& request, const Principal& principal, const Message& message);
  net::Response in_session(const net::Request& request, const Principal& principal, const Message& message);
  net::Response initialize(const Principal& principal, const Message& message);
  net::Response notified(const std::string& session, const Message& message);
  net::Response reply(const net::Request& request, const Principal& principal, Revision revision, const Message& message, const std::string& session);
  bool is_our_page(std::string_view origin) const;

  const Server server_;
  Sessions sessions_;
};

}  // namespace siyu::mcp
