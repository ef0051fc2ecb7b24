#include "chat/pump.h"

#include <utility>

namespace siyu::chat {

void Pump::each(Take take) {
  take_ = std::move(take);
  run();
}

void Pump::run() {
  for (;;) {
    turn_.store(kPulling);
    stream_->pull([self = shared_from_this()](Result<std::optional<Event>> event) {
      self->arrived_ = std::move(event);
      if (self->turn_.exchange(kArrived) == kLeft && self->hand_over()) self->run();
    });
    if (turn_.exchange(kLeft) == kPulling) return;
    if (!hand_over()) return;
  }
}

/// The taker is moved out while it runs: once it has decided to return false, another thread may already have put a new one.
bool Pump::hand_over() {
  auto event = std::exchange(arrived_, std::nullopt);
  const bool last = !event || !*event;
  auto take = std::exchange(take_, nullptr);
  const bool more = take(std::move(event));
  if (!more || last) return false;
  take_ = std::move(take);
  return true;
}

}  // namespace siyu::chat
