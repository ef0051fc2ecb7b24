// What a Responses body means: to an engine, and as the frame of the response object that echoes it.
#pragma once

#include "api/responses_requests.h"
#include "chat/chat.h"

namespace siyu::api::responses {

/// The new input as items with ids, as they are stored and listed.
Result<json::array> input_items(const CreateRequest& body, std::string_view response_id);

/// `items` is the whole conversation: what was stored of earlier turns, then the new input.
Result<chat::Request> to_request(const CreateRequest& body, const json::array& items);

/// The response object without what only the answer tells: status, output, usage, model.
json::object frame_of(const CreateRequest& body, std::string_view response_id, std::int64_t created);

}  // namespace siyu::api::responses
