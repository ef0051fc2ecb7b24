#include "rpc/host.h"

#include <algorithm>

namespace siyu::rpc {

Call::Call(Host& host, grpc::CallbackServerContext& context, std::string_view method)
    : host_(host), context_(context), method_(method), id_(new_id_text("req", host.parts.clock, host.parts.random)), begun_(host.parts.clock.steady_now()) {
  ++host_.calls;
  context_.AddInitialMetadata("x-request-id", id_);
}

Call::~Call() { --host_.calls; }

Result<Pass> Call::enter(Permission permission, std::string_view action, std::string resource) const {
  const auto& metadata = context_.client_metadata();
  const auto header = metadata.find("authorization");
  if (header == metadata.end()) return fail(ErrorCode::kUnauthenticated, "An API key is needed: send the metadata `authorization: Bearer sk-…`");
  const std::string_view value(header->second.data(), header->second.size());
  if (!value.starts_with("Bearer ")) return fail(ErrorCode::kUnauthenticated, "Send the API key as the metadata `authorization: Bearer sk-…`");
  ASSIGN_OR_RETURN(const auto principal, host_.parts.identity.authenticate_key(value.substr(7)));
  return host_.parts.policy.obtain(principal, permission, {.action = action, .resource = std::move(resource), .request = id_});
}

Result<Millis> Call::time_left(Millis limit) const {
  const auto deadline = context_.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) return limit;
  const auto left = std::chrono::duration_cast<Millis>(deadline - std::chrono::system_clock::now());
  if (left < Millis(1)) return fail(ErrorCode::kDeadlineExceeded, "The deadline had passed before the work could begin");
  return std::min(left, limit);
}

grpc::Status Call::settle(const Status& outcome) {
  const auto status = outcome ? grpc::Status::OK : to_status(outcome.error(), context_, id_, host_.parts.log);
  if (host_.parts.called) {
    const std::chrono::duration<double> seconds = host_.parts.clock.steady_now() - begun_;
    host_.parts.called(method_, status.error_code(), seconds.count());
  }
  return status;
}

Status submit(Host& host, BoundedPool::Task& task) {
  if (host.calls <= host.max_calls && host.pool.try_submit(task)) return {};
  return fail(ErrorCode::kUnavailable, "The server has as many calls as it can handle; try again shortly");
}

}  // namespace siyu::rpc
