// Texts to vectors. Many texts go through the model in one step.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "engine/protocol.h"
#include "model.h"

namespace siyu::worker {

/// One call: its texts as tokens, and how far it has come.
struct EmbedJob {
  std::uint32_t stream = 0;
  std::vector<std::vector<Token>> texts;
  std::size_t done = 0;
  std::int32_t prompt_tokens = 0;

  /// Any thread. A text over the context is refused with the numbers.
  static Result<EmbedJob> prepare(const Model& model, std::uint32_t stream, const engine::EmbedCall& call);
};

/// Used by the inference thread. Its context is made at the first use.
class Embedder {
 public:
  explicit Embedder(const Model& model) : model_(model) {}
  Status make_ready();
  /// Embeds as many of the job's next texts as fit into one step; vectors have length 1.
  Result<engine::Vectors> step(EmbedJob& job);

 private:
  const Model& model_;
  LlamaContext context_;
};

}  // namespace siyu::worker
