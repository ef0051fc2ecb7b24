// From the bodies of the OpenAI endpoints to what engines understand. Errors name the field.
#pragma once

#include <vector>

#include "api/openai_requests.h"
#include "engine/engine.h"

namespace siyu::api::openai {

constexpr std::int64_t kMaxChoices = 8;

/// `n`, checked.
Result<int> choices_of(const SamplingFields& sampling);
Result<engine::GenerateRequest> to_generate(const ChatCompletionRequest& body, const SamplingFields& sampling);
/// One request for each prompt.
Result<std::vector<engine::GenerateRequest>> to_generate(const CompletionRequest& body, const SamplingFields& sampling);
Result<engine::EmbedRequest> to_embed(const EmbeddingRequest& body);

}  // namespace siyu::api::openai
