// One running answer: its tokens, its place in the KV cache, and how it is to go on.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "model.h"
#include "output.h"
#include "prompt.h"
#include "sampler.h"

namespace siyu::worker {

using SteadyClock = std::chrono::steady_clock;

/// Touched by the inference thread only, once it is submitted.
class Sequence {
 public:
  /// Everything that may fail or take long (template, tokens, grammar); any thread.
  static Result<std::unique_ptr<Sequence>> prepare(const Model& model, std::uint32_t stream, const engine::GenerateRequest& request);

  std::uint32_t stream() const { return stream_; }
  /// Tokens that are not in the KV cache yet. One is a decoding step, more is prefill.
  std::size_t remaining() const { return tokens_.size() - computed_; }
  bool decoding() const { return generated_ > 0 && remaining() == 1; }
  const std::vector<Token>& tokens() const { return tokens_; }
  std::size_t computed() const { return computed_; }
  void advance(std::size_t count) { computed_ += count; }
  /// Its place in the KV cache was taken away; all is to be computed again.
  void rewind() { computed_ = 0; }

  /// Chooses the next token from the logits at batch place `index`. True when the answer is complete.
  bool take_next(const Model& model, llama_context* context, std::int32_t index);
  engine::Finish finish() const;
  Output& output() { return output_; }

  void admitted_at(SteadyClock::time_point now) {
    if (admitted_ == SteadyClock::time_point{}) admitted_ = now;
  }

  llama_seq_id slot = -1;    ///< KV place while active
  bool paused = false;       ///< its reader is slow

 private:
  Sequence(std::uint32_t stream, PreparedPrompt prompt, TokenSampler sampler);

  const std::uint32_t stream_;
  std::vector<Token> tokens_;
  const std::size_t prompt_size_;
  std::size_t computed_ = 0;
  std::int32_t generated_ = 0;
  std::int32_t max_tokens_ = 0;
  std::int32_t top_logprobs_ = -1;  // −1: none wanted
  TokenSampler sampler_;
  Output output_;
  engine::FinishReason reason_ = engine::FinishReason::kStop;
  SteadyClock::time_point submitted_, admitted_, first_token_;
};

}  // namespace siyu::worker
