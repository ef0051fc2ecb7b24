// What a fleet of replicas does with a trace: discrete-event simulation. Between two things that change what a replica's steps hold (an
// arrival, the end of a prompt, the end of an answer) all steps are taken at once in closed form; the outcome is that of walking
// step by step.
//
// A replica's step (service_model.h): at its beginning, waiting requests are admitted first come first served while a sequence is free
// and the cache has room for prompt and answer (less what is cached); every sequence behind its prompt decodes one token; up to `step_tokens` prompt
// tokens are prefilled, oldest request first. The step in which a prompt ends gives its first output token; each further one takes a step.
// A decoding sequence reads prompt + tokens so far. Who arrives during a step waits for the next.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "planner/scenario.h"
#include "planner/service_model.h"
#include "planner/trace.h"

namespace siyu::planner {

enum class Dispatch {
  kLeastLoaded,  ///< fewest requests that wait or run; the first of equals
  kRoundRobin,
};
BOOST_DESCRIBE_ENUM(Dispatch, kLeastLoaded, kRoundRobin)

struct SimulationOptions {
  std::uint32_t replicas = 1;
  Dispatch dispatch = Dispatch::kLeastLoaded;
  double warmup_s = 0;         ///< requests that arrive earlier are served but not counted
  bool steady = false;         ///< rates, utilisation, mean batch and queue from the warm-up's end to the last arrival, not to the last answer
  double resident_tokens = 0;  ///< of each replica's cache, always taken: a shared prefix
  LatencyGoals goals;          ///< for `goals_met`; absent: met
  bool keep_outcomes = false;  ///< fills `outcomes`
};

constexpr std::uint32_t kMostReplicas = 100'000;

/// Percentiles: the smallest value that at least so many percent of the counted requests do not exceed.
struct Spread {
  double mean = 0, p50 = 0, p95 = 0, p99 = 0, largest = 0;
};
BOOST_DESCRIBE_STRUCT(Spread, (), (mean, p50, p95, p99, largest))

/// When a request was admitted, gave its first token, was done: seconds of the trace's clock. All 0: refused.
struct Outcome {
  double admitted_s = 0, first_token_s = 0, done_s = 0;
};
BOOST_DESCRIBE_STRUCT(Outcome, (), (admitted_s, first_token_s, done_s))

struct Simulation {
  std::uint64_t requests = 0;  ///< of the trace, all
  std::uint64_t counted = 0;   ///< after the warm-up, refused ones included
  std::uint64_t refused = 0;   ///< of the counted: longer than a replica's cache could ever hold
  double seconds = 0;          ///< that the rates below are over: from the first arrival to the last answer, or the steady time
  Spread ttft_s;               ///< to the first token, of those answered
  Spread tpot_s;               ///< per token after it, of answers with more than one
  Spread latency_s;            ///< to the last token
  Spread wait_s;               ///< until admitted
  double requests_per_s = 0;   ///< answered in those seconds
  double prompt_tokens_per_s = 0, output_tokens_per_s = 0;
  double utilisation = 0;  ///< share of the replicas' time with a step under way
  double mean_batch = 0;   ///< sequences that run, mean over busy time
  std::uint32_t largest_batch = 0;
  double mean_queue = 0;            ///< requests that wait, all replicas, mean over `seconds`
  std::uint64_t largest_queue = 0;  ///< at one replica
  double goals_met = 0;             ///< share of the counted that met both goals; a refused one met none
  std::vector<Outcome> outcomes;    ///< by the trace's order, when asked for
};
BOOST_DESCRIBE_STRUCT(Simulation, (),
                      (requests, counted, refused, seconds, ttft_s, tpot_s, latency_s, wait_s, requests_per_s, prompt_tokens_per_s, output_tokens_per_s, utilisation,
                       mean_batch, largest_batch, mean_queue, largest_queue, goals_met, outcomes))

/// Every time finite and none negative, some time for a step, at least one sequence, one prompt token a step and one cached token.
Status check(const ServiceModel& model);

/// The trace must be in order and not empty.
Result<Simulation> simulate(const Trace& trace, const ServiceModel& model, const SimulationOptions& options);

}  // namespace siyu::planner
