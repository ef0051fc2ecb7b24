#include "net/event_loop.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <thread>

namespace siyu::net {

namespace asio = boost::asio;

struct EventLoop::Impl {
  asio::io_context context{1};  // one thread runs it; others only post
  asio::executor_work_guard<asio::io_context::executor_type> stays = asio::make_work_guard(context);
  std::thread thread{[this] { context.run(); }};
};

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {}
EventLoop::~EventLoop() { stop(); }
asio::io_context& EventLoop::context() { return impl_->context; }

void EventLoop::stop() {
  impl_->context.stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

}  // namespace siyu::net
