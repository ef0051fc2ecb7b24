// How fast one replica serves, as the fleet's simulation needs it: the time of a step from what is in it. speed.h makes one from a model
// and cards; a test makes its own.
#pragma once

#include <cstdint>

namespace siyu::planner {

/// One replica that batches continuously: in each step it decodes one token for every running request and prefills up to
/// `step_tokens` further prompt tokens, oldest request first (chunked prefill, as vLLM, SGLang and our own worker do).
///
/// Multiplying with the weights is bound by memory or by compute, whichever takes longer (roofline, Williams et al. 2009); attention to what is
/// cached is a part of its own, which reads while nothing is multiplied:
///   overhead (+ prompt step) + sequence × decoding + kv × cached + max(dense + experts × touched, token × (decoding + prompt) + output × decoding)
/// where a mixture of experts touches 1 − (1 − expert_share)^(decoding + prompt) of its experts' weights.
struct ServiceModel {
  double overhead_s = 0;      ///< of every step: launches, sampling, latency of communication
  double prompt_step_s = 0;   ///< more of a step that reads prompts
  double sequence_s = 0;      ///< more for each decoding sequence
  double dense_s = 0;         ///< reading the weights that every token needs
  double experts_s = 0;       ///< reading the weights of all experts
  double expert_share = 0;    ///< of the experts that one token uses; 0: dense model
  double kv_token_s = 0;      ///< reading one cached token of one sequence
  double token_s = 0;         ///< computing one token, attention to a usual context included
  double output_s = 0;        ///< computing the next word of one decoding sequence
  std::uint32_t step_tokens = 512;   ///< prompt tokens of a step at most
  std::uint32_t sequences = 64;      ///< that run at once
  double kv_tokens = 1e12;           ///< that the cache holds; requests wait while it is full
};

/// The parts of that: reading the weights that so many tokens need, and computing them.
double weights_seconds(const ServiceModel& model, double tokens);
double compute_seconds(const ServiceModel& model, double decoding, double prompt_tokens);
/// Seconds of a step that decodes `decoding` sequences, which read `cached_tokens` in all, and prefills `prompt_tokens`.
double step_seconds(const ServiceModel& model, double decoding, double prompt_tokens, double cached_tokens);

}  // namespace siyu::planner
