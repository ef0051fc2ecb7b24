#include "lookup.h"

#include <algorithm>
#include <cmath>

namespace siyu::worker {
namespace {

constexpr double kWeight = 0.12;          // of one guess in the share of right ones
constexpr double kHope = 0.004;           // with which a share that fell low recovers, so that it is tried again
constexpr double kHopeful = 0.6;
constexpr unsigned kTokenBits = 21;       // no vocabulary has two million tokens

}  // namespace

std::uint64_t Lookup::key(std::span<const Token> gram) {
  std::uint64_t key = 0;
  for (const Token token : gram) key = key << kTokenBits | static_cast<std::uint32_t>(token);
  return key;
}

void Lookup::predict(std::span<const Token> prompt, std::span<const Token> prediction) {
  const auto before = prompt.last(std::min(prompt.size(), kGram));
  prediction_.assign(before.begin(), before.end());
  prediction_.insert(prediction_.end(), prediction.begin(), prediction.end());
  const std::span<const Token> all = prediction_;
  for (std::size_t at = kGram; at < all.size(); ++at) predicted_follows_[key(all.subspan(at - kGram, kGram))].push_back(static_cast<std::uint32_t>(at));
}

/// What follows there. Of several places the next one: an answer goes through its prediction from the beginning to the end.
std::span<const Lookup::Token> Lookup::look_into_prediction(std::uint64_t gram) {
  const auto found = predicted_follows_.find(gram);
  if (found == predicted_follows_.end()) return {};
  const auto next = std::ranges::lower_bound(found->second, reached_);
  reached_ = next == found->second.end() ? found->second.front() : *next;
  return std::span<const Token>(prediction_).subspan(reached_);
}

std::vector<Lookup::Token> Lookup::guess(std::span<const Token> tokens, std::size_t most) {
  for (; indexed_ < tokens.size(); ++indexed_) follows_[key(tokens.subspan(indexed_ - kGram, kGram))] = static_cast<std::uint32_t>(indexed_);
  if (tokens.size() < kGram || most == 0) return {};
  const auto gram = key(tokens.last(kGram));
  const auto predicted = look_into_prediction(gram);
  predicted_ = !predicted.empty();
  if (predicted_) return {predicted.begin(), predicted.begin() + static_cast<std::ptrdiff_t>(std::min({predicted.size(), most, kMostGuesses}))};
  const auto found = follows_.find(gram);
  if (found == follows_.end()) return {};
  std::vector<Token> guesses;
  for (std::size_t at = found->second; guesses.size() < std::min(most, kMostGuesses); ++at)
    guesses.push_back(at < tokens.size() ? tokens[at] : guesses[at - tokens.size()]);  // past the end it repeats itself
  return guesses;
}

void Lookup::learn(std::size_t guessed, std::size_t right) {
  if (guessed == 0) {
    if (right_ < kHopeful) right_ += kHope * (kHopeful - right_);
    return;
  }
  if (predicted_) reached_ += right + 1;
  for (std::size_t i = 0; i < right; ++i) right_ += kWeight * (1 - right_);
  if (right < guessed) right_ -= kWeight * right_;
}

std::size_t Lookup::worth(std::size_t available, std::size_t step_tokens, double step_yield, const StepCost& cost) const {
  std::size_t best = 0;
  double best_rate = step_yield / cost.ms(step_tokens);
  double yield = step_yield;
  double all_right = 1;
  for (std::size_t guesses = 1; guesses <= available; ++guesses) {
    all_right *= right_;
    yield += all_right;
    const double rate = yield / cost.ms(step_tokens + guesses);
    if (rate <= best_rate) continue;
    best_rate = rate;
    best = guesses;
  }
  return best;
}

}  // namespace siyu::worker
