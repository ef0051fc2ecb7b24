// What an Anthropic body means to an engine: kInvalidArgument or kUnsupported with the field that is wrong.
#pragma once

#include "api/anthropic_requests.h"
#include "engine/engine.h"

namespace siyu::api::anthropic {

Result<engine::GenerateRequest> to_generate(const MessagesRequest& body);

}  // namespace siyu::api::anthropic
