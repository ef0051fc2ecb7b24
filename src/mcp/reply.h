// An answer that is being written, as an HTTP response. No thread waits for it.
#pragma once

#include <memory>

#include "mcp/asking.h"
#include "net/http.h"

namespace siyu::mcp {

struct ReplyTo {
  RequestId id;
  Revision revision = kNewestWithHandshake;
  json::value progress_token;  ///< of the client; null: it wants no progress
};

/// One JSON body, once the answer has ended.
net::Response whole_reply(std::shared_ptr<Asking> asking, ReplyTo to);
/// Server-sent events: progress with what has been written since, then the result.
net::Response streamed_reply(std::shared_ptr<Asking> asking, ReplyTo to);

}  // namespace siyu::mcp
