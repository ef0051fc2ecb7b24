#include "net/event_loop.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <thread>

namespace siyu::net {
namespace {

namespace asio = boost::asio;
using SteadyClock = std::chrono::steady_clock;

/// Whether the next event is worth looking out for without going to sleep. Sleeping and being woken costs some 25 microseconds each
/// time, which at thousands of events a second is most of what a request takes; where events are rare, looking would be wasted.
/// So the loop looks only as long as looking has lately paid more often than not.
class Lookout {
 public:
  static constexpr auto kLongest = std::chrono::microseconds(100);  // what one look may cost; four times what a sleep does
  bool pays() const { return score_ > 0; }
  void came_after(SteadyClock::duration wait) {
    const bool soon = wait < kLongest;
    score_ = std::clamp(score_ + (soon ? 1 : -2), -kMemory, kMemory);
  }

 private:
  static constexpr int kMemory = 64;  // events
  int score_ = -kMemory;
};

}  // namespace

struct EventLoop::Impl {
  void run() {
    Lookout lookout;
    while (!context.stopped()) {
      if (context.poll() > 0) continue;
      const auto since = SteadyClock::now();
      bool came = false;
      while (lookout.pays() && !came && !context.stopped() && SteadyClock::now() - since < Lookout::kLongest) came = context.poll_one() > 0;
      if (!came) context.run_one();
      lookout.came_after(SteadyClock::now() - since);
    }
  }

  asio::io_context context{1};  // one thread runs it; others only post
  asio::executor_work_guard<asio::io_context::executor_type> stays = asio::make_work_guard(context);
  std::thread thread{[this] { run(); }};
};

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {}
EventLoop::~EventLoop() {
  const bool hung = impl_->context.stopped();
  stop();
  if (hung) return;
  // What its users left behind as they ended, such as connections to be closed.
  impl_->context.restart();
  impl_->context.poll();
}
asio::io_context& EventLoop::context() { return impl_->context; }

void EventLoop::stop() {
  impl_->context.stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

}  // namespace siyu::net
