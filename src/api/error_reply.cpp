#include "api/error_reply.h"

#include "api/limit_headers.h"

namespace siyu::api {

int http_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument: return 400;
    case ErrorCode::kUnauthenticated: return 401;
    case ErrorCode::kPermissionDenied: return 403;
    case ErrorCode::kNotFound: return 404;
    case ErrorCode::kAlreadyExists: return 409;
    case ErrorCode::kConflict: return 409;
    case ErrorCode::kTooLarge: return 413;
    case ErrorCode::kUnsupported: return 422;
    case ErrorCode::kResourceExhausted: return 429;
    case ErrorCode::kUnavailable: return 503;
    case ErrorCode::kDeadlineExceeded: return 504;
    case ErrorCode::kCancelled: return 499;
    case ErrorCode::kStorageFull: return 507;
    case ErrorCode::kCorrupted:
    case ErrorCode::kInternal: return 500;
  }
  return 500;
}

std::string_view error_type(ErrorCode code) {
  switch (http_status(code)) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 429: return "rate_limit_error";
    default: return http_status(code) < 500 ? "invalid_request_error" : "server_error";
  }
}

namespace {

std::string_view code_of(const Error& error) { return error.reason.empty() ? to_string(error.code) : std::string_view(error.reason); }

/// Anthropic knows fewer statuses: what is not offered is a bad request, what is overloaded has a number of its own.
int anthropic_status(ErrorCode code) {
  if (code == ErrorCode::kUnsupported) return 400;
  return code == ErrorCode::kUnavailable ? 529 : http_status(code);
}

std::string_view anthropic_type(int status) {
  switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 413: return "request_too_large";
    case 429: return "rate_limit_error";
    case 504: return "timeout_error";
    case 529: return "overloaded_error";
    default: return status < 500 ? "invalid_request_error" : "api_error";
  }
}

std::string openai_body(const Error& error, std::string_view request_id) {
  std::string body = R"({"error":{"message":)";
  append_json_string(body, error.message);
  body += R"(,"type":")";
  body += error_type(error.code);
  body += R"(","param":)";
  if (error.param.empty()) body += "null";
  else append_json_string(body, error.param);
  body += R"(,"code":")";
  body += code_of(error);
  body += R"(","error_id":)";
  append_json_string(body, request_id);
  body += "}}";
  return body;
}

std::string anthropic_body(const Error& error, std::string_view request_id) {
  std::string body = R"({"type":"error","error":{"type":")";
  body += anthropic_type(anthropic_status(error.code));
  body += R"(","message":)";
  append_json_string(body, error.message);
  body += R"(,"details":{"error_code":")";
  body += code_of(error);
  body += R"("}},"request_id":)";
  append_json_string(body, request_id);
  body += "}";
  return body;
}

}  // namespace

std::string error_body(const Error& error, std::string_view request_id, ErrorShape shape) {
  return shape == ErrorShape::kAnthropic ? anthropic_body(error, request_id) : openai_body(error, request_id);
}

net::Response error_reply(const Error& error, std::string_view request_id, Logger& log, ErrorShape shape) {
  const int status = shape == ErrorShape::kAnthropic ? anthropic_status(error.code) : http_status(error.code);
  if (status >= 500)
    log.error("request_failed", {{"error_id", request_id}, {"code", to_string(error.code)}, {"message", error.message}, {"detail", error.detail}});
  else if (!error.detail.empty())
    log.info("request_refused", {{"error_id", request_id}, {"code", to_string(error.code)}, {"detail", error.detail}});
  auto response = net::json_response(status, error_body(error, request_id, shape));
  if (error.retry_after_ms != 0) add_retry_headers(response, error.retry_after_ms);
  else if (status == 503 || status == 529 || status == 429) response.headers.set("Retry-After", "1");
  if (status == 401) response.headers.set("WWW-Authenticate", "Bearer");
  if (shape == ErrorShape::kAnthropic) response.headers.add("request-id", std::string(request_id));
  return response;
}

}  // namespace siyu::api
