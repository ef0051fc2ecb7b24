// What a face of the product may say of one call beside the request itself.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "serving/call_record.h"

namespace siyu::serving {

enum class CacheMode { kOff, kExact, kSemantic };

struct CacheControl {
  std::optional<CacheMode> mode;  ///< asked for; absent: as configured for the model
  bool no_store = false;          ///< the answer is not kept
  bool no_cache = false;          ///< no kept answer is given
};

/// A knowledge base whose passages stand in the prompt, in the version in which they were read.
struct KnowledgeVersion {
  std::string base;  ///< its id
  std::int64_t version = 0;
};

/// What was done for a call, as far as its face tells its client.
struct CallReport {
  std::atomic<CacheUse> cache = CacheUse::kNone;
};

struct CallOptions {
  CacheControl cache = {};
  std::vector<KnowledgeVersion> knowledge = {};  ///< the caller may read all of them: they were just read for the caller
  std::shared_ptr<CallReport> report = {};       ///< may be none; shared with the call, which may outlast its face
};

}  // namespace siyu::serving
