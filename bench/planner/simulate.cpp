// How many requests a second of one core the planner's simulation takes, for fleets from one replica to a thousand.
//   planner_bench [REQUESTS]
#include "planner/simulate.h"

#include <fmt/format.h>

#include <cstdlib>
#include <ctime>
#include <string>

namespace {

using namespace siyu::planner;

/// Of this process's own time on its core, so that neighbours on the machine do not count.
double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

struct Scene {
  std::string name;
  ServiceModel model;
  std::uint32_t replicas = 1;
  double rate = 0;  ///< requests a second of the fleet
};

int run(std::size_t requests) {
  // A dense model of 8 G parameters on one card, one of 70 G on eight, and a mixture of experts; the loads are near what they carry.
  const ServiceModel small{.overhead_s = 1e-3, .sequence_s = 5e-6, .dense_s = 8e-3, .kv_token_s = 4e-8, .token_s = 4e-5, .sequences = 64, .kv_tokens = 300'000};
  const ServiceModel large{.overhead_s = 3e-3, .sequence_s = 1e-5, .dense_s = 9e-3, .kv_token_s = 2e-8, .token_s = 5e-5, .sequences = 128, .kv_tokens = 800'000};
  const ServiceModel experts{.overhead_s = 4e-3,
                             .sequence_s = 1e-5,
                             .dense_s = 3e-3,
                             .experts_s = 4e-2,
                             .expert_share = 0.03,
                             .kv_token_s = 1e-8,
                             .token_s = 3e-5,
                             .sequences = 256,
                             .kv_tokens = 1e6};
  const Scene scenes[] = {{"8 G, 1 replica", small, 1, 8},      {"8 G, 10 replicas", small, 10, 80},       {"8 G, 1000 replicas", small, 1000, 8000},
                          {"70 G, 10 replicas", large, 10, 70}, {"experts, 10 replicas", experts, 10, 70}, {"8 G, 1 replica, overloaded", small, 1, 80}};
  fmt::print("{:<28} {:>12} {:>14} {:>10} {:>10} {:>8}\n", "scene", "requests", "requests/s", "TTFT p95", "TPOT p95", "batch");
  for (const auto& scene : scenes) {
    const auto trace = poisson_trace(scene.rate, requests, {.prompt = {.mean = 1155, .variation = 0.96}, .output = {.mean = 211, .variation = 0.77}}, 1);
    if (!trace) return fmt::print(stderr, "{}\n", trace.error().message), 1;
    const auto begin = processor_seconds();
    const auto result = simulate(*trace, scene.model, {.replicas = scene.replicas});
    const auto took = processor_seconds() - begin;
    if (!result) return fmt::print(stderr, "{}\n", result.error().message), 1;
    fmt::print("{:<28} {:>12} {:>14.0f} {:>8.3f} s {:>7.1f} ms {:>8.1f}\n", scene.name, requests, static_cast<double>(requests) / took, result->ttft_s.p95,
               result->tpot_s.p95 * 1000, result->mean_batch);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return run(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000); }
