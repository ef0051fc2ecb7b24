// Whether guesses of a draft model pay, by what became of earlier ones and by what steps cost.
#pragma once

#include <array>
#include <cstddef>

#include "step_cost.h"

namespace siyu::worker {

/// Used by one thread.
class DraftJudge {
 public:
  DraftJudge();
  /// Class of a guess by how far its logit stands above the second one's.
  static std::size_t sureness(float margin);
  /// That a guess is right when all before it were.
  double chance(std::size_t sureness) const { return chances_[sureness]; }
  void learn(std::size_t sureness, bool right);
  /// Nothing was drafted: chances that fell low recover, so that it is tried again.
  void rest();

  /// A step of the model with `tokens`, the newest guesses of the sequences among them included, …
  struct Step {
    const StepCost& model;
    const StepCost& draft;
    std::size_t tokens;
    double value_ms;  ///< … in which one more right token saves so much time
  };
  /// How many more guesses for each of `sequences` are worth their cost, `most` at most. `reach` is the sum of the chances that all
  /// guesses so far are right; the first of the new ones costs the draft model `first_ms`.
  std::size_t worth(const Step& step, std::size_t sequences, double reach, std::size_t most, double first_ms) const;

  /// What has been won and lost of late leaves room for a try that costs so much: in the long run no more than a small share of all time
  /// is lost on guesses that turn out wrong.
  bool affords(double ms) const;
  /// A step that took `step_ms`, of which and beside which guesses cost `spent_ms`, and the right ones saved `saved_ms`.
  void settle(double step_ms, double spent_ms, double saved_ms);

 private:
  static constexpr std::size_t kSurenesses = 8;
  std::array<double, kSurenesses> chances_{};
  double usual_;         // of a guess whose sureness is not known yet
  double time_ms_ = 0;   // of late
  double won_ms_ = 0;
};

}  // namespace siyu::worker
