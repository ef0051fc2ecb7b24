// The bodies of the generating endpoints, written as the events come: whole, or as server-sent events.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/error_reply.h"
#include "chat/stream.h"

namespace siyu::api {

/// What all bodies of one answer begin with.
struct ReplyHead {
  std::string id;
  std::int64_t created = 0;  ///< Unix seconds
  std::string model;
  std::optional<knowledge::AnswerMode> grounding;
  std::optional<std::string> service_tier = {};
};

/// Not thread-safe; used by one thread after the other.
class ReplyWriter {
 public:
  virtual ~ReplyWriter() = default;
  /// Takes one event; the text to send now, empty for a whole body.
  virtual std::string event(std::size_t choice, chat::Event event) = 0;
  /// After all choices have ended: the whole body, or the last events.
  virtual std::string end() = 0;
  virtual bool streams() const = 0;
  /// The event that tells of an error in a stream that has begun.
  virtual std::string fail(const Error& error, std::string_view request_id);
  virtual ErrorShape errors() const { return ErrorShape::kOpenAi; }
  /// Tokens so far.
  const engine::Usage& usage() const { return usage_; }
  /// What the engine says it took for the slowest choice, in milliseconds; 0 where it does not tell.
  double engine_ms() const { return engine_ms_; }

 protected:
  void count(const engine::Finish& finish);

 private:
  engine::Usage usage_;
  double engine_ms_ = 0;
};

std::unique_ptr<ReplyWriter> whole_chat(ReplyHead head, std::size_t choices);
std::unique_ptr<ReplyWriter> streamed_chat(ReplyHead head, std::size_t choices, bool include_usage, bool logprobs);
std::unique_ptr<ReplyWriter> whole_completion(ReplyHead head, std::size_t choices);
std::unique_ptr<ReplyWriter> streamed_completion(ReplyHead head, std::size_t choices, bool include_usage);
/// The answer of the knowledge bases' own `ask`; `milliseconds` is asked when it is written.
std::unique_ptr<ReplyWriter> whole_ask(ReplyHead head, std::function<double()> milliseconds);

}  // namespace siyu::api
