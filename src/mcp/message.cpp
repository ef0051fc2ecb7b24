#include "mcp/message.h"

namespace siyu::mcp {
namespace {

std::unexpected<Undecodable> refuse(int code, std::string message, std::optional<RequestId> id = {}) {
  return std::unexpected(Undecodable{.error = {.code = code, .message = std::move(message)}, .id = std::move(id)});
}

std::optional<RequestId> id_of(const json::value& value) {
  if (value.is_int64()) return value.get_int64();
  if (value.is_string() && value.get_string().size() <= kMaxIdBytes) return std::string(value.get_string());
  return std::nullopt;
}

}  // namespace

std::expected<Message, Undecodable> decode_message(std::string_view text) {
  auto parsed = parse_json(text);
  if (!parsed) return refuse(kParseError, parsed.error().message);
  if (parsed->is_array()) return refuse(kInvalidRequest, "Batches are not part of the protocol since 2025-06-18; send one message at a time");
  auto* object = parsed->if_object();
  if (object == nullptr) return refuse(kInvalidRequest, "A message must be a JSON object");

  Message message;
  const auto* id = object->if_contains("id");
  if (id != nullptr) {
    message.id = id_of(*id);
    if (!message.id) return refuse(kInvalidRequest, "`id` must be a whole number or a text of at most " + std::to_string(kMaxIdBytes) + " bytes");
  }
  const auto* version = object->if_contains("jsonrpc");
  if (version == nullptr || !version->is_string() || version->get_string() != "2.0") return refuse(kInvalidRequest, "`jsonrpc` must be \"2.0\"", message.id);

  const auto* method = object->if_contains("method");
  if (method == nullptr) {
    if (!message.id || object->contains("result") == object->contains("error")) return refuse(kInvalidRequest, "`method` is missing", message.id);
    message.kind = Message::Kind::kResponse;
    return message;
  }
  if (!method->is_string() || method->get_string().empty() || method->get_string().size() > kMaxMethodBytes)
    return refuse(kInvalidRequest, "`method` must be a text of 1 to " + std::to_string(kMaxMethodBytes) + " bytes", message.id);
  message.method = std::string(method->get_string());
  message.kind = message.id ? Message::Kind::kRequest : Message::Kind::kNotification;
  if (auto* params = object->if_contains("params"); params != nullptr) {
    if (!params->is_object()) return refuse(kInvalidRequest, "`params` must be an object", message.id);
    message.params = std::move(params->get_object());
  }
  return message;
}

json::value to_json(const RequestId& id) {
  return std::visit([](const auto& value) { return json::value(value); }, id);
}

std::string result_text(const RequestId& id, json::object result) {
  return json::serialize(json::object{{"jsonrpc", "2.0"}, {"id", to_json(id)}, {"result", std::move(result)}});
}

std::string error_text(const std::optional<RequestId>& id, const RpcError& error) {
  json::object body{{"code", error.code}, {"message", error.message}};
  if (!error.data.is_null()) body["data"] = error.data;
  return json::serialize(json::object{{"jsonrpc", "2.0"}, {"id", id ? to_json(*id) : json::value(nullptr)}, {"error", std::move(body)}});
}

std::string notification_text(std::string_view method, json::object params) {
  return json::serialize(json::object{{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}});
}

}  // namespace siyu::mcp
