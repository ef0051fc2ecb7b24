// /v1/chat/completions, answered from knowledge bases in the documents' own words.
#include <deque>

#include "api/call.h"
#include "api/knowledge_bodies.h"
#include "api/openai_requests.h"
#include "routes.gen.h"

namespace siyu::api {
namespace {

constexpr std::size_t kMaxBases = 16;

struct Grounded {
  knowledge::Answer answer;
  std::string base;
  std::string id;
  std::string model;
  std::int64_t created = 0;
};

/// Chunks that are ready already.
class ReadyStream final : public net::BodyStream {
 public:
  explicit ReadyStream(std::deque<std::string> chunks) : chunks_(std::move(chunks)) {}
  void pull(Ready ready) override {
    if (chunks_.empty()) return ready(std::optional<std::string>());
    auto chunk = std::move(chunks_.front());
    chunks_.pop_front();
    ready(std::optional(std::move(chunk)));
  }
  void cancel() noexcept override {}

 private:
  std::deque<std::string> chunks_;
};

Result<std::string> text_of(const json::value& content) {
  if (content.is_string()) return std::string(content.get_string());
  if (!content.is_array()) return invalid("`content` must be text or an array of text parts");
  std::string text;
  for (const auto& part : content.get_array()) {
    const auto* object = part.if_object();
    const auto* piece = object == nullptr ? nullptr : object->if_contains("text");
    if (piece == nullptr || !piece->is_string()) return fail(ErrorCode::kUnsupported, "Only text parts are supported in `content`");
    text += piece->get_string();
  }
  return text;
}

Result<std::string> last_question(const std::vector<openai::Message>& messages) {
  for (auto message = messages.rbegin(); message != messages.rend(); ++message) {
    if (message->role != "user" || !message->content) continue;
    ASSIGN_OR_RETURN(auto text, text_of(*message->content));
    if (trim(text).empty()) break;
    return text;
  }
  return invalid("`messages` needs a user message with text");
}

/// Says so in the question's own script when nothing was found.
std::string nothing_found(std::string_view question) {
  const bool chinese = question.size() > utf8_length(question) * 3 / 2;
  return chinese ? "在所选知识库中没有找到相关内容。" : "Nothing relevant was found in the selected knowledge bases.";
}

/// The best of the bases' answers.
Status answer_from(Call& call, const std::vector<std::string>& bases, const std::string& question, Grounded& grounded) {
  double best = -1;
  for (const auto& base : bases) {
    ASSIGN_OR_RETURN(auto answer, call.services.knowledge.answer_extractively(*call.pass, base, question));
    const double score = answer.citations.empty() ? -1 : answer.citations[0].passage.score;
    if (score <= best) continue;
    best = score;
    grounded.answer = std::move(answer);
    grounded.base = base;
  }
  if (grounded.answer.mode == knowledge::AnswerMode::kNone) grounded.answer.text = nothing_found(question);
  return {};
}

json::array annotations(const Grounded& grounded) {
  json::array all;
  for (const auto& citation : grounded.answer.citations) {
    const auto index = utf8_length(std::string_view(grounded.answer.text).substr(0, citation.answer_end));
    all.push_back({{"type", "file_citation"},
                   {"file_citation",
                    {{"file_id", citation.passage.document_id.str()}, {"filename", citation.passage.document}, {"index", index}, {"siyu", to_json(to_body(citation, grounded.base))}}}});
  }
  return all;
}

json::object usage() { return {{"prompt_tokens", 0}, {"completion_tokens", 0}, {"total_tokens", 0}}; }  // no model took part

json::object envelope(const Grounded& grounded, std::string_view object, json::array choices) {
  return {{"id", grounded.id}, {"object", object}, {"created", grounded.created}, {"model", grounded.model}, {"choices", std::move(choices)}};
}

json::object grounding(const Grounded& grounded) { return {{"mode", to_json(grounded.answer.mode)}}; }

net::Response whole(const Grounded& grounded) {
  json::object message{{"role", "assistant"}, {"content", grounded.answer.text}, {"refusal", nullptr}, {"annotations", annotations(grounded)}};
  auto body = envelope(grounded, "chat.completion", {{{"index", 0}, {"message", std::move(message)}, {"logprobs", nullptr}, {"finish_reason", "stop"}}});
  body["usage"] = usage();
  body["siyu"] = grounding(grounded);
  return net::json_response(200, json::serialize(body));
}

std::string chunk(const Grounded& grounded, json::object delta, const json::value& finish_reason) {
  const auto body = envelope(grounded, "chat.completion.chunk", {{{"index", 0}, {"delta", std::move(delta)}, {"logprobs", nullptr}, {"finish_reason", finish_reason}}});
  return net::sse_event(json::serialize(body));
}

net::Response streamed(const Grounded& grounded, bool include_usage) {
  std::deque<std::string> chunks;
  chunks.push_back(chunk(grounded, {{"role", "assistant"}, {"content", ""}}, nullptr));
  for (const auto& span : split_sentences(grounded.answer.text)) {
    const auto begin = chunks.size() == 1 ? 0 : span.begin;
    auto end = grounded.answer.text.find_first_not_of('\n', span.end);  // newlines between sentences travel with the first
    if (end == std::string::npos) end = grounded.answer.text.size();
    chunks.push_back(chunk(grounded, {{"content", grounded.answer.text.substr(begin, end - begin)}}, nullptr));
  }
  auto last = envelope(grounded, "chat.completion.chunk",
                       {{{"index", 0}, {"delta", {{"annotations", annotations(grounded)}}}, {"logprobs", nullptr}, {"finish_reason", "stop"}}});
  last["siyu"] = grounding(grounded);
  chunks.push_back(net::sse_event(json::serialize(last)));
  if (include_usage) {
    auto figures = envelope(grounded, "chat.completion.chunk", {});
    figures["usage"] = usage();
    chunks.push_back(net::sse_event(json::serialize(figures)));
  }
  chunks.push_back(net::sse_event("[DONE]"));
  net::Response response{.status = 200, .headers = {}, .body = std::make_unique<ReadyStream>(std::move(chunks))};
  response.headers.add("Content-Type", "text/event-stream; charset=utf-8");
  response.headers.add("Cache-Control", "no-cache");
  return response;
}

}  // namespace

namespace handlers {

Reply create_chat_completion(Call& call) {
  ASSIGN_OR_RETURN(const auto body, from_json_text<openai::ChatCompletionRequest>(call.request.body));
  if (!body.knowledge || body.knowledge->empty()) return fail(ErrorCode::kUnsupported, "No chat model is loaded; name knowledge bases in `knowledge` to answer from documents");
  if (body.knowledge->size() > kMaxBases) return invalid("`knowledge` may name at most 16 knowledge bases");
  ASSIGN_OR_RETURN(const auto question, last_question(body.messages));
  OsRandom random;
  Grounded grounded{.answer = {}, .base = {}, .id = new_id_text("chatcmpl", call.services.clock, random), .model = body.model.value_or("siyu-extractive"),
                    .created = to_unix_millis(call.services.clock.now()) / 1000};
  RETURN_IF_ERROR(answer_from(call, *body.knowledge, question, grounded));
  if (!body.stream.value_or(false)) return whole(grounded);
  return streamed(grounded, body.stream_options && body.stream_options->include_usage.value_or(false));
}

}  // namespace handlers
}  // namespace siyu::api
