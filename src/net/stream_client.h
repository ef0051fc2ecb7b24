// Streamed HTTP(S) requests to other servers: many at once on one thread, pooled connections, backpressure.
#pragma once

#include <chrono>
#include <memory>

#include "net/client.h"
#include "net/event_loop.h"
#include "net/http.h"

namespace siyu::net {

/// One answer as it arrives. pull() gives its body piece by piece; cancel() ends the transfer.
class ClientStream : public BodyStream {
 public:
  struct Head {
    int status = 0;
    Headers headers;
  };
  /// Blocks until the header is there, or says why there is none (kUnavailable, kDeadlineExceeded, kCancelled).
  virtual Result<Head> wait_head() = 0;
};

/// Thread-safe. A stream that nobody pulls stops reading from its socket after 256 KiB. libcurl does the work on a thread of its
/// own; where a loop is given, plain HTTP without a proxy is spoken on it directly, which costs a tenth.
class StreamClient {
 public:
  /// `idle` ends a transfer on which nothing has arrived for so long; ClientRequest::timeout bounds the whole. The loop outlives the client.
  StreamClient(ClientOptions options, std::chrono::seconds idle, EventLoop* loop = nullptr);
  ~StreamClient();
  StreamClient(const StreamClient&) = delete;
  StreamClient& operator=(const StreamClient&) = delete;

  /// Starts the request (files are not supported here). Dropping the stream cancels it; streams end before their client does.
  Result<std::unique_ptr<ClientStream>> open(const ClientRequest& request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace siyu::net
