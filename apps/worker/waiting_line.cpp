#include "waiting_line.h"

#include <algorithm>
#include <tuple>

namespace siyu::worker {

Sequence* WaitingLine::first() const {
  // Streams are numbered as requests come; who was prepared sooner came no sooner.
  const auto rank = [](const auto& one) { return std::tuple(one->priority(), one->tenant->got, one->stream()); };
  const auto found = std::ranges::min_element(waiting_, {}, rank);
  return found == waiting_.end() ? nullptr : found->get();
}

std::unique_ptr<Sequence> WaitingLine::take(const Sequence& sequence) {
  const auto found = std::ranges::find(waiting_, &sequence, &std::unique_ptr<Sequence>::get);
  auto taken = std::move(*found);
  waiting_.erase(found);
  return taken;
}

std::optional<SteadyClock::time_point> WaitingLine::earliest_deadline() const {
  std::optional<SteadyClock::time_point> earliest;
  for (const auto& one : waiting_)
    if (one->deadline() && (!earliest || *one->deadline() < *earliest)) earliest = one->deadline();
  return earliest;
}

}  // namespace siyu::worker
