#include "draft_judge.h"

#include <algorithm>

namespace siyu::worker {
namespace {

constexpr std::array<float, 7> kMargins{0.25F, 0.5F, 1, 2, 3, 5, 8};
constexpr double kHopeful = 0.6;    // before anything was seen
constexpr double kWeight = 0.05;    // of one guess
constexpr double kHope = 0.001;     // of each step without guesses, by which low chances recover
constexpr double kMemory = 0.998;   // of a step: the last thousand count
constexpr double kMayLose = 0.02;   // of all time
constexpr double kMostWon = 0.1;    // of all time that counts as won: a change for the worse is noticed soon

}  // namespace

DraftJudge::DraftJudge() : usual_(kHopeful) { chances_.fill(kHopeful); }

std::size_t DraftJudge::sureness(float margin) {
  return static_cast<std::size_t>(std::ranges::upper_bound(kMargins, margin) - kMargins.begin());
}

void DraftJudge::learn(std::size_t sureness, bool right) {
  for (double* chance : {&chances_[sureness], &usual_}) *chance += kWeight * ((right ? 1 : 0) - *chance);
}

void DraftJudge::rest() {
  for (auto& chance : chances_) chance += kHope * std::max(0.0, kHopeful - chance);
  usual_ += kHope * std::max(0.0, kHopeful - usual_);
}

std::size_t DraftJudge::worth(const Step& step, std::size_t sequences, double reach, std::size_t most, double first_ms) const {
  if (sequences == 0) return 0;
  const double base = step.model.ms(step.tokens);
  const double round = step.draft.ms(sequences);
  std::size_t best = 0;
  double best_gain = 0, saved = 0, drafting = first_ms;
  for (std::size_t guesses = 1; guesses <= most; ++guesses, drafting += round) {
    reach *= usual_;
    saved += reach * step.value_ms;
    const double gain = saved - drafting - (step.model.ms(step.tokens + guesses * sequences) - base);
    if (gain <= best_gain) continue;
    best_gain = gain;
    best = guesses;
  }
  return best;
}

bool DraftJudge::affords(double ms) const { return won_ms_ - ms >= -kMayLose * time_ms_; }

void DraftJudge::settle(double step_ms, double spent_ms, double saved_ms) {
  time_ms_ = kMemory * time_ms_ + step_ms;
  won_ms_ = std::min(kMemory * won_ms_ + saved_ms - spent_ms, kMostWon * time_ms_);
}

}  // namespace siyu::worker
