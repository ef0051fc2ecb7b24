// What the handlers of all generating endpoints begin an answer with.
#pragma once

#include "api/call.h"
#include "api/generation_reply.h"

namespace siyu::api {

inline ReplyHead head_of(const Call& call, std::string_view prefix, std::string model, std::optional<knowledge::AnswerMode> grounding = {}) {
  OsRandom random;
  return {.id = new_id_text(prefix, call.services.clock, random), .created = to_unix_millis(call.services.clock.now()) / 1000,
          .model = std::move(model), .grounding = grounding};
}

inline GenerationReplyOptions reply_options(const Call& call, const std::string& model) {
  auto& metrics = call.services.metrics;
  return {.request_id = call.request.id, .clock = call.services.clock, .begun = call.begun, .log = call.services.log,
          .limit = std::chrono::seconds(call.services.config.worker.request_seconds),
          .ended = [&metrics, model](const engine::Usage& usage, const std::optional<Error>& error) { metrics.on_generation(model, usage, error.has_value()); }};
}

}  // namespace siyu::api
