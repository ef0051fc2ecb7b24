// One running answer: its tokens, its place in the KV cache, and how it is to go on.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lookup.h"
#include "model.h"
#include "output.h"
#include "prefix_cache.h"
#include "prompt.h"
#include "sampler.h"
#include "tenants.h"

namespace siyu::worker {

using SteadyClock = std::chrono::steady_clock;

/// Touched by the inference thread only, once it is submitted.
class Sequence {
 public:
  /// Everything that may fail or take long (template, tokens, grammar); any thread.
  static Result<std::unique_ptr<Sequence>> prepare(const Model& model, std::uint32_t stream, const engine::GenerateRequest& request);

  std::uint32_t stream() const { return stream_; }
  /// Tokens that are not in the KV cache yet. One is a decoding step, more is prefill.
  std::size_t remaining() const { return tokens_.size() - lease.computed; }
  bool decoding() const { return generated_ > 0 && remaining() == 1; }
  /// The picture whose places come next; null when text does.
  const PictureRun* picture_ahead() const;
  bool has_pictures() const { return !pictures_.empty(); }
  /// Tokens of text that are not in the KV cache yet, up to the next picture.
  std::size_t text_ahead() const;
  /// Where a place of the prompt or answer stands for the model: pictures may take fewer positions than places.
  std::size_t position_of(std::size_t place) const;
  const std::vector<Token>& tokens() const { return tokens_; }
  const std::string& tenant_name() const { return tenant_name_; }
  std::int32_t priority() const { return priority_; }
  const std::optional<SteadyClock::time_point>& deadline() const { return deadline_; }
  bool late(SteadyClock::time_point now) const { return deadline_ && now >= *deadline_; }
  /// Index of its LoRA adapter in Model::adapters(); −1: none.
  std::int32_t adapter() const { return adapter_; }
  /// The most tokens it may still add.
  std::size_t may_generate() const { return static_cast<std::size_t>(std::max(0, max_tokens_ - generated_)); }

  /// Chooses the next token from the logits at batch place `index`. True when the answer is complete.
  bool take_next(const Model& model, llama_context* context, std::int32_t index);
  engine::Finish finish() const;
  /// How many of a step's guesses were kept.
  void learn_guesses(std::size_t guessed, std::size_t right, bool complete);
  /// What is new in the output, with the tokens it took.
  engine::Delta take_delta();
  Output& output() { return output_; }

  /// Begins to run with its lease. What the cache held of the prompt is told the first time.
  void admitted_at(SteadyClock::time_point now);
  /// What lies beyond in the cache came there without being computed.
  void had_more_cached() { if (generated_ == 0) cached_ = std::max(cached_, lease.computed); }
  /// Part of the prompt that needed no computing.
  std::size_t cached() const { return cached_; }

  PrefixCache::Lease lease;     ///< its place in the KV cache while active
  /// Another running request that is computing the same beginning, and how far to wait for it.
  std::uint32_t follows = 0;
  std::size_t follow_until = 0;
  bool paused = false;          ///< its reader is slow
  Tenant* tenant = nullptr;     ///< from its arrival to its end
  std::uint64_t last_step = 0;  ///< in which something of it was computed; counts steps
  Lookup lookup;

 private:
  Sequence(std::uint32_t stream, PreparedPrompt prompt, TokenSampler sampler);

  const std::uint32_t stream_;
  std::vector<Token> tokens_;
  const std::vector<PictureRun> pictures_;  // in the order of the prompt
  const std::size_t prompt_size_;
  std::size_t cached_ = 0;
  std::int32_t generated_ = 0;
  std::int32_t reported_ = 0;  // of generated_: told with the deltas so far
  std::int32_t accepted_ = 0, rejected_ = 0;  // tokens of the request's prediction
  std::int32_t max_tokens_ = 0;
  std::int32_t priority_ = 0;
  std::int32_t adapter_ = -1;
  std::string tenant_name_;
  std::optional<SteadyClock::time_point> deadline_;
  std::int32_t top_logprobs_ = -1;  // −1: none wanted
  TokenSampler sampler_;
  Output output_;
  std::span<const Token> premature_ends_;  // where a call of a tool is required, what may not come before it
  engine::FinishReason reason_ = engine::FinishReason::kStop;
  SteadyClock::time_point submitted_, admitted_, first_token_;
};

}  // namespace siyu::worker
