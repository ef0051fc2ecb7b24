// GET over HTTP(S) as downloads need it: redirects under rules, secrets to one server only, and an end at any moment.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/stream_client.h"
#include "net/url.h"

namespace siyu::models {

/// Ends a download from another thread, whatever it waits for. Thread-safe.
class Stop {
 public:
  void request();
  bool requested() const;
  /// False when it was requested before the time was over.
  bool sleep(std::chrono::milliseconds time);

 private:
  friend class FetchedBody;
  void watch(net::ClientStream* stream);  ///< nullptr: no longer
  mutable std::mutex mu_;
  std::condition_variable changed_;
  bool requested_ = false;
  net::ClientStream* stream_ = nullptr;
};

/// The checksum in lower case; empty when the text is none.
std::string read_sha256(std::string_view text);

/// An answer whose body is read piece by piece on the calling thread.
class FetchedBody {
 public:
  FetchedBody(std::unique_ptr<net::ClientStream> stream, Stop& stop);
  ~FetchedBody();
  FetchedBody(const FetchedBody&) = delete;
  FetchedBody& operator=(const FetchedBody&) = delete;

  Result<net::ClientStream::Head> wait_head() { return stream_->wait_head(); }
  /// nullopt: the end. kCancelled after Stop::request().
  Result<std::optional<std::string>> next();

 private:
  std::unique_ptr<net::ClientStream> stream_;
  Stop& stop_;
};

struct Fetched {
  net::ClientStream::Head head;
  net::Url url;                      ///< where the answer came from in the end
  std::string linked_sha256;         ///< what a hub's redirect said of the file (X-Linked-Etag); empty: nothing
  std::unique_ptr<FetchedBody> body;
};

/// A secret, and the only server that may see it.
struct Credential {
  std::string origin;
  std::string token;
};

/// Thread-safe.
class Fetcher {
 public:
  Fetcher(std::chrono::seconds stall, std::vector<Credential> credentials)
      : http_(net::ClientOptions{}, stall), credentials_(std::move(credentials)) {}

  /// Any final status is an answer. kUnavailable, kDeadlineExceeded: try again; kInvalidArgument: a redirect that is not followed.
  Result<Fetched> get(const net::Url& url, const std::vector<std::pair<std::string, std::string>>& headers, Stop& stop);
  struct Text {
    int status = 0;
    net::Headers headers;
    std::string body;
  };
  /// A small answer as a whole.
  Result<Text> get_text(const net::Url& url, Stop& stop);

 private:
  net::StreamClient http_;
  const std::vector<Credential> credentials_;
};

}  // namespace siyu::models
