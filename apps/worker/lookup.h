// Prompt lookup: answers from documents quote. Where the last three tokens stood before, what followed them then is guessed to
// follow now; the model checks all guesses in one step (Saxena, "Prompt Lookup Decoding", 2023). A client that knows what the
// answer will be like sends a prediction, which is looked up first.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"
#include "step_cost.h"

namespace siyu::worker {

/// Of one sequence; used by one thread at a time.
class Lookup {
 public:
  using Token = engine::Token;
  static constexpr std::size_t kMostGuesses = 16;

  /// Before the first guess: what the answer is likely to repeat, from its beginning or from anywhere.
  void predict(std::span<const Token> prompt, std::span<const Token> prediction);
  /// At most `most` guesses at what follows the tokens, which may only have grown since the last call. Often none.
  std::vector<Token> guess(std::span<const Token> tokens, std::size_t most);
  /// Whether the last guesses came from the prediction.
  bool predicted() const { return predicted_; }
  /// How many of the guesses of a step were right.
  void learn(std::size_t guessed, std::size_t right);
  /// How many of up to `available` guesses are worth checking in a step that has `step_tokens` tokens without them and gives
  /// `step_yield` new ones: as many as make the most tokens per millisecond.
  std::size_t worth(std::size_t available, std::size_t step_tokens, double step_yield, const StepCost& cost) const;

 private:
  static constexpr std::size_t kGram = 3;
  static std::uint64_t key(std::span<const Token> gram);
  std::span<const Token> look_into_prediction(std::uint64_t gram);
  std::unordered_map<std::uint64_t, std::uint32_t> follows_;  // three tokens → where the next one stood, the last time
  std::size_t indexed_ = kGram;  // grams that end before this place are known
  double right_ = 0.7;           // moving share of right guesses
  std::vector<Token> prediction_;  // after the prompt's last tokens
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> predicted_follows_;  // three tokens → all places where the next one stands
  std::size_t reached_ = 0;      // place in the prediction that the answer has come to
  bool predicted_ = false;
};

}  // namespace siyu::worker
