// A generation as an HTTP answer: its status is decided by its first event, and no thread waits for any of them.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "api/reply_writer.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/http.h"

namespace siyu::api {

struct GenerationReplyOptions {
  std::string request_id;
  const Clock& clock;
  SteadyTime begun;  ///< of the request
  Logger& log;
  Millis limit;  ///< the whole generation may take this long
  /// Told once, when the answer has ended in any way.
  std::function<void(const engine::Usage& usage, const std::optional<Error>& error)> ended;
};

/// An answer whose body `writer` makes from `choices`. A fault before the first event is an error answer; after it, the
/// stream carries an error event and ends without [DONE].
net::Response generation_reply(std::vector<std::unique_ptr<chat::Stream>> choices, std::unique_ptr<ReplyWriter> writer, GenerationReplyOptions options);

}  // namespace siyu::api
