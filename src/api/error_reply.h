// The one place where an Error becomes an HTTP answer.
#pragma once

#include <string>
#include <string_view>

#include "api/operation.h"
#include "base/log.h"
#include "base/result.h"
#include "net/http.h"

namespace siyu::api {

int http_status(ErrorCode code);
/// OpenAI's error `type` for a status: invalid_request_error, authentication_error, …
std::string_view error_type(ErrorCode code);

/// OpenAI's {"error":{"message","type","param","code","error_id"}} or Anthropic's {"type":"error","error":{…},"request_id"}.
/// The caller sees `message` only; `detail` goes to the log under `request_id`, which is also the error id in the body.
net::Response error_reply(const Error& error, std::string_view request_id, Logger& log, ErrorShape shape = ErrorShape::kOpenAi);
/// The same body as JSON text, for errors inside a stream that has begun.
std::string error_body(const Error& error, std::string_view request_id, ErrorShape shape = ErrorShape::kOpenAi);

}  // namespace siyu::api
