// The prompt of an answer from documents.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chat/stream.h"
#include "engine/engine.h"

namespace siyu::chat {

/// Adds the passages to the conversation, the best first, and drops the last ones from `sources` until the prompt leaves
/// room for an answer. kInvalidArgument with numbers when not even one passage fits.
Result<engine::GenerateRequest> fit_into_context(engine::Engine& engine, engine::GenerateRequest request, std::vector<Source>& sources,
                                                 std::string_view question);
/// Says in the question's own language that nothing was found.
std::string_view nothing_found_text(std::string_view question);

}  // namespace siyu::chat
