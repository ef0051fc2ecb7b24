#include "api/batch_lines.h"

#include <condition_variable>
#include <mutex>

#include "api/error_reply.h"
#include "routes.gen.h"

namespace siyu::api {
namespace {

const Operation* find_post(std::string_view path) {
  for (const auto& operation : operations())
    if (operation.path == path && operation.method == "POST") return &operation;
  return nullptr;
}

/// The body as it is done in a batch: whole, last in line, and kept in the results only.
Result<std::string> batch_body(const std::string& text, std::string_view endpoint) {
  ASSIGN_OR_RETURN(auto value, parse_json(text));
  auto* body = value.if_object();
  if (body == nullptr) return invalid_field("body", "must be an object");
  if (const auto* stream = body->if_contains("stream"); stream != nullptr && *stream == true) return invalid_field("stream", "is not possible in a batch");
  if (endpoint != "/v1/embeddings") (*body)["priority"] = engine::kLeastUrgent;
  if (endpoint == "/v1/responses") {
    (*body)["background"] = false;
    if (!body->contains("store")) (*body)["store"] = false;
  }
  return json::serialize(*body);
}

/// Waits for an answer that comes later.
net::Response wait_for(net::DeferredResponse& deferred, const std::stop_token& stop) {
  struct Slot {
    std::mutex mu;
    std::condition_variable changed;
    std::optional<net::Response> response;
  };
  const auto slot = std::make_shared<Slot>();
  deferred.start([slot](net::Response response) {
    const std::lock_guard lock(slot->mu);
    slot->response = std::move(response);
    slot->changed.notify_all();
  });
  const std::stop_callback on_stop(stop, [&deferred] { deferred.cancel(); });
  std::unique_lock lock(slot->mu);
  slot->changed.wait(lock, [&] { return slot->response.has_value(); });  // the generation's own deadline ends it
  return std::move(*slot->response);
}

Reply run(Services& services, const Principal& owner, const Operation& operation, net::Request& request, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(request.body, batch_body(request.body, operation.path));
  ASSIGN_OR_RETURN(auto pass, services.policy.obtain(owner, operation.permission, {.action = operation.audit_action, .resource = "batch" + request.path, .request = request.id}));
  const PathParams none;
  Call call{.request = request, .params = none, .services = services, .principal = owner, .pass = std::move(pass), .begun = services.clock.steady_now()};
  ASSIGN_OR_RETURN(auto response, operation.handler(call));
  if (auto* deferred = std::get_if<std::unique_ptr<net::DeferredResponse>>(&response.body)) {
    const auto pending = std::move(*deferred);
    response = wait_for(*pending, stop);
  }
  return response;
}

}  // namespace

batches::LineReply execute_line(Services& services, const Principal& owner, const std::string& endpoint, const std::string& body, std::stop_token stop) {
  OsRandom random;
  net::Request request;
  request.method = "POST";
  request.path = endpoint;
  request.body = body;
  request.id = new_id_text("req", services.clock, random);
  const auto* operation = find_post(endpoint);
  auto reply = operation == nullptr ? Reply(not_found("There is nothing at " + endpoint)) : run(services, owner, *operation, request, stop);
  auto response = reply ? std::move(*reply) : error_reply(reply.error(), request.id, services.log);
  auto* text = std::get_if<std::string>(&response.body);
  return {.status = text == nullptr ? 500 : response.status, .body = text == nullptr || text->empty() ? "{}" : std::move(*text), .request_id = request.id};
}

}  // namespace siyu::api
