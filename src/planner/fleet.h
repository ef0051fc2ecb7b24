// From users to replicas and cards: the fewest replicas whose simulated latency meets the goals at peak, with spare, year by year.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "planner/catalogue.h"
#include "planner/scenario.h"
#include "planner/service_model.h"
#include "planner/simulate.h"
#include "planner/trace.h"
#include "planner/worksheet.h"

namespace siyu::planner {

/// How much is simulated for one answer.
struct FleetEffort {
  std::uint32_t runs = 5;          ///< with different seeds; their scatter is the answer's confidence
  std::uint32_t requests = 8'000;  ///< of a run, at least; more where answers take long
  std::uint64_t seed = 1;
};

struct FleetQuestion {
  UserLoad users;
  TokenLoad tokens;
  LatencyGoals goals;
  std::optional<Trace> trace;  ///< its arrivals and lengths instead of Poisson's; at the users' peak rate if there is one, as it is otherwise
  Rescale rescale = Rescale::kCompress;
  std::optional<UserClass> user_class;  ///< absent: the catalogue's for the number of users (user_class_of)
  double prompt_variation = 1.01;       ///< standard deviation over mean; Azure's conversation trace of 2023
  double output_variation = 0.77;
  std::optional<double> longest;  ///< tokens of a prompt or an answer at most (the model's context)
  ServiceModel replica;
  std::uint32_t cards_per_replica = 1;
  std::uint32_t cards_per_server = 8;
  /// The same, once it is known how many requests the fleet holds at today's peak, for which the server is chosen.
  std::function<std::uint32_t(double concurrency)> cards_of_chosen_server = {};
  double years = 3;                              ///< whole years are planned: today's load, then each year's
  double spare = 0.2;                            ///< of the replicas, on top (R5.5)
  std::optional<std::uint32_t> minimum_servers;  ///< absent: the user class's
  Dispatch dispatch = Dispatch::kLeastLoaded;
  std::uint32_t likely = 0;  ///< replicas that today's load may need, when something is known of it: the search begins there, and ends at the same number
  bool curves = true;        ///< false: the numbers only, faster
  FleetEffort effort;
  std::stop_token stop = {};  ///< looked at before each simulation; kCancelled
};

/// A number of replicas and what users see then, at one load.
struct FleetPoint {
  std::uint32_t replicas = 0;
  double requests_per_s = 0;
  double ttft_p50_s = 0, ttft_p95_s = 0, ttft_p99_s = 0;
  double tpot_p50_ms = 0, tpot_p95_ms = 0, tpot_p99_ms = 0;
  double latency_p95_s = 0;
  double ttft_p95_error_s = 0, tpot_p95_error_ms = 0;  ///< half of the 95 % confidence interval over the runs (Student's t)
  double utilisation = 0, mean_batch = 0, output_tokens_per_s = 0, goals_met = 0;
  double concurrency = 0;  ///< requests in the fleet at once, mean
  double refused = 0;      ///< share of requests that no replica could hold
  bool meets_goals = false;
};
BOOST_DESCRIBE_STRUCT(FleetPoint, (),
                      (replicas, requests_per_s, ttft_p50_s, ttft_p95_s, ttft_p99_s, tpot_p50_ms, tpot_p95_ms, tpot_p99_ms, latency_p95_s, ttft_p95_error_s,
                       tpot_p95_error_ms, utilisation, mean_batch, output_tokens_per_s, goals_met, concurrency, refused, meets_goals))

struct FleetYear {
  std::uint32_t year = 0;      ///< 0: today
  double requests_per_s = 0;   ///< at peak
  std::uint32_t needed = 0;    ///< replicas that meet the goals
  std::uint32_t replicas = 0;  ///< with spare and failover
  std::uint32_t cards = 0, servers = 0;
  FleetPoint at_peak;  ///< with the needed ones
};
BOOST_DESCRIBE_STRUCT(FleetYear, (), (year, requests_per_s, needed, replicas, cards, servers, at_peak))

/// What reckoning with means would have said.
struct RuleOfThumb {
  double concurrency = 0;            ///< peak rate × seconds of a request
  std::uint32_t by_concurrency = 0;  ///< replicas: concurrency over sequences
  double replica_seconds = 0;        ///< of a full replica's time that a mean request takes
  std::uint32_t by_throughput = 0;   ///< replicas: peak rate × replica_seconds
};
BOOST_DESCRIBE_STRUCT(RuleOfThumb, (), (concurrency, by_concurrency, replica_seconds, by_throughput))

struct FleetPlan {
  double peak_requests_per_s = 0;
  std::optional<double> requests_per_day;                    ///< of the users, or of a trace that goes on all day; absent: only the peak is known
  double mean_prompt = 0, mean_output = 0, mean_cached = 0;  ///< tokens of a request
  LatencyGoals goals;                                        ///< as reckoned with, defaults included
  RequestShape shape;                                        ///< without a trace
  double alone_ttft_p95_s = 0, alone_tpot_p95_ms = 0;        ///< of one request with a replica to itself: no fleet is faster
  double replica_requests_per_s = 0;                         ///< that a saturated replica answers
  std::vector<FleetYear> years;                              ///< today first
  RuleOfThumb rule_of_thumb;
  std::vector<FleetPoint> by_replicas;  ///< today's load on fewer and more replicas
  std::vector<FleetPoint> by_load;      ///< one replica, from idle to saturated
  Words confidence;
  std::vector<Words> warnings;
  std::vector<Figure> figures;
};
BOOST_DESCRIBE_STRUCT(FleetPlan, (),
                      (peak_requests_per_s, requests_per_day, mean_prompt, mean_output, mean_cached, goals, shape, alone_ttft_p95_s, alone_tpot_p95_ms,
                       replica_requests_per_s, years, rule_of_thumb, by_replicas, by_load, confidence, warnings, figures))

/// The class of the catalogue for a number of daily active users.
Result<const UserClass*> user_class_of(const Catalogue& catalogue, double daily_active);

/// Goals that no number of replicas can meet are kUnsupported, and the message says which part is too slow.
Result<FleetPlan> plan_fleet(const FleetQuestion& question);

}  // namespace siyu::planner
