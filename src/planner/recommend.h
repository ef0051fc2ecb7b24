// Which known models fit this machine, and why.
#pragma once

#include <string>
#include <vector>

#include "models/machine.h"
#include "planner/catalogue.h"

namespace siyu::planner {

struct Recommendation {
  std::string name, reference, mirror;  ///< what `siyu model pull` takes, on Hugging Face and on ModelScope
  std::string quantization, license;
  bool embedding = false;
  double parameters = 0;
  bool fits = false;                  ///< in memory and on the disk
  bool comfortable = false;           ///< it fits, and people need not wait long for it
  std::uint64_t file_bytes = 0;
  std::uint64_t predicted_bytes = 0;  ///< of memory when it answers
  double tokens_per_second = 0;       ///< estimate for one answer; 0: memory speed is not known
  double prompt_seconds = 0;          ///< estimate for reading 1,000 tokens, as of an answer from documents
  std::string reason;
};

struct Recommended {
  models::MachineFacts machine;
  std::uint64_t disk_free_bytes = 0;
  std::vector<Recommendation> models;  ///< best first: comfortable ones by quality, slow ones by speed, then what does not fit by size
};

/// Pure: the same facts give the same answer. Memory is foretold by the model's structure, as the server does before it loads one, with
/// room for one context.
Recommended recommend(const Catalogue& catalogue, const models::MachineFacts& machine, std::uint64_t disk_free_bytes, std::uint32_t context_tokens);

}  // namespace siyu::planner
