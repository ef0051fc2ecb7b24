// What the router needs to know of a request: where its beginning has been computed before, and how much work it is.
#pragma once

#include <cstdint>
#include <string>

#include "engine/engine.h"

namespace siyu::serving {

struct RequestFacts {
  std::uint64_t prefix = 0;        ///< equal for requests that begin alike: they share a prefix cache
  std::uint64_t conversation = 0;  ///< equal for all turns of one conversation of one tenant: they stay with one version
  std::int64_t prompt_work = 0;    ///< tokens, estimated from the text's length
  std::int64_t answer_work = 0;
  std::string adapter = {};        ///< only versions that have it can answer
  std::int64_t work() const { return prompt_work + answer_work; }
};

RequestFacts facts_of(const engine::GenerateRequest& request);

}  // namespace siyu::serving
