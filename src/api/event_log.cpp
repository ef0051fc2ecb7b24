#include "api/event_log.h"

#include <mutex>
#include <optional>
#include <vector>

namespace siyu::api {

namespace {
constexpr std::size_t kPieceBytes = 64UL << 10;  // events handed on at once
}

struct EventLog::State {
  explicit State(const Clock& clock_in) : clock(clock_in) {}
  const Clock& clock;
  mutable std::mutex mu;
  // guarded by mu
  std::vector<std::string> events;
  std::size_t bytes = 0;
  bool closed = false;
  std::vector<Reader*> waiting;  // with a pull that nothing could answer yet
  std::size_t readers = 0;
  std::optional<SteadyTime> unread_since;
};

class EventLog::Reader final : public net::BodyStream {
 public:
  Reader(std::shared_ptr<State> state, std::size_t first) : state_(std::move(state)), next_(first) {
    const std::lock_guard lock(state_->mu);
    ++state_->readers;
    state_->unread_since.reset();
  }
  ~Reader() override {
    const std::lock_guard lock(state_->mu);
    std::erase(state_->waiting, this);
    if (--state_->readers == 0) state_->unread_since = state_->clock.steady_now();
  }

  void pull(Ready ready) override {
    std::optional<std::string> piece;
    {
      const std::lock_guard lock(state_->mu);
      if (!cancelled_ && next_ >= state_->events.size() && !state_->closed) {
        ready_ = std::move(ready);
        state_->waiting.push_back(this);
        return;
      }
      piece = take();
    }
    ready(std::move(piece));
  }

  void cancel() noexcept override {
    Ready ready;
    {
      const std::lock_guard lock(state_->mu);
      cancelled_ = true;
      std::erase(state_->waiting, this);
      ready = std::exchange(ready_, nullptr);
    }
    if (ready) ready(std::optional<std::string>());
  }

  /// What there is, joined; nothing at the end. Needs the lock.
  std::optional<std::string> take() {
    const auto& events = state_->events;
    if (cancelled_ || next_ >= events.size()) return std::nullopt;
    std::string piece;
    while (next_ < events.size() && piece.size() < kPieceBytes) piece += events[next_++];
    return piece;
  }
  Ready take_ready() { return std::exchange(ready_, nullptr); }
  /// A reader that begins beyond the end waits on.
  bool has_something() const { return next_ < state_->events.size() || state_->closed; }

 private:
  const std::shared_ptr<State> state_;
  // guarded by state_->mu
  std::size_t next_;
  bool cancelled_ = false;
  Ready ready_;
};

namespace {

struct Answer {
  net::BodyStream::Ready ready;
  std::optional<std::string> piece;
};

}  // namespace

EventLog::EventLog(const Clock& clock) : state_(std::make_shared<State>(clock)) {}

void EventLog::append(std::string event) {
  std::vector<Answer> answers;
  {
    const std::lock_guard lock(state_->mu);
    if (state_->closed) return;
    state_->bytes += event.size();
    state_->events.push_back(std::move(event));
    std::erase_if(state_->waiting, [&](Reader* reader) {
      if (!reader->has_something()) return false;
      answers.push_back({reader->take_ready(), reader->take()});
      return true;
    });
  }
  for (auto& [ready, piece] : answers) ready(std::move(piece));
}

void EventLog::close() {
  std::vector<Answer> answers;
  {
    const std::lock_guard lock(state_->mu);
    state_->closed = true;
    for (auto* reader : state_->waiting) answers.push_back({reader->take_ready(), reader->take()});
    state_->waiting.clear();
  }
  for (auto& [ready, piece] : answers) ready(std::move(piece));
}

std::unique_ptr<net::BodyStream> EventLog::read_from(std::size_t first) { return std::make_unique<Reader>(state_, first); }

std::size_t EventLog::bytes() const {
  const std::lock_guard lock(state_->mu);
  return state_->bytes;
}
std::size_t EventLog::size() const {
  const std::lock_guard lock(state_->mu);
  return state_->events.size();
}
std::optional<SteadyTime> EventLog::unread_since() const {
  const std::lock_guard lock(state_->mu);
  return state_->unread_since;
}

}  // namespace siyu::api
