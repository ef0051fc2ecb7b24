// Answers MCP's methods. It knows messages and callers, no transport.
#pragma once

#include <memory>
#include <variant>

#include "mcp/library.h"
#include "mcp/parts.h"
#include "mcp/toolbox.h"

namespace siyu::mcp {

/// What comes of a request: a result or an error now, or an answer that is being written.
using Outcome = std::variant<json::object, RpcError, std::shared_ptr<Asking>>;

/// Thread-safe.
class Server {
 public:
  explicit Server(Parts parts) : parts_(std::move(parts)), toolbox_(parts_), library_(parts_) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Everything but `initialize`, which belongs to the transport that keeps the session.
  Outcome answer(const Caller& caller, Revision revision, const Message& request) const;
  /// The result of `initialize`.
  static json::object welcome(Revision revision);
  /// Adds to a result what its revision asks of every result.
  static json::object dress(Revision revision, std::string_view method, json::object result);

  const Parts& parts() const { return parts_; }

 private:
  Outcome call_tool(const Caller& caller, const json::object& params) const;
  Outcome list_resources(const Caller& caller, Revision revision, const json::object& params) const;
  Outcome read_resource(const Caller& caller, Revision revision, const json::object& params) const;

  const Parts parts_;
  const Toolbox toolbox_;
  const Library library_;
};

}  // namespace siyu::mcp
