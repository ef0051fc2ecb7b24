// Texts to vectors, and pairs of query and document to scores. Texts of several calls go through the model in one step.
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
  /// Each document with the query, as the model was trained to read them.
  static Result<EmbedJob> prepare(const Model& model, std::uint32_t stream, const engine::RerankCall& call);
};

/// Used by the inference thread. Its context is made at the first use.
class Embedder {
 public:
  explicit Embedder(const Model& model) : model_(model) {}
  Status make_ready();

  struct Step {
    std::vector<engine::WorkerMessage> messages;
    std::int64_t tokens = 0;  ///< of the calls that ended
  };
  /// Embeds as many of the calls' next texts as fit into one step. The calls give one text in turn, so that one of 2,000 texts
  /// does not hold up one of a single text; those that have ended, or failed, are taken out.
  Step step(std::deque<EmbedJob>& jobs);

 private:
  struct Place {
    std::size_t job, text;
  };
  std::vector<Place> fill(llama_batch& batch, const std::deque<EmbedJob>& jobs) const;
  Result<std::vector<float>> values_of(std::size_t sequence) const;
  Step collect(const std::vector<Place>& places, std::deque<EmbedJob>& jobs) const;

  const Model& model_;
  LlamaContext context_;
};

}  // namespace siyu::worker
