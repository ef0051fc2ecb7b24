// The tool `ask` at work: a model writes, or documents are quoted, and the answer becomes a tool's result.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "chat/pump.h"
#include "mcp/parts.h"
#include "mcp/sessions.h"

namespace siyu::mcp {

/// What a tool gives: a text for models, the same as data for programs.
json::object tool_result(const std::string& text, json::object structured);
/// A result, so that the model sees what went wrong and can try again.
json::object tool_failure(const std::string& message);

/// An answer on its way; it holds no thread while it waits. Dropping it, or cancel(), stops the generation.
class Asking final : public Cancellable, public std::enable_shared_from_this<Asking> {
 public:
  Asking(const Parts& parts, chat::Answer answer, std::string request);
  ~Asking() override;

  using Ready = std::move_only_function<void(std::optional<std::string>)>;
  /// Hands over what has been written since the last call, as soon as it is `enough` bytes; nothing once the answer has ended.
  void next(std::size_t enough, Ready ready);
  /// The result of `tools/call`, after next() has given nothing. Call it once.
  json::object result();
  /// Bytes written so far.
  std::size_t written() const { return answer_.size(); }
  void cancel() noexcept override;

 private:
  void take(chat::Event event);
  void end(std::optional<Error> error);

  const Parts& parts_;
  const std::string request_, model_;
  const knowledge::AnswerMode mode_;
  const SteadyTime deadline_;
  const std::shared_ptr<chat::Pump> pump_;
  // Used by one thread after the other: that which brings the next event.
  std::string answer_;
  std::size_t handed_over_ = 0;
  std::vector<chat::Cited> citations_;
  engine::Usage usage_;
  std::optional<Error> error_;
  bool ended_ = false;
};

}  // namespace siyu::mcp
