// From tokens back to what the client sees: stop strings cut, characters whole, reasoning and tool calls taken apart.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/stop_filter.h"
#include "model.h"

namespace siyu::worker {

/// How the answer is to be read; made together with the prompt.
struct OutputRules {
  std::vector<std::string> stops;
  std::set<Token> preserved_tokens;  ///< control tokens that the parser needs to see, such as <tool_call>
  std::optional<common_chat_parser_params> parser;  ///< nothing: the text is the content
  std::vector<std::string> reasoning_ends;  ///< marks after which the answer begins
  bool one_call = false;  ///< the answer ends where a second call of a tool begins
};

/// Used by one thread at a time.
class Output {
 public:
  explicit Output(OutputRules rules);

  /// Takes one token; what has become certain is added to pending().
  void push(const Model& model, Token token);
  /// No more tokens come.
  void finish();
  bool stopped() const { return filter_.stopped() || second_call_; }
  const std::string& stop() const { return filter_.stop(); }
  bool has_tool_calls() const { return !seen_.tool_calls.empty(); }
  /// Tokens so far that were reasoning, with the marks around it.
  std::int32_t reasoning_tokens() const { return reasoning_tokens_; }

  engine::Delta& pending() { return pending_; }
  bool has_pending() const { return !(pending_ == engine::Delta{}); }
  engine::Delta take_pending() { return std::exchange(pending_, {}); }

 private:
  void take(const std::string& text, bool last);
  void parse(bool last);
  void emit_difference(const common_chat_msg& now);
  void share_out(std::size_t reasoning, std::size_t answer);
  std::optional<std::size_t> end_of_reasoning() const;

  OutputRules rules_;
  engine::StopFilter filter_;
  engine::Delta pending_;
  std::string text_;             // all of the answer so far; only kept for the parser
  std::size_t parsed_bytes_ = 0;
  common_chat_msg seen_;         // what was emitted
  std::vector<std::string> call_ids_;
  bool second_call_ = false;

  // Which tokens are reasoning; only with a parser.
  std::vector<std::size_t> undecided_;   // where in the text tokens begin of which it is not known yet
  std::int32_t reasoning_tokens_ = 0;
  bool reasons_ = false;                 // what was last seen is reasoning
};

}  // namespace siyu::worker
