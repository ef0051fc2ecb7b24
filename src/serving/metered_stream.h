// A generation whose tokens are counted as they go out, and settled when it ends in any way.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "serving/call_record.h"
#include "serving/meter.h"

namespace siyu::serving {

struct MeteredCall {
  Hold hold;
  CallRecord record;               ///< model and cache are filled in
  std::int32_t prompt_estimate = 0;  ///< charged for a cut answer of an engine that tells no prompt tokens with its first delta
  SteadyTime begun;
  const Clock& clock;
  CallObserver* observer = nullptr;  ///< may be none
  /// Gets the whole answer after its Finish, when it is wanted. Must not block.
  std::function<void(const engine::Generation&)> keep = {};
};

/// Charged: what the Finish says; without one the prompt and what went out; nothing when nothing went out.
std::unique_ptr<engine::GenerationStream> metered(std::unique_ptr<engine::GenerationStream> stream, MeteredCall call);

}  // namespace siyu::serving
