// What answers under a name.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "engine/engine.h"
#include "serving/remote_engines.h"

namespace siyu::serving {

struct Served {
  std::string name;
  Kind kind = Kind::kChat;
  Timestamp loaded_at;
  std::string sha256;  ///< of the model's file; of address and model for an engine elsewhere; of all of these when several answer
  bool vision = false;  ///< it sees pictures, or is elsewhere and may
  bool remote = false;  ///< that version runs elsewhere only
  std::shared_ptr<engine::Engine> engine;  // shared with the requests under way
};

/// By name. Immutable once published.
using ServedNames = std::map<std::string, Served>;

}  // namespace siyu::serving
