// A desktop client's end of MCP: messages as lines on standard input and output, carried to the server's endpoint over HTTPS.
#pragma once

#include <condition_variable>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/bounded_pool.h"
#include "cli/client.h"
#include "mcp/message.h"
#include "net/stream_client.h"

namespace siyu::cli {

/// One bridge serves one process. Requests run side by side; what cannot be carried is answered with an error, so that no
/// client waits in vain. A session that the server has forgotten is begun anew without the client's noticing.
class McpBridge {
 public:
  McpBridge(const Client& client, std::FILE* out);
  ~McpBridge();
  McpBridge(const McpBridge&) = delete;
  McpBridge& operator=(const McpBridge&) = delete;

  /// One line from the client. Called by one thread.
  void take(std::string line);
  /// The client has closed its end: lets running requests finish for a short while, then ends the session.
  void finish();

 private:
  struct Answer {
    int status = 0;
    std::string session, body;  ///< the body of anything but events, which are written as they come
  };
  struct UnderWay {
    std::shared_ptr<net::ClientStream> stream;
    bool stateless = false;  ///< cancelled by closing its answer; others by telling the server
  };
  void carry(const std::string& line, const mcp::Message& message);
  Result<Answer> post(const std::string& line, const mcp::Message& message);
  Result<Answer> read(net::ClientStream& stream);
  bool begin_session_again(const std::string& ended);
  bool cancel_here(const mcp::Message& message);
  void write_line(const std::string& text);
  std::string session() const;

  const std::string url_, api_key_;
  std::FILE* const out_;
  net::StreamClient http_;
  std::mutex out_mu_;
  mutable std::mutex mu_;
  std::condition_variable idle_;
  std::string session_, initialize_;  // of revisions with a handshake
  std::size_t running_ = 0;
  bool closing_ = false;
  std::map<mcp::RequestId, UnderWay> under_way_;
  std::mutex renewing_;
  BoundedPool pool_;  // last: its threads use the rest
};

}  // namespace siyu::cli
