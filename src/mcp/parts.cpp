#include "mcp/parts.h"

namespace siyu::mcp {
namespace {

/// Ours to mend, not the caller's.
bool is_fault(ErrorCode code) {
  return code == ErrorCode::kInternal || code == ErrorCode::kCorrupted || code == ErrorCode::kStorageFull || code == ErrorCode::kUnavailable ||
         code == ErrorCode::kDeadlineExceeded;
}

/// Outside of JSON-RPC's reserved range, as MCP asks for what it does not define; the numbers are HTTP's, which everybody knows.
int code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kUnsupported: return kInvalidParams;
    case ErrorCode::kPermissionDenied: return 403;
    case ErrorCode::kTooLarge: return 413;
    case ErrorCode::kResourceExhausted: return 429;
    case ErrorCode::kUnavailable: return 503;
    case ErrorCode::kDeadlineExceeded: return 504;
    default: return kInternalError;
  }
}

}  // namespace

Result<Pass> obtain(const Parts& parts, const Caller& caller, std::string_view action, std::string resource) {
  return parts.policy.obtain(caller.principal, Permission::kKnowledgeRead, {.action = action, .resource = std::move(resource), .request = caller.request});
}

std::string told(const Parts& parts, const std::string& request, const Error& error) {
  if (!is_fault(error.code)) {
    if (!error.detail.empty()) parts.log.info("request_refused", {{"error_id", request}, {"code", to_string(error.code)}, {"detail", error.detail}});
    return error.message;
  }
  parts.log.error("request_failed", {{"error_id", request}, {"code", to_string(error.code)}, {"message", error.message}, {"detail", error.detail}});
  return error.message + " (error id " + request + ")";
}

RpcError to_rpc_error(const Parts& parts, const Caller& caller, Revision revision, const Error& error) {
  RpcError out{.code = code_of(error.code), .message = told(parts, caller.request, error)};
  if (error.code == ErrorCode::kNotFound) out.code = is_stateless(revision) ? kInvalidParams : kResourceNotFound;
  out.data = json::object{{"code", error.reason.empty() ? to_string(error.code) : std::string_view(error.reason)}, {"error_id", caller.request}};
  return out;
}

}  // namespace siyu::mcp
