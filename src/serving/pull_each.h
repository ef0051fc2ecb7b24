// Events of a stream, one after the other, without recursion: an engine may answer a pull before it returns.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "engine/engine.h"

namespace siyu::serving {

/// Pulls as long as `take` says true. The stream lives until then.
class PullEach : public std::enable_shared_from_this<PullEach> {
 public:
  using Take = std::function<bool(Result<std::optional<engine::Event>>)>;
  static void begin(std::shared_ptr<engine::GenerationStream> stream, Take take) {
    std::make_shared<PullEach>(std::move(stream), std::move(take))->run();
  }
  PullEach(std::shared_ptr<engine::GenerationStream> stream, Take take) : stream_(std::move(stream)), take_(std::move(take)) {}

 private:
  enum State { kPulling, kReturned, kMore, kEnough };
  void run() {
    for (;;) {
      // One for each pull: a late answer must not be taken for that of the next one.
      const auto state = std::make_shared<std::atomic<State>>(kPulling);
      stream_->pull([self = shared_from_this(), state](Result<std::optional<engine::Event>> event) {
        const bool more = self->take_(std::move(event));
        if (state->exchange(more ? kMore : kEnough) == kReturned && more) self->run();
      });
      if (state->exchange(kReturned) != kMore) return;
    }
  }

  const std::shared_ptr<engine::GenerationStream> stream_;
  const Take take_;
};

}  // namespace siyu::serving
