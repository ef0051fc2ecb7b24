// /v1/messages: how its answers look. A message is a list of blocks (thinking, text, tool_use); a stream opens, fills and
// closes one after the other.
#include "api/messages_writers.h"

#include "api/writer_parts.h"

namespace siyu::api::anthropic {
namespace {

struct OpenBlock {
  enum class Kind { kThinking, kText, kTool } kind = Kind::kText;
  std::string text = {};  ///< thinking, text, or a tool's arguments
  std::string id = {}, name = {};
  std::int32_t call = -1;
  json::array citations = {};
};

json::object usage_of(const engine::Usage& usage) {
  return {{"input_tokens", usage.prompt_tokens - usage.cached_tokens}, {"cache_creation_input_tokens", 0}, {"cache_read_input_tokens", usage.cached_tokens},
          {"output_tokens", usage.completion_tokens}, {"service_tier", "standard"}};
}

json::object block_object(const OpenBlock& block) {
  switch (block.kind) {
    // The signature proves to Anthropic's servers where a thought comes from; ours ask for none.
    case OpenBlock::Kind::kThinking: return {{"type", "thinking"}, {"thinking", block.text}, {"signature", ""}};
    case OpenBlock::Kind::kTool:
      return {{"type", "tool_use"}, {"id", block.id}, {"name", block.name}, {"input", parse_json(block.text).value_or(json::object())}};
    case OpenBlock::Kind::kText: break;
  }
  json::object text{{"type", "text"}, {"text", block.text}, {"citations", nullptr}};
  if (!block.citations.empty()) text["citations"] = block.citations;
  return text;
}

json::object citation_object(const chat::Cited& cited) {
  const auto& passage = cited.citation.passage;
  return {{"type", "search_result_location"}, {"cited_text", passage.text}, {"source", cited.base + "/" + passage.document_id.str()}, {"title", passage.document},
          {"search_result_index", cited.citation.number - 1}, {"start_block_index", 0}, {"end_block_index", 1}};
}

/// Cuts an answer's events into blocks and tells what happens to them.
class MessageWriter : public ReplyWriter {
 public:
  MessageWriter(ReplyHead head, MessageOptions options) : head_(std::move(head)), options_(options) {}
  ErrorShape errors() const override { return ErrorShape::kAnthropic; }

  std::string event(std::size_t, chat::Event event) override {
    std::string out = begin();
    if (auto* delta = std::get_if<engine::Delta>(&event)) {
      if (options_.show_thinking && !delta->reasoning.empty()) out += append(OpenBlock::Kind::kThinking, delta->reasoning);
      if (!delta->content.empty()) out += append(OpenBlock::Kind::kText, delta->content);
      for (const auto& call : delta->tool_calls) out += tool_piece(call);
    } else if (auto* cited = std::get_if<chat::Cited>(&event)) {
      if (block_ && block_->kind == OpenBlock::Kind::kText) out += on_citation(citation_object(*cited));
    } else {
      finish_ = std::get<engine::Finish>(event);
      count(finish_);
    }
    return out;
  }

 protected:
  virtual std::string begin() { return {}; }
  virtual std::string on_open() = 0;
  virtual std::string on_piece(std::string_view piece) = 0;
  virtual std::string on_citation(json::object citation) = 0;
  virtual std::string on_close() = 0;

  std::string close() {
    if (!block_) return {};
    auto out = on_close();
    block_.reset();
    return out;
  }
  json::object message(json::array content) const {
    return {{"id", head_.id}, {"type", "message"}, {"role", "assistant"}, {"model", head_.model}, {"content", std::move(content)},
            {"stop_reason", nullptr}, {"stop_sequence", nullptr}};
  }
  /// stop_reason and stop_sequence.
  void set_stop(json::object& target) const {
    target["stop_sequence"] = nullptr;
    switch (finish_.reason) {
      case engine::FinishReason::kToolCalls: target["stop_reason"] = "tool_use"; return;
      case engine::FinishReason::kContentFilter: target["stop_reason"] = "refusal"; return;
      case engine::FinishReason::kLength:
        target["stop_reason"] = finish_.usage.completion_tokens < options_.max_tokens ? "model_context_window_exceeded" : "max_tokens";
        return;
      case engine::FinishReason::kStop: break;
    }
    target["stop_reason"] = finish_.stop.empty() ? "end_turn" : "stop_sequence";
    if (!finish_.stop.empty()) target["stop_sequence"] = finish_.stop;
  }

  const ReplyHead head_;
  const MessageOptions options_;
  std::optional<OpenBlock> block_;

 private:
  std::string open(OpenBlock block) {
    auto out = close();
    block_ = std::move(block);
    return out + on_open();
  }
  std::string append(OpenBlock::Kind kind, std::string_view piece) {
    std::string out;
    if (!block_ || block_->kind != kind) out = open({.kind = kind});
    return out + on_piece(piece);
  }
  std::string tool_piece(const engine::ToolCallDelta& call) {
    std::string out;
    const bool same = block_ && block_->kind == OpenBlock::Kind::kTool && block_->call == call.index;
    if (!same) {
      if (call.name.empty()) return {};  // a late piece of a call that is closed; no engine of ours sends one
      out = open({.kind = OpenBlock::Kind::kTool, .id = call.id, .name = call.name, .call = call.index});
    }
    return call.arguments.empty() ? out : out + on_piece(call.arguments);
  }

  engine::Finish finish_;
};

class WholeMessage final : public MessageWriter {
 public:
  using MessageWriter::MessageWriter;
  bool streams() const override { return false; }
  std::string end() override {
    close();
    auto body = message(std::move(content_));
    set_stop(body);
    body["usage"] = usage_of(usage());
    if (head_.grounding) body["siyu"] = json::object{{"mode", to_json(*head_.grounding)}};
    return json::serialize(body);
  }

 private:
  std::string on_open() override { return {}; }
  std::string on_piece(std::string_view piece) override {
    block_->text += piece;
    return {};
  }
  std::string on_citation(json::object citation) override {
    block_->citations.push_back(std::move(citation));
    return {};
  }
  std::string on_close() override {
    content_.push_back(block_object(*block_));
    return {};
  }

  json::array content_;
};

class StreamedMessage final : public MessageWriter {
 public:
  using MessageWriter::MessageWriter;
  bool streams() const override { return true; }
  std::string fail(const Error& error, std::string_view request_id) override {
    return "event: error\n" + net::sse_event(error_body(error, request_id, ErrorShape::kAnthropic));
  }
  std::string end() override {
    auto out = begin() + close();
    json::object delta;
    set_stop(delta);
    json::object last{{"type", "message_delta"}, {"delta", std::move(delta)}, {"usage", usage_of(usage())}};
    if (head_.grounding) last["siyu"] = json::object{{"mode", to_json(*head_.grounding)}};
    return out + named_event(last) + named_event({{"type", "message_stop"}});
  }

 private:
  std::string begin() override {
    if (std::exchange(begun_, true)) return {};
    auto started = message({});
    started["usage"] = usage_of({.prompt_tokens = options_.prompt_tokens});
    return named_event({{"type", "message_start"}, {"message", std::move(started)}});
  }
  std::string on_open() override {
    auto out = named_event({{"type", "content_block_start"}, {"index", index_}, {"content_block", block_object(*block_)}});
    return index_ == 0 ? out + named_event({{"type", "ping"}}) : out;
  }
  std::string on_piece(std::string_view piece) override {
    switch (block_->kind) {
      case OpenBlock::Kind::kThinking: return delta({{"type", "thinking_delta"}, {"thinking", piece}});
      case OpenBlock::Kind::kTool: return delta({{"type", "input_json_delta"}, {"partial_json", piece}});
      case OpenBlock::Kind::kText: break;
    }
    return delta({{"type", "text_delta"}, {"text", piece}});
  }
  std::string on_citation(json::object citation) override { return delta({{"type", "citations_delta"}, {"citation", std::move(citation)}}); }
  std::string on_close() override { return named_event({{"type", "content_block_stop"}, {"index", index_++}}); }
  std::string delta(json::object body) const { return named_event({{"type", "content_block_delta"}, {"index", index_}, {"delta", std::move(body)}}); }

  bool begun_ = false;
  int index_ = 0;
};

}  // namespace

std::unique_ptr<ReplyWriter> whole_message(ReplyHead head, MessageOptions options) { return std::make_unique<WholeMessage>(std::move(head), options); }
std::unique_ptr<ReplyWriter> streamed_message(ReplyHead head, MessageOptions options) { return std::make_unique<StreamedMessage>(std::move(head), options); }

}  // namespace siyu::api::anthropic
