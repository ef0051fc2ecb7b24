// What is known of a call when it has ended, for metrics.
#pragma once

#include <string>

#include "engine/engine.h"

namespace siyu::serving {

enum class CallOutcome { kDone, kFailed, kAbandoned };
enum class CacheUse { kNone, kMiss, kExact, kSemantic };

struct CallRecord {
  std::string model;
  CallOutcome outcome = CallOutcome::kDone;
  CacheUse cache = CacheUse::kNone;
  engine::Usage usage;             ///< computed; of an answer from the cache: what it saved
  double first_token_seconds = 0;  ///< from the call to its first delta; 0 when there was none
  double seconds = 0;
};

/// Thread-safe; called on the thread that ends the call, so it must be quick.
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  virtual void on_call(const CallRecord& record) = 0;
};

}  // namespace siyu::serving
