// One OpenAI-compatible HTTP endpoint: its addresses, its key, what its faults mean, and how it is.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/sensitive.h"
#include "engine/engine.h"
#include "net/stream_client.h"

namespace siyu::engine {

/// The address without trailing slashes. kInvalidArgument unless it is http(s)://HOST[:PORT][/PATH] without user, password,
/// query or fragment.
Result<std::string> parse_engine_url(std::string_view url);

/// What the last look at an endpoint found.
struct PeerState {
  enum class Kind { kPlain, kVllm, kLlamaServer };
  EngineState state = EngineState::kStarting;
  bool unreachable = false;  ///< not even a connection; requests fail at once until the next look
  std::string message;       ///< why it is not ready
  Kind kind = Kind::kPlain;
  std::string model;         ///< its name at the endpoint
  std::int32_t context_tokens = 0;
  std::int32_t embedding_dimensions = 0;
  std::int64_t parameters = 0;
};

/// Thread-safe. Shared by an engine, its look-out thread, and the answers under way, which may outlive the engine.
class RemotePeer {
 public:
  /// `url` as parse_engine_url gives it; a path that does not end in /v1 (or /v2 …) gets /v1 appended. `model` is
  /// its name at the endpoint until a look finds a better one.
  RemotePeer(std::string name, std::string url, Sensitive<std::string> key, std::string model, net::StreamClient& client);

  const std::string& name() const { return name_; }
  /// A request to the API (".../v1" + path) or to the server itself (".../" + path).
  net::ClientRequest api_request(std::string_view path, std::string body, std::chrono::milliseconds timeout) const;
  net::ClientRequest server_request(std::string_view path, std::string body, std::chrono::milliseconds timeout) const;
  Result<std::unique_ptr<net::ClientStream>> open(const net::ClientRequest& request) const { return client_.open(request); }

  struct Answer {
    int status = 0;
    net::Headers headers;
    std::string body;
  };
  /// Blocks for the whole answer, of any status. `watch` is told the stream, so that another thread may cancel it.
  Result<Answer> fetch(const net::ClientRequest& request, const std::function<void(net::ClientStream*)>& watch = {}) const;
  /// The body of a 2xx answer; everything else as an error.
  Result<std::string> fetch_ok(const net::ClientRequest& request) const;

  /// A status other than 2xx in words for a client. `body` is what the peer sent with it.
  Error refusal(int status, const net::Headers& headers, std::string_view body) const;
  /// The connection failed, or ended in the middle of an answer.
  Error lost(const Error& transport, bool begun) const;
  /// The peer sent what no such server sends.
  Error malformed(const Error& why) const;

  PeerState state() const;
  void set_state(PeerState state);
  /// Something failed: look at the endpoint soon.
  void suspect();
  /// Waits until suspect(), stop() or the time; false when stopped.
  bool wait_for_cause(std::chrono::milliseconds longest);
  void stop();
  bool stopped() const;
  /// Waits until a first look has ended; false when the time passes first.
  bool wait_first_look(std::chrono::milliseconds limit);

  std::atomic<std::int32_t> running = 0;         ///< answers under way
  std::atomic<std::int64_t> generated_tokens = 0, prefilled_tokens = 0;
  std::atomic<std::int32_t> dimensions = 0;      ///< of the last vectors; 0 before the first

 private:
  net::ClientRequest request(std::string url, std::string body, std::chrono::milliseconds timeout) const;

  const std::string name_;
  const std::string api_;     // …/v1
  const std::string server_;  // without /v1
  const Sensitive<std::string> key_;
  net::StreamClient& client_;
  mutable std::mutex mu_;
  std::condition_variable changed_;
  PeerState state_;
  bool looked_ = false, suspected_ = false, stopping_ = false;
};

}  // namespace siyu::engine
