#include "step_cost.h"

#include <algorithm>
#include <bit>

namespace siyu::worker {
namespace {

constexpr double kWeight = 0.15;            // of a new step in the average
constexpr double kFasterWeight = 0.5;       // of one that was much faster: what else the machine does only ever makes a step slower
constexpr double kMuchFaster = 0.6;         // of what was expected
constexpr double kUnknownGrowth = 0.5;      // share of proportional growth that is assumed of larger steps never seen
constexpr double kFirstGuessMs = 1.0;       // a token, before anything was seen
constexpr double kPartingLoss = 1.1;        // what two halves may cost beside the whole
constexpr std::size_t kExact = 16;          // sizes up to this one are told apart; above, four to each doubling

}  // namespace

std::size_t StepCost::size_class(std::size_t tokens) {
  if (tokens <= kExact) return std::max<std::size_t>(tokens, 1) - 1;
  const auto doublings = static_cast<std::size_t>(std::bit_width(tokens)) - 5;  // 17 … 31: 0
  const std::size_t quarter = (tokens >> (doublings + 2)) & 3;
  return std::min(kExact + doublings * 4 + quarter, kSizes - 1);
}

void StepCost::learn(std::size_t tokens, double milliseconds) {
  auto& seen = seen_[size_class(tokens)];
  const double weight = seen.tokens == 0 ? 1 : milliseconds < kMuchFaster * seen.ms ? kFasterWeight : kWeight;
  seen.tokens += weight * (static_cast<double>(tokens) - seen.tokens);
  seen.ms += weight * (milliseconds - seen.ms);
}

double StepCost::ms(std::size_t tokens) const {
  const auto wanted = static_cast<double>(tokens);
  Seen below;  // a larger step never counts as cheaper than a smaller one, whatever was measured
  Seen above;
  for (const auto& seen : seen_) {
    if (seen.tokens == 0) continue;
    if (seen.tokens <= wanted) below = {seen.tokens, std::max(seen.ms, below.ms)};
    else if (above.tokens == 0) above = {seen.tokens, std::max(seen.ms, below.ms)};
  }
  if (below.tokens == 0 && above.tokens == 0) return kFirstGuessMs * wanted;
  if (below.tokens == 0) return above.ms * std::max(0.5, wanted / above.tokens);
  if (above.tokens == 0) return below.ms * (1 + kUnknownGrowth * (wanted / below.tokens - 1));
  return below.ms + (wanted - below.tokens) / (above.tokens - below.tokens) * (above.ms - below.ms);
}

std::size_t StepCost::fits(std::size_t base, std::size_t most, double milliseconds) const {
  const double limit = (base == 0 ? 0 : ms(base)) + milliseconds;
  std::size_t low = 0;
  std::size_t high = most;
  while (low < high) {
    const std::size_t middle = (low + high + 1) / 2;
    if (ms(base + middle) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}

std::size_t StepCost::at_once(std::size_t tokens, std::size_t least, double milliseconds) const {
  for (;;) {
    const std::size_t half = (tokens + 1) / 2;
    if (half < least || ms(tokens) <= milliseconds || 2 * ms(half) > kPartingLoss * ms(tokens)) return tokens;
    tokens = half;
  }
}

}  // namespace siyu::worker
