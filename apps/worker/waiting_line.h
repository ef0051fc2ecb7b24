// The requests that wait for a place: the most urgent first, then those of the tenant that has got least, then the oldest.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "sequence.h"

namespace siyu::worker {

/// Used by the inference thread. Its length is bounded by the queue limit, so that looking through it costs microseconds.
class WaitingLine {
 public:
  void add(std::unique_ptr<Sequence> sequence) { waiting_.push_back(std::move(sequence)); }
  bool empty() const { return waiting_.empty(); }
  /// The next one; null when nobody waits.
  Sequence* first() const;
  std::unique_ptr<Sequence> take(const Sequence& sequence);
  /// Those for which `leaves` is true.
  template <class Predicate>
  std::vector<std::unique_ptr<Sequence>> take_all(Predicate leaves) {
    std::vector<std::unique_ptr<Sequence>> taken;
    for (auto& one : waiting_)
      if (leaves(*one)) taken.push_back(std::move(one));
    std::erase(waiting_, nullptr);
    return taken;
  }
  /// The earliest time at which one has waited too long.
  std::optional<SteadyClock::time_point> earliest_deadline() const;

 private:
  std::vector<std::unique_ptr<Sequence>> waiting_;
};

}  // namespace siyu::worker
