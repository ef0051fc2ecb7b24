#include "mcp/endpoint.h"

#include <algorithm>

#include "base/text.h"
#include "mcp/mirror.h"
#include "mcp/reply.h"

namespace siyu::mcp {
namespace {

constexpr std::string_view kSessionHeader = "Mcp-Session-Id";
constexpr std::string_view kRevisionHeader = "MCP-Protocol-Version";

net::Response accepted() { return {.status = 202, .headers = {}, .body = std::string()}; }

net::Response refuse(int status, int code, std::string message, const std::optional<RequestId>& id = {}, json::value data = nullptr) {
  return net::json_response(status, error_text(id, {.code = code, .message = std::move(message), .data = std::move(data)}));
}

const json::value* meta_of(const Message& message, std::string_view key) {
  const auto* meta = message.params.if_contains("_meta");
  const auto* object = meta == nullptr ? nullptr : meta->if_object();
  return object == nullptr ? nullptr : object->if_contains(key);
}

bool accepts_events(const net::Request& request) {
  return request.headers.get("Accept").value_or("").find("text/event-stream") != std::string_view::npos;
}

bool is_json(const net::Request& request) {
  const auto type = request.headers.get("Content-Type").value_or("");
  return net::equals_ignoring_case(trim(type.substr(0, type.find(';'))), "application/json");
}

net::Response unsupported_revision(std::string_view asked, const std::optional<RequestId>& id) {
  json::array supported;
  for (const auto& known : kRevisions) supported.emplace_back(known.text);
  return refuse(400, kUnsupportedRevision, "Unsupported protocol version", id, json::object{{"supported", std::move(supported)}, {"requested", asked}});
}

/// What of the body a request's headers must repeat; the first that does not, or nothing.
std::optional<std::string> mismatch(const net::Request& request, const Message& message, std::string_view revision) {
  if (request.headers.get(kRevisionHeader) != revision) return "The header MCP-Protocol-Version is not the protocol version in `_meta`";
  if (request.headers.get("Mcp-Method") != message.method) return "The header Mcp-Method is not the body's `method`";
  const std::string_view field = message.method == "tools/call" || message.method == "prompts/get" ? "name" : message.method == "resources/read" ? "uri" : "";
  const auto* value = field.empty() ? nullptr : message.params.if_contains(field);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  if (mirrored_header(request, "Mcp-Name") != std::string_view(value->get_string())) return "The header Mcp-Name is not the body's `" + std::string(field) + "`";
  return std::nullopt;
}

}  // namespace

/// A page that was made to resolve to our address names its own origin, so only the names that are ours count, whatever `Host` says.
bool Endpoint::is_our_page(std::string_view origin) const {
  const auto scheme = origin.find("://");
  if (scheme == std::string_view::npos) return false;
  auto host = origin.substr(scheme + 3);
  host = host.starts_with('[') ? host.substr(1, std::max<std::size_t>(host.find(']'), 1) - 1) : host.substr(0, host.find(':'));
  return std::ranges::any_of(server_.parts().hosts, [&](const auto& own) { return net::equals_ignoring_case(own, host); });
}

net::Response Endpoint::post(const net::Request& request, const Principal& principal) {
  if (const auto origin = request.headers.get("Origin"); origin && !is_our_page(*origin))
    return refuse(403, kInvalidRequest, "Pages of " + std::string(origin->substr(0, 256)) + " may not call this server; its own names are those of `server.hostnames`");
  if (!is_json(request)) return refuse(415, kInvalidRequest, "Send the message as `Content-Type: application/json`");
  const auto message = decode_message(request.body);
  if (!message) return refuse(400, message.error().error.code, message.error().error.message, message.error().id);
  const auto revision = find_revision(request.headers.get(kRevisionHeader).value_or(""));
  const bool carries_revision = meta_of(*message, kRevisionKey) != nullptr;
  const bool opens_session = message->method == "initialize";
  if (!opens_session && (carries_revision || (revision && is_stateless(*revision)))) return stateless(request, principal, *message);
  if (!opens_session && !request.headers.get(kSessionHeader) && request.headers.get(kRevisionHeader) && !revision)
    return unsupported_revision(*request.headers.get(kRevisionHeader), message->id);
  return in_session(request, principal, *message);
}

net::Response Endpoint::stateless(const net::Request& request, const Principal& principal, const Message& message) {
  if (message.kind == Message::Kind::kResponse) return refuse(400, kInvalidRequest, "This server asks nothing, so there is nothing to respond to", message.id);
  // The revision defines no notifications from clients over HTTP; what comes all the same is taken and means nothing.
  if (message.kind == Message::Kind::kNotification) return accepted();
  const auto* carried = meta_of(message, kRevisionKey);
  const auto* client_abilities = meta_of(message, kClientAbilitiesKey);
  if (carried == nullptr || !carried->is_string() || client_abilities == nullptr || !client_abilities->is_object())
    return refuse(400, kInvalidParams, "`params._meta` needs " + std::string(kRevisionKey) + " and " + std::string(kClientAbilitiesKey), message.id);
  const std::string_view asked = carried->get_string();
  if (const auto wrong = mismatch(request, message, asked)) return refuse(400, kHeaderMismatch, *wrong, message.id);
  const auto revision = find_revision(asked);
  if (!revision || !is_stateless(*revision)) return unsupported_revision(asked, message.id);
  return reply(request, principal, *revision, message, "");
}

net::Response Endpoint::in_session(const net::Request& request, const Principal& principal, const Message& message) {
  if (message.kind == Message::Kind::kRequest && message.method == "initialize") return initialize(principal, message);
  const auto session = request.headers.get(kSessionHeader);
  if (!session) return refuse(400, kInvalidRequest, "Begin with `initialize`, and send the Mcp-Session-Id that it answers with", message.id);
  const auto named = request.headers.get(kRevisionHeader);
  if (named && !find_revision(*named)) return unsupported_revision(*named, message.id);
  const std::string id(*session);
  const auto revision = sessions_.find(id, principal.user);
  if (!revision) return refuse(404, kInvalidRequest, "The session has ended; begin a new one with `initialize`", message.id);
  if (message.kind == Message::Kind::kNotification) return notified(id, message);
  if (message.kind == Message::Kind::kResponse) return accepted();
  return reply(request, principal, *revision, message, id);
}

net::Response Endpoint::initialize(const Principal& principal, const Message& message) {
  const auto* asked = message.params.if_contains("protocolVersion");
  if (asked == nullptr || !asked->is_string()) return refuse(400, kInvalidParams, "`protocolVersion` is missing", message.id);
  auto revision = find_revision(std::string_view(asked->get_string())).value_or(kNewestWithHandshake);
  if (is_stateless(revision)) revision = kNewestWithHandshake;
  auto response = net::json_response(200, result_text(*message.id, Server::welcome(revision)));
  response.headers.add(std::string(kSessionHeader), sessions_.open(principal.user, revision));
  return response;
}

net::Response Endpoint::notified(const std::string& session, const Message& message) {
  if (message.method == "notifications/cancelled") {
    const auto* id = message.params.if_contains("requestId");
    if (id != nullptr && id->is_int64()) sessions_.cancel(session, id->get_int64());
    if (id != nullptr && id->is_string()) sessions_.cancel(session, std::string(id->get_string()));
  }
  return accepted();
}

net::Response Endpoint::reply(const net::Request& request, const Principal& principal, Revision revision, const Message& message, const std::string& session) {
  auto outcome = server_.answer({.principal = principal, .request = request.id}, revision, message);
  if (auto* result = std::get_if<json::object>(&outcome)) return net::json_response(200, result_text(*message.id, Server::dress(revision, message.method, std::move(*result))));
  if (auto* error = std::get_if<RpcError>(&outcome)) {
    // Later clients read the status first; earlier ones expect 200 around every answer to a request.
    const int status = !is_stateless(revision) ? 200 : error->code == kMethodNotFound ? 404 : error->code == kInvalidParams ? 400 : 200;
    return net::json_response(status, error_text(message.id, *error));
  }
  auto asking = std::get<std::shared_ptr<Asking>>(std::move(outcome));
  if (!session.empty()) sessions_.begin(session, *message.id, asking);
  const auto* progress = meta_of(message, "progressToken");
  const bool wants_progress = progress != nullptr && (progress->is_int64() || progress->is_string());
  ReplyTo to{.id = *message.id, .revision = revision, .progress_token = wants_progress ? *progress : json::value()};
  return wants_progress && accepts_events(request) ? streamed_reply(std::move(asking), std::move(to)) : whole_reply(std::move(asking), std::move(to));
}

net::Response Endpoint::remove(const net::Request& request, const Principal& principal) {
  if (const auto origin = request.headers.get("Origin"); origin && !is_our_page(*origin)) return refuse(403, kInvalidRequest, "Pages of another origin may not call this server");
  const auto session = request.headers.get(kSessionHeader);
  if (!session) return refuse(400, kInvalidRequest, "The header Mcp-Session-Id is missing");
  if (!sessions_.close(std::string(*session), principal.user)) return refuse(404, kInvalidRequest, "The session has ended already");
  return {.status = 204, .headers = {}, .body = std::string()};
}

}  // namespace siyu::mcp
