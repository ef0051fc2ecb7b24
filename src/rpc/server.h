// The gRPC listener.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "rpc/parts.h"

namespace siyu::rpc {

struct ServerOptions {
  std::string address;           ///< HOST:PORT; port 0 takes a free one
  std::string certificate_file;  ///< PEM; empty: without TLS
  std::string private_key_file;
  std::size_t threads = 8;    ///< that run what blocks: retrieval, embeddings
  std::size_t queue = 256;    ///< calls that may wait for one of them
  std::size_t max_calls = 8192;
  std::chrono::seconds idle{120};  ///< a connection without calls is closed after this
};

/// From now on gRPC speaks TLS 1.3 only, as the HTTP listener does. It changes the environment, so: before the process has threads.
void require_tls13();

/// Health and reflection come with it, open to anyone; everything else needs an API key.
class Server {
 public:
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Parts parts);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const;
  /// Takes no new calls, lets running ones finish until the deadline, then cancels them. Blocks.
  void drain(std::chrono::milliseconds deadline);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace siyu::rpc
