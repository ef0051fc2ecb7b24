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
/// How hard to think: none, minimal, low, medium, high … as a budget of reasoning tokens.
Status read_effort(const std::optional<std::string>& effort, std::string_view field, engine::GenerateRequest& out);
/// `priority` as in vLLM; without it the tier `flex` waits behind the others.
Status read_priority(const std::optional<std::int64_t>& priority, const std::optional<std::string>& tier, engine::GenerateRequest& out);
/// The tier an answer tells; empty when none was asked for.
std::optional<std::string> tier_of(const std::optional<std::string>& asked);
Result<engine::EmbedRequest> to_embed(const EmbeddingRequest& body);

}  // namespace siyu::api::openai
