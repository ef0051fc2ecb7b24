#include "rpc/status.h"

#include <algorithm>

namespace siyu::rpc {

grpc::StatusCode status_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument: return grpc::StatusCode::INVALID_ARGUMENT;
    case ErrorCode::kUnauthenticated: return grpc::StatusCode::UNAUTHENTICATED;
    case ErrorCode::kPermissionDenied: return grpc::StatusCode::PERMISSION_DENIED;
    case ErrorCode::kNotFound: return grpc::StatusCode::NOT_FOUND;
    case ErrorCode::kAlreadyExists: return grpc::StatusCode::ALREADY_EXISTS;
    case ErrorCode::kConflict: return grpc::StatusCode::FAILED_PRECONDITION;
    case ErrorCode::kTooLarge: return grpc::StatusCode::OUT_OF_RANGE;
    case ErrorCode::kUnsupported: return grpc::StatusCode::UNIMPLEMENTED;
    case ErrorCode::kResourceExhausted: return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case ErrorCode::kUnavailable: return grpc::StatusCode::UNAVAILABLE;
    case ErrorCode::kDeadlineExceeded: return grpc::StatusCode::DEADLINE_EXCEEDED;
    case ErrorCode::kCancelled: return grpc::StatusCode::CANCELLED;
    case ErrorCode::kStorageFull: return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case ErrorCode::kCorrupted: return grpc::StatusCode::DATA_LOSS;
    case ErrorCode::kInternal: return grpc::StatusCode::INTERNAL;
  }
  return grpc::StatusCode::UNKNOWN;
}

grpc::Status to_status(const Error& error, grpc::ServerContextBase& context, const std::string& request, Logger& log) {
  const auto code = status_code(error.code);
  const bool fault = code == grpc::StatusCode::INTERNAL || code == grpc::StatusCode::DATA_LOSS || code == grpc::StatusCode::UNAVAILABLE ||
                     code == grpc::StatusCode::DEADLINE_EXCEEDED || error.code == ErrorCode::kStorageFull;
  if (fault)
    log.error("request_failed", {{"error_id", request}, {"code", to_string(error.code)}, {"message", error.message}, {"detail", error.detail}});
  else if (!error.detail.empty())
    log.info("request_refused", {{"error_id", request}, {"code", to_string(error.code)}, {"detail", error.detail}});
  context.AddTrailingMetadata("siyu-error-code", error.reason.empty() ? std::string(to_string(error.code)) : error.reason);
  context.AddTrailingMetadata("siyu-error-id", request);
  // gRPC's own word for it: clients with a retry policy wait so long; a negative number tells them not to try again.
  if (error.retry_after_ms != 0) context.AddTrailingMetadata("grpc-retry-pushback-ms", std::to_string(std::max<std::int64_t>(error.retry_after_ms, -1)));
  return {code, error.message};
}

}  // namespace siyu::rpc
