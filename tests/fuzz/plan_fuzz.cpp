// links: siyu_planner
// What people give the planner: a scenario, a config.json, a folder's catalogue file. Whatever comes is refused in words or gives numbers that are
// finite and not negative.
#include <cmath>
#include <cstdlib>

#include "planner/memory.h"
#include "planner/scenario.h"
#include "planner/shapes.h"

namespace {

void plan(const siyu::sizing::ModelShape& shape) {
  using namespace siyu::planner;
  for (const auto engine : {EngineKind::kSiyu, EngineKind::kCards}) {
    MemoryQuestion question{.shape = shape, .context = 512, .users = 3, .engine = engine};
    const auto memory = plan_memory(question);
    if (!memory) continue;
    for (const auto& figure : memory->figures)
      if (figure.value && (!std::isfinite(*figure.value) || *figure.value < 0)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace siyu;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    const auto scenario = planner::parse_scenario(text, "scenario.yaml");
    if (scenario && !planner::check(*scenario)) std::abort();
    return 0;
  }
  const auto entry = planner::entry_of_config(text, "config.json");
  // A structure of a million layers' tensors would only test the machine's patience.
  if (entry && entry->layers <= 200) plan(planner::shape_of(*entry));
  return 0;
}
