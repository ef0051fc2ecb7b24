// JSON-RPC 2.0 as MCP uses it: one message at a time, ids are texts or whole numbers.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/json.h"

namespace siyu::mcp {

using RequestId = std::variant<std::int64_t, std::string>;

struct Message {
  enum class Kind {
    kRequest,
    kNotification,
    kResponse,  ///< to something the server asked; this one never asks
  };
  Kind kind = Kind::kRequest;
  std::optional<RequestId> id;  ///< set for requests
  std::string method;
  json::object params;
};

struct RpcError {
  int code = 0;
  std::string message;
  json::value data = nullptr;  ///< left out when null
};

// Of JSON-RPC, and of MCP's own range.
constexpr int kParseError = -32700;
constexpr int kInvalidRequest = -32600;
constexpr int kMethodNotFound = -32601;
constexpr int kInvalidParams = -32602;
constexpr int kInternalError = -32603;
constexpr int kResourceNotFound = -32002;  ///< up to revision 2025-11-25; later kInvalidParams
constexpr int kHeaderMismatch = -32020;
constexpr int kUnsupportedRevision = -32022;

constexpr std::size_t kMaxIdBytes = 256;
constexpr std::size_t kMaxMethodBytes = 128;

/// What is wrong with a text that is no message, and the id to answer under where one could be read.
struct Undecodable {
  RpcError error;
  std::optional<RequestId> id;
};

std::expected<Message, Undecodable> decode_message(std::string_view text);

json::value to_json(const RequestId& id);
std::string result_text(const RequestId& id, json::object result);
/// Without an id it is written as null, which JSON-RPC asks for when none could be read.
std::string error_text(const std::optional<RequestId>& id, const RpcError& error);
std::string notification_text(std::string_view method, json::object params);

}  // namespace siyu::mcp
