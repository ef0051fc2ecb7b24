// links: siyu_planner
// Traces of requests as somebody may hand them to the planner: what is read can be simulated.
#include <cstdlib>

#include "planner/simulate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto trace = siyu::planner::parse_trace(text, "f", {.block_tokens = 16, .capacity_tokens = 512});
  if (!trace) return 0;
  const auto result = siyu::planner::simulate(*trace, {.dense_s = 0.01, .token_s = 1e-5, .sequences = 4, .kv_tokens = 1e6}, {.replicas = 2});
  if (!result || result->refused > trace->requests.size()) std::abort();
  if (trace->rate() > 0 && !siyu::planner::at_rate(*trace, 1, siyu::planner::Rescale::kCompress, 1)) std::abort();
  return 0;
}
