// A blocking connection to a server, with a deadline on every step: TCP, TLS over it, or a unix socket. For protocols that are
// not HTTP and are spoken by threads that may wait.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace siyu::net {

struct ChannelTarget {
  std::string host, port;
  std::string unix_path;  ///< instead of host and port
  bool tls = false;
  std::string ca_file;    ///< PEM of the authority of its certificate; empty: the system's

  std::string text() const { return unix_path.empty() ? host + ":" + port : unix_path; }
};

/// Not thread-safe.
class ByteChannel {
 public:
  /// kUnavailable, or kDeadlineExceeded after `timeout`; the later steps have the same limit, each.
  static Result<std::unique_ptr<ByteChannel>> connect(const ChannelTarget& target, Millis timeout);
  virtual ~ByteChannel() = default;
  /// All of it.
  virtual Status write(std::string_view bytes) = 0;
  /// At least one byte; kUnavailable at the end.
  virtual Result<std::size_t> read(std::span<char> into) = 0;
};

}  // namespace siyu::net
