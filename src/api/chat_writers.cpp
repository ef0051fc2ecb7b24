// /v1/chat/completions and ask: how their answers look.
#include <algorithm>

#include "api/knowledge_bodies.h"
#include "api/reply_writer.h"
#include "api/writer_parts.h"
#include "base/text.h"

namespace siyu::api {

void ReplyWriter::count(const engine::Finish& finish) {
  usage_ += finish.usage;
  engine_ms_ = std::max(engine_ms_, finish.timings.queued_ms + finish.timings.prefill_ms + finish.timings.decode_ms);
}

std::string ReplyWriter::fail(const Error& error, std::string_view request_id) { return net::sse_event(error_body(error, request_id)); }

namespace {

json::value finish_text(engine::FinishReason reason) {
  switch (reason) {
    case engine::FinishReason::kStop: return "stop";
    case engine::FinishReason::kLength: return "length";
    case engine::FinishReason::kToolCalls: return "tool_calls";
    case engine::FinishReason::kContentFilter: return "content_filter";
  }
  return "stop";
}

json::object annotation(const chat::Cited& cited, std::size_t index) {
  return {{"type", "file_citation"},
          {"file_citation",
           {{"file_id", cited.citation.passage.document_id.str()}, {"filename", cited.citation.passage.document}, {"index", index},
            {"siyu", to_json(to_body(cited.citation, cited.base))}}}};
}

/// "logprobs" of a choice: null when none were asked for.
json::value logprobs_of(const std::vector<engine::TokenLogprob>& tokens) {
  if (tokens.empty()) return nullptr;
  json::array content;
  for (const auto& token : tokens) {
    json::object one = token_object(token.token, token.logprob);
    json::array top;
    for (const auto& other : token.top) top.push_back(token_object(other.token, other.logprob));
    one["top_logprobs"] = std::move(top);
    content.push_back(std::move(one));
  }
  return json::object{{"content", std::move(content)}, {"refusal", nullptr}};
}

class WholeChat final : public ReplyWriter {
 public:
  WholeChat(ReplyHead head, std::size_t choices) : head_(std::move(head)), choices_(choices) {}

  std::string event(std::size_t index, chat::Event event) override {
    auto& choice = choices_[index];
    if (auto* delta = std::get_if<engine::Delta>(&event)) {
      engine::append(choice.answer, *delta);
    } else if (auto* cited = std::get_if<chat::Cited>(&event)) {
      const auto at = utf8_length(std::string_view(choice.answer.content).substr(0, cited->citation.answer_end));
      choice.annotations.push_back(annotation(*cited, at));
    } else {
      choice.answer.finish = std::get<engine::Finish>(event);
      count(choice.answer.finish);
    }
    return {};
  }

  std::string end() override {
    json::array choices;
    for (std::size_t i = 0; i < choices_.size(); ++i)
      choices.push_back({{"index", i}, {"message", message(choices_[i])}, {"logprobs", logprobs_of(choices_[i].answer.logprobs)},
                         {"finish_reason", finish_text(choices_[i].answer.finish.reason)}});
    auto body = envelope(head_, "chat.completion", std::move(choices));
    body["usage"] = usage_object(usage());
    if (head_.grounding) body["siyu"] = json::object{{"mode", to_json(*head_.grounding)}};
    return json::serialize(body);
  }
  bool streams() const override { return false; }

 private:
  struct Choice {
    engine::Generation answer;
    json::array annotations;
  };

  json::object message(Choice& choice) const {
    auto& answer = choice.answer;
    json::object message{{"role", "assistant"}, {"content", nullptr}, {"refusal", nullptr}};
    if (!answer.content.empty() || answer.tool_calls.empty()) message["content"] = answer.content;
    if (!answer.reasoning.empty()) message["reasoning_content"] = answer.reasoning;
    if (!answer.tool_calls.empty()) {
      json::array calls;
      for (const auto& call : answer.tool_calls)
        calls.push_back({{"id", call.id}, {"type", "function"}, {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
      message["tool_calls"] = std::move(calls);
    }
    message["annotations"] = std::move(choice.annotations);
    return message;
  }

  const ReplyHead head_;
  std::vector<Choice> choices_;
};

class StreamedChat final : public ReplyWriter {
 public:
  StreamedChat(ReplyHead head, std::size_t choices, bool include_usage, bool logprobs)
      : head_(std::move(head)), choices_(choices), include_usage_(include_usage), logprobs_(logprobs) {
    auto empty = json::serialize(envelope(head_, "chat.completion.chunk", {}));
    beginning_ = "data: " + empty.substr(0, empty.size() - 2) + R"({"index":)";
  }

  std::string event(std::size_t index, chat::Event event) override {
    auto& choice = choices_[index];
    std::string text;
    if (!choice.begun) text = chunk(index, R"({"role":"assistant","content":""})", nullptr, nullptr);
    choice.begun = true;
    if (auto* delta = std::get_if<engine::Delta>(&event)) {
      choice.text += head_.grounding ? delta->content : "";
      return text + write(index, *delta);
    }
    if (auto* cited = std::get_if<chat::Cited>(&event)) {
      const auto at = utf8_length(std::string_view(choice.text).substr(0, cited->citation.answer_end));
      choice.annotations.push_back(annotation(*cited, at));
      return text;
    }
    const auto& finish = std::get<engine::Finish>(event);
    count(finish);
    json::object delta;  // all citations at once: clients keep the last list they see
    if (!choice.annotations.empty()) delta["annotations"] = std::move(choice.annotations);
    return text + chunk(index, json::serialize(delta), nullptr, finish_text(finish.reason), /*last=*/true);
  }

  std::string end() override {
    std::string text;
    if (include_usage_) {
      auto body = envelope(head_, "chat.completion.chunk", {});
      body["usage"] = usage_object(usage());
      text = net::sse_event(json::serialize(body));
    }
    return text + net::sse_event("[DONE]");
  }
  bool streams() const override { return true; }

 private:
  struct Choice {
    bool begun = false;
    std::string text;  // of grounded answers only, whose citations count its characters
    json::array annotations;
  };

  std::string write(std::size_t index, const engine::Delta& delta) {
    if (!delta.content.empty() && delta.reasoning.empty() && delta.tool_calls.empty() && delta.logprobs.empty()) {  // nearly all are this
      std::string only = R"({"content":)";
      append_json_string(only, delta.content);
      only += '}';
      return chunk(index, only, nullptr, nullptr);
    }
    json::object out;
    if (!delta.content.empty()) out["content"] = delta.content;
    if (!delta.reasoning.empty()) out["reasoning_content"] = delta.reasoning;
    if (!delta.tool_calls.empty()) {
      json::array calls;
      for (const auto& call : delta.tool_calls) {
        json::object one{{"index", call.index}};
        if (!call.id.empty()) one["id"] = call.id;
        if (!call.id.empty()) one["type"] = "function";
        json::object function;
        if (!call.name.empty()) function["name"] = call.name;
        function["arguments"] = call.arguments;
        one["function"] = std::move(function);
        calls.push_back(std::move(one));
      }
      out["tool_calls"] = std::move(calls);
    }
    if (out.empty() && delta.logprobs.empty()) return {};
    return chunk(index, json::serialize(out), logprobs_ ? logprobs_of(delta.logprobs) : nullptr, nullptr);
  }

  /// One event. What is the same in all of them is written once.
  std::string chunk(std::size_t index, std::string_view delta, const json::value& logprobs, const json::value& finish, bool last = false) const {
    std::string text;
    text.reserve(beginning_.size() + delta.size() + 96);
    text += beginning_;
    text += std::to_string(index);
    text += R"(,"delta":)";
    text += delta;
    text += R"(,"logprobs":)";
    text += logprobs.is_null() ? "null" : json::serialize(logprobs);
    text += R"(,"finish_reason":)";
    text += finish.is_null() ? "null" : json::serialize(finish);
    text += "}]";
    if (include_usage_) text += R"(,"usage":null)";
    if (last && head_.grounding) text += R"(,"siyu":)" + json::serialize(json::object{{"mode", to_json(*head_.grounding)}});
    text += "}\n\n";
    return text;
  }

  const ReplyHead head_;
  std::string beginning_;  // of every event, up to the choice's index
  std::vector<Choice> choices_;
  const bool include_usage_, logprobs_;
};

class WholeAsk final : public ReplyWriter {
 public:
  WholeAsk(ReplyHead head, std::function<double()> milliseconds) : head_(std::move(head)), milliseconds_(std::move(milliseconds)) {}

  std::string event(std::size_t, chat::Event event) override {
    if (auto* delta = std::get_if<engine::Delta>(&event)) body_.answer += delta->content;
    if (auto* cited = std::get_if<chat::Cited>(&event)) body_.citations.push_back(to_body(cited->citation, cited->base));
    if (auto* finish = std::get_if<engine::Finish>(&event)) count(*finish);
    return {};
  }
  std::string end() override {
    body_.mode = head_.grounding.value_or(knowledge::AnswerMode::kNone);
    body_.model = head_.model;
    body_.milliseconds = milliseconds_();
    return to_json_text(body_);
  }
  bool streams() const override { return false; }

 private:
  const ReplyHead head_;
  const std::function<double()> milliseconds_;
  AnswerBody body_;
};

}  // namespace

std::unique_ptr<ReplyWriter> whole_chat(ReplyHead head, std::size_t choices) { return std::make_unique<WholeChat>(std::move(head), choices); }
std::unique_ptr<ReplyWriter> streamed_chat(ReplyHead head, std::size_t choices, bool include_usage, bool logprobs) {
  return std::make_unique<StreamedChat>(std::move(head), choices, include_usage, logprobs);
}
std::unique_ptr<ReplyWriter> whole_ask(ReplyHead head, std::function<double()> milliseconds) {
  return std::make_unique<WholeAsk>(std::move(head), std::move(milliseconds));
}

}  // namespace siyu::api
