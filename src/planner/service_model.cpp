#include "planner/service_model.h"

#include <algorithm>
#include <cmath>

namespace siyu::planner {

double weights_seconds(const ServiceModel& model, double tokens) {
  return model.dense_s + (model.expert_share > 0 ? model.experts_s * (1 - std::pow(1 - model.expert_share, tokens)) : 0.0);
}

double compute_seconds(const ServiceModel& model, double decoding, double prompt_tokens) { return model.token_s * (decoding + prompt_tokens) + model.output_s * decoding; }

double step_seconds(const ServiceModel& model, double decoding, double prompt_tokens, double cached_tokens) {
  return model.overhead_s + (prompt_tokens > 0 ? model.prompt_step_s : 0) + model.sequence_s * decoding + model.kv_token_s * cached_tokens +
         std::max(weights_seconds(model, decoding + prompt_tokens), compute_seconds(model, decoding, prompt_tokens));
}

}  // namespace siyu::planner
