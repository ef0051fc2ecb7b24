// How long a step of the model takes by its number of tokens, learned from the steps themselves.
//
// On a processor a step of two tokens takes nearly twice as long as one of one, on an accelerator hardly longer: what is worth
// adding to a step (a guess at the next tokens, a neighbour's answer, a piece of a prompt) is decided by this.
#pragma once

#include <array>
#include <cstddef>

namespace siyu::worker {

/// Used by one thread.
class StepCost {
 public:
  void learn(std::size_t tokens, double milliseconds);
  /// Between sizes that were seen it is interpolated; beyond them it grows in proportion, at first more slowly.
  double ms(std::size_t tokens) const;
  /// The most tokens, up to `most`, that can be added to a step of `base` for at most `milliseconds` more.
  std::size_t fits(std::size_t base, std::size_t most, double milliseconds) const;
  /// Into how large steps `tokens` are parted: halved, down to `least`, as long as a step takes more than `milliseconds` and
  /// two halves take hardly more than the whole. On an accelerator, where they take twice as long, it stays whole.
  std::size_t at_once(std::size_t tokens, std::size_t least, double milliseconds) const;

 private:
  static constexpr std::size_t kSizes = 48;
  struct Seen {
    double tokens = 0;  // moving averages over the steps of about this size
    double ms = 0;
  };
  static std::size_t size_class(std::size_t tokens);
  std::array<Seen, kSizes> seen_{};
};

}  // namespace siyu::worker
