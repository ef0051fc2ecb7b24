// How a line of a batch is done: as the same request by HTTP would be, by the batch's owner, at the least urgent priority.
#pragma once

#include <stop_token>

#include "api/call.h"
#include "batches/line.h"

namespace siyu::api {

/// Blocks until the answer is there, or soon after `stop` asks for the end.
batches::LineReply execute_line(Services& services, const Principal& owner, const std::string& endpoint, const std::string& body, std::stop_token stop);

}  // namespace siyu::api
