// A small model guesses what the large one will write next; the large one checks all guesses in one step (Leviathan, Kalman, Matias,
// "Fast Inference from Transformers via Speculative Decoding", ICML 2023). It guesses for several answers in one step of its own.
#pragma once

#include <llama.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "draft_judge.h"
#include "model.h"

namespace siyu::worker {

/// Used by the inference thread only, once it is made.
class Drafter {
 public:
  /// kInvalidArgument when it cannot guess for this model, with the reason. Both models must outlive it.
  static Result<std::unique_ptr<Drafter>> create(const Model& draft, const Model& model);
  ~Drafter();

  /// An answer that wants guesses at what follows its tokens.
  struct Wish {
    std::uint32_t stream = 0;
    std::span<const Token> tokens;
    std::size_t most = 0;
    std::vector<Token> guesses = {};  ///< filled in; often none
  };
  /// As many guesses as are worth their cost in a step of the model that has `step_tokens` tokens without them, `most` together.
  void guess(std::span<Wish> wishes, std::size_t step_tokens, const StepCost& cost, std::size_t most);
  /// Of the guesses for an answer the first `right` were right; the next one was wrong if `judged`.
  void learn(std::uint32_t stream, std::size_t right, bool judged);
  /// The step is over. `checking_ms` is what it took longer for all guesses, `right` of which were right.
  void settle(double step_ms, double checking_ms, std::size_t right);
  /// The answer is over, or gives its place up.
  void leave(std::uint32_t stream);

 private:
  /// A sequence of the draft model's memory. What it holds stays for a later answer with the same beginning.
  struct Place {
    std::uint32_t stream = 0;  // 0: free
    std::vector<Token> held;
    std::vector<std::size_t> surenesses;  // of the guesses in the present step
    std::uint64_t last_used = 0;
  };
  struct Guessing {
    Wish* wish;
    Place* place;
    std::size_t known = 0;   // tokens that the place holds
    double reach = 1;        // chance that all guesses so far are right
    std::vector<double> chances = {};  // that the guesses up to each one are right
    std::int32_t row = 0;    // of its logits in the last step; −1: no more guesses
    std::size_t missing() const { return wish->tokens.size() - known; }
  };
  Drafter(const Model& draft, const Model& model);
  Status learn_its_pace();
  bool try_to_guess(std::span<Wish> wishes, std::size_t step_tokens, const StepCost& cost, std::size_t most);
  std::vector<Guessing> choose(std::span<Wish> wishes, std::size_t rounds);
  bool read_what_is_new(std::vector<Guessing>& all);
  bool guess_further(std::vector<Guessing>& all, const DraftJudge::Step& step, std::size_t most, bool probing);
  void take_guess(Guessing& one);
  static void drop_unlikely(Guessing& one, const DraftJudge::Step& step);
  Place* place_of(const Wish& wish);
  void cut(Place& place, std::size_t count);
  bool make_room(std::size_t count);
  void put(Place& place, Token token, bool wants_logits);
  bool decode();
  llama_seq_id id_of(const Place& place) const { return static_cast<llama_seq_id>(&place - places_.data()); }

  const Model& draft_;
  const std::int32_t vocabulary_;  // tokens that both models have
  LlamaContext context_;
  llama_batch batch_{};
  std::vector<Place> places_;
  DraftJudge judge_;
  StepCost cost_;
  std::uint64_t calls_ = 0, declined_ = 0;
  double spent_ms_ = 0, value_ms_ = 0;  // in the present step
};

}  // namespace siyu::worker
