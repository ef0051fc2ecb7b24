#include "api/dispatcher.h"

#include "api/error_reply.h"
#include "api/limit_headers.h"
#include "crypto/hash.h"
#include "routes.gen.h"

namespace siyu::api {
namespace {

constexpr std::string_view kBearer = "Bearer ";
constexpr std::size_t kMaxBodyNow = 64UL << 10;  // decodes in a fraction of a millisecond

bool changes_state(std::string_view method) { return method != "GET" && method != "HEAD"; }

/// Such as knowledge-bases/handbook: what the audit log shows as the resource.
std::string resource_of(const net::RequestHead& request) {
  std::string_view path = request.path;
  for (const std::string_view prefix : {"/api/v1/", "/v1/"})
    if (path.starts_with(prefix)) path.remove_prefix(prefix.size());
  return net::percent_decode(path);
}

}  // namespace

Dispatcher::Dispatcher(Services& services, std::span<const Asset> console) : services_(services), router_(operations()), console_(console) {}

net::BodyPlan Dispatcher::plan(const net::RequestHead& head) {
  const auto route = router_.find(head.method, head.path);
  if (route.operation == nullptr) return {};
  return {.limit = route.operation->body_limit, .spool = route.operation->spool, .on_loop = route.operation->on_loop || route.operation->now};
}

net::Response Dispatcher::handle(net::Request& request) { return *answer(request, /*at_once=*/false); }

std::optional<net::Response> Dispatcher::handle_now(net::Request& request) {
  const auto route = router_.find(request.method, request.path);
  if (route.operation == nullptr || route.operation->on_loop) return answer(request, /*at_once=*/false);
  // What reads from the disk, such as a key that is not in memory, and what takes long to decode, is left to `handle`.
  if (request.body.size() > kMaxBodyNow) return std::nullopt;
  const auto header = request.headers.get("Authorization");
  if (!header || !header->starts_with(kBearer)) return std::nullopt;
  const auto known = services_.identity.known_key(header->substr(kBearer.size()));
  if (!known) return std::nullopt;
  request.begun = *known;
  return answer(request, /*at_once=*/true);
}

std::optional<net::Response> Dispatcher::answer(net::Request& request, bool at_once) {
  const auto begin = services_.clock.steady_now();
  auto route = router_.find(request.method, request.path);
  auto reply = dispatch(request, route, at_once);
  if (at_once && !reply && reply.error().reason == engine::kWouldWait) return std::nullopt;
  const auto shape = route.operation == nullptr ? ErrorShape::kOpenAi : route.operation->errors;
  auto response = reply ? std::move(*reply) : error_reply(reply.error(), request.id, services_.log, shape);
  services_.metrics.on_request(route.operation == nullptr ? "none" : route.operation->id, response.status,
                               std::chrono::duration<double>(services_.clock.steady_now() - begin).count());
  return response;
}

Reply Dispatcher::dispatch(net::Request& request, Route& route, bool at_once) {
  const auto* operation = route.operation;
  if (operation == nullptr) {
    if (!route.allowed.empty()) {
      auto response = net::plain_error(405, "invalid_request_error", "method_not_allowed", "This path takes only " + route.allowed);
      response.headers.add("Allow", route.allowed);
      return response;
    }
    const bool page = request.method == "GET" && !request.path.starts_with("/api/") && !request.path.starts_with("/v1/");
    if (page && !console_.empty()) return console_page(request.path);
    return not_found("There is nothing at " + request.path + "; /openapi.json lists what there is");
  }
  Call call{.request = request, .params = route.params, .services = services_, .principal = {}, .pass = {}, .begun = services_.clock.steady_now()};
  if (operation->access == Access::kAnyone) return operation->handler(call);

  ASSIGN_OR_RETURN(call.pass, admit(request, *operation));
  call.principal = call.pass->principal();
  call.at_once = at_once;
  auto reply = operation->handler(call);
  if (operation->permission != Permission::kInfer) return reply;
  if (at_once && !reply && reply.error().reason == engine::kWouldWait) return reply;
  auto response = reply ? std::move(*reply) : error_reply(reply.error(), request.id, services_.log, operation->errors);
  add_call_headers(response, services_.meter, serving::Caller::of(*call.pass), call.report.get());
  return response;
}

/// Who is it, and may they: once for each request, however often it is begun.
Result<Pass> Dispatcher::admit(net::Request& request, const Operation& operation) const {
  if (const auto* pass = std::any_cast<Pass>(&request.begun)) return *pass;
  const auto* known = std::any_cast<Principal>(&request.begun);
  ASSIGN_OR_RETURN(const auto principal, known != nullptr ? Result<Principal>(*known) : authenticate(request));
  // A browser sends its cookie along with a request that another site made up; the token proves that our page did it.
  if (principal.csrf && changes_state(request.method) && !crypto::equal_in_constant_time(request.headers.get("X-Siyu-CSRF").value_or(""), *principal.csrf))
    return fail(ErrorCode::kPermissionDenied, "The header X-Siyu-CSRF is missing or wrong; sign in again");
  const policy::Access access{.action = operation.audit_action, .resource = resource_of(request), .request = request.id};
  ASSIGN_OR_RETURN(auto pass, operation.access == Access::kSignedIn ? services_.policy.obtain_own(principal, access)
                                                                    : services_.policy.obtain(principal, operation.permission, access));
  request.begun = pass;
  return pass;
}

Result<Principal> Dispatcher::authenticate(const net::Request& request) const {
  if (const auto header = request.headers.get("Authorization")) {
    if (!header->starts_with(kBearer)) return fail(ErrorCode::kUnauthenticated, "Send the API key as `Authorization: Bearer sk-…`");
    return services_.identity.authenticate_key(header->substr(kBearer.size()));
  }
  if (const auto key = request.headers.get("x-api-key")) return services_.identity.authenticate_key(*key);  // Anthropic's clients
  if (const auto cookie = request.cookie("siyu_session")) return services_.identity.authenticate_session(*cookie);
  return fail(ErrorCode::kUnauthenticated, "An API key is needed: send `Authorization: Bearer sk-…`");
}

net::Response Dispatcher::console_page(std::string_view path) const {
  const Asset* found = nullptr;
  for (const auto& asset : console_)
    if (asset.path == path) found = &asset;
  if (found == nullptr) {
    for (const auto& asset : console_)
      if (asset.path == "/index.html") found = &asset;
  }
  net::Response response{.status = found == nullptr ? 404 : 200, .headers = {}, .body = std::string()};
  if (found == nullptr) return response;
  response.body = std::string(found->content);
  response.headers.add("Content-Type", std::string(found->content_type));
  // File names under assets/ carry a hash of their content.
  response.headers.add("Cache-Control", found->path.starts_with("/assets/") ? "public, max-age=31536000, immutable" : "no-cache");
  response.headers.add("Content-Security-Policy",
                       "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'");
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.headers.add("Referrer-Policy", "no-referrer");
  return response;
}

}  // namespace siyu::api
