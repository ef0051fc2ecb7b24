// How many tokens a request may use at most: what is held for it before its engine is asked.
#pragma once

#include "engine/engine.h"
#include "serving/meter.h"

namespace siyu::serving {

/// No tokeniser makes more tokens than this of a request's prompt: one a byte, and room for what a template adds.
std::int64_t prompt_bound(const engine::GenerateRequest& request);
/// About how many it will be, for engines that do not tell.
std::int32_t prompt_estimate(const engine::GenerateRequest& request);

/// Holds what the request may use. The cheap bound first; where that does not fit, the engine counts the prompt. A request
/// that names no `max_tokens` gets what its caller's limits leave.
Result<Hold> admit(Meter& meter, const Caller& caller, const std::string& model, engine::Engine& engine, engine::GenerateRequest& request);
Result<Hold> admit(Meter& meter, const Caller& caller, const std::string& model, engine::Engine& engine, const engine::EmbedRequest& request);
Result<Hold> admit(Meter& meter, const Caller& caller, const std::string& model, engine::Engine& engine, const engine::RerankRequest& request);
/// Speech is counted in seconds, not tokens: it falls under the limits of requests only.
Result<Hold> admit(Meter& meter, const Caller& caller, const std::string& model, engine::Engine& engine, const engine::TranscribeRequest& request);

}  // namespace siyu::serving
