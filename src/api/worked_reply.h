// An answer that takes a processor for seconds: made on a thread of its own, and given up when the client leaves or the server ends.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "api/operation.h"
#include "base/log.h"

namespace siyu::api {

/// `work` runs once, and ends soon after it is asked to stop. How many run at once is for the caller to bound.
net::Response worked_reply(std::move_only_function<Reply(std::stop_token)> work, std::string request_id, Logger& log);

}  // namespace siyu::api
