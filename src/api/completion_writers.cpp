// /v1/completions: how its answers look.
#include "api/reply_writer.h"
#include "api/writer_parts.h"

namespace siyu::api {
namespace {

json::value finish_text(engine::FinishReason reason) { return reason == engine::FinishReason::kLength ? "length" : "stop"; }

/// The older shape: parallel arrays; offsets count the characters of the answer before each token.
json::value logprobs_of(const std::vector<engine::TokenLogprob>& tokens, std::size_t& offset) {
  if (tokens.empty()) return nullptr;
  json::array texts, values, tops, offsets;
  for (const auto& token : tokens) {
    const auto text = repair_utf8(token.token);
    json::object top;
    for (const auto& other : token.top) top[repair_utf8(other.token)] = other.logprob;
    texts.emplace_back(text);
    values.emplace_back(token.logprob);
    tops.push_back(std::move(top));
    offsets.emplace_back(offset);
    offset += utf8_length(text);
  }
  return json::object{{"tokens", std::move(texts)}, {"token_logprobs", std::move(values)}, {"top_logprobs", std::move(tops)}, {"text_offset", std::move(offsets)}};
}

class WholeCompletion final : public ReplyWriter {
 public:
  WholeCompletion(ReplyHead head, std::size_t choices) : head_(std::move(head)), choices_(choices) {}
  std::string event(std::size_t index, chat::Event event) override {
    if (auto* delta = std::get_if<engine::Delta>(&event)) engine::append(choices_[index], *delta);
    if (auto* finish = std::get_if<engine::Finish>(&event)) {
      choices_[index].finish = *finish;
      count(*finish);
    }
    return {};
  }
  std::string end() override {
    json::array choices;
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      std::size_t offset = 0;
      choices.push_back({{"index", i}, {"text", choices_[i].content}, {"logprobs", logprobs_of(choices_[i].logprobs, offset)},
                         {"finish_reason", finish_text(choices_[i].finish.reason)}});
    }
    auto body = envelope(head_, "text_completion", std::move(choices));
    body["usage"] = usage_object(usage());
    return json::serialize(body);
  }
  bool streams() const override { return false; }

 private:
  const ReplyHead head_;
  std::vector<engine::Generation> choices_;
};

class StreamedCompletion final : public ReplyWriter {
 public:
  StreamedCompletion(ReplyHead head, std::size_t choices, bool include_usage) : head_(std::move(head)), offsets_(choices), include_usage_(include_usage) {}
  std::string event(std::size_t index, chat::Event event) override {
    if (auto* delta = std::get_if<engine::Delta>(&event))
      return chunk(index, delta->content, logprobs_of(delta->logprobs, offsets_[index]), nullptr);
    if (auto* finish = std::get_if<engine::Finish>(&event)) {
      count(*finish);
      return chunk(index, "", nullptr, finish_text(finish->reason));
    }
    return {};
  }
  std::string end() override {
    std::string text;
    if (include_usage_) {
      auto body = envelope(head_, "text_completion", {});
      body["usage"] = usage_object(usage());
      text = net::sse_event(json::serialize(body));
    }
    return text + net::sse_event("[DONE]");
  }
  bool streams() const override { return true; }

 private:
  std::string chunk(std::size_t index, const std::string& text, json::value logprobs, json::value finish) const {
    auto body = envelope(head_, "text_completion", {{{"index", index}, {"text", text}, {"logprobs", std::move(logprobs)}, {"finish_reason", std::move(finish)}}});
    if (include_usage_) body["usage"] = nullptr;
    return net::sse_event(json::serialize(body));
  }

  const ReplyHead head_;
  std::vector<std::size_t> offsets_;
  const bool include_usage_;
};

}  // namespace

std::unique_ptr<ReplyWriter> whole_completion(ReplyHead head, std::size_t choices) { return std::make_unique<WholeCompletion>(std::move(head), choices); }
std::unique_ptr<ReplyWriter> streamed_completion(ReplyHead head, std::size_t choices, bool include_usage) {
  return std::make_unique<StreamedCompletion>(std::move(head), choices, include_usage);
}

}  // namespace siyu::api
