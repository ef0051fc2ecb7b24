// Streamed requests over plain HTTP on the event loop itself: how engines on the own machine and network are spoken to. An
// answer's bytes reach the puller on the loop thread, as they are read. Internal to net; StreamClient is what others use.
#pragma once

#include <chrono>
#include <memory>

#include "net/event_loop.h"
#include "net/stream_client.h"

namespace siyu::net {

/// Thread-safe. Connections are kept open and used again, the last one first. The loop outlives the client.
class DirectClient {
 public:
  DirectClient(EventLoop& loop, std::chrono::seconds idle);
  ~DirectClient();
  DirectClient(const DirectClient&) = delete;
  DirectClient& operator=(const DirectClient&) = delete;

  /// http:// without credentials, and a body in memory or none.
  static bool takes(const ClientRequest& request);
  std::unique_ptr<ClientStream> open(const ClientRequest& request);

  struct Impl;

 private:
  const std::shared_ptr<Impl> impl_;  // connections share it, and may end after the client
};

}  // namespace siyu::net
