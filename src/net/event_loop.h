// The thread on which all of the network's I/O happens. Who shares one hands bytes on without waking another thread: an answer of an
// engine goes from its socket to the client's in one go.
#pragma once

#include <memory>

namespace boost::asio {
class io_context;
}

namespace siyu::net {

/// Runs from construction to destruction; what uses it ends before it does.
class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  boost::asio::io_context& context();
  /// Ends the thread; what still waits is never called. For the end of the process, when a part of it hangs.
  void stop();

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace siyu::net
