#include "planner/service_model.h"

#include <algorithm>
#include <cmath>

namespace siyu::planner {

double step_seconds(const ServiceModel& model, double decoding, double prompt_tokens, double cached_tokens) {
  const auto tokens = decoding + prompt_tokens;
  const auto touched = model.expert_share > 0 ? 1 - std::pow(1 - model.expert_share, tokens) : 0.0;
  const auto memory = model.dense_s + model.experts_s * touched + model.kv_token_s * cached_tokens;
  return model.overhead_s + (prompt_tokens > 0 ? model.prompt_step_s : 0) + model.sequence_s * decoding + std::max(memory, model.token_s * tokens + model.output_s * decoding);
}

}  // namespace siyu::planner
