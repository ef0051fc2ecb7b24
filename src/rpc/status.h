// The one place where an Error becomes a gRPC status.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include "base/log.h"
#include "base/result.h"

namespace siyu::rpc {

grpc::StatusCode status_code(ErrorCode code);
/// The HTTP API's message; the trailing metadata siyu-error-code and siyu-error-id tell programs the rest. `detail` goes to the log.
grpc::Status to_status(const Error& error, grpc::ServerContextBase& context, const std::string& request, Logger& log);

}  // namespace siyu::rpc
