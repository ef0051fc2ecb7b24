#include "mcp/asking.h"

#include "base/text.h"
#include "mcp/uri.h"

namespace siyu::mcp {
namespace {

struct CitationBody {
  int number = 0;
  std::string uri, knowledge_base, document, title;
  int page = 0;
  std::uint64_t start = 0, end = 0, answer_start = 0, answer_end = 0;
  std::string text;
};
BOOST_DESCRIBE_STRUCT(CitationBody, (), (number, uri, knowledge_base, document, title, page, start, end, answer_start, answer_end, text))

struct AskBody {
  std::string answer;
  knowledge::AnswerMode mode = knowledge::AnswerMode::kNone;
  std::string model;
  std::vector<CitationBody> citations;
};
BOOST_DESCRIBE_STRUCT(AskBody, (), (answer, mode, model, citations))

CitationBody to_body(const chat::Cited& cited) {
  const auto& passage = cited.citation.passage;
  return {.number = cited.citation.number, .uri = to_text(ResourceUri{cited.base, passage.document_id}), .knowledge_base = cited.base, .document = passage.document,
          .title = passage.title, .page = passage.page, .start = passage.start, .end = passage.end, .answer_start = cited.citation.answer_start,
          .answer_end = cited.citation.answer_end, .text = passage.text};
}

std::string text_of(const AskBody& body) {
  std::string text = body.answer;
  if (!body.citations.empty()) text += "\n\nSources:";
  for (const auto& citation : body.citations) {
    text += "\n[" + std::to_string(citation.number) + "] " + citation.document;
    if (citation.page > 0) text += ", page " + std::to_string(citation.page);
    text += " <" + citation.uri + ">: \"" + std::string(trim(citation.text)) + "\"";
  }
  return text;
}

}  // namespace

json::object tool_result(const std::string& text, json::object structured) {
  return {{"content", json::array{json::object{{"type", "text"}, {"text", text}}}}, {"structuredContent", std::move(structured)}, {"isError", false}};
}

json::object tool_failure(const std::string& message) {
  return {{"content", json::array{json::object{{"type", "text"}, {"text", message}}}}, {"isError", true}};
}

Asking::Asking(const Parts& parts, chat::Answer answer, std::string request)
    : parts_(parts), request_(std::move(request)), model_(std::move(answer.model)), mode_(answer.grounding.value_or(knowledge::AnswerMode::kNone)),
      deadline_(parts.clock.steady_now() + parts.answer_limit), pump_(std::make_shared<chat::Pump>(std::move(answer.stream))) {}

Asking::~Asking() {
  pump_->cancel();
  end(Error{ErrorCode::kCancelled, "The client has gone"});
}

void Asking::cancel() noexcept { pump_->cancel(); }

void Asking::next(std::size_t enough, Ready ready) {
  pump_->each([self = shared_from_this(), enough, ready = std::move(ready)](Result<std::optional<chat::Event>> event) mutable {
    if (event && *event && self->parts_.clock.steady_now() > self->deadline_)
      event = fail(ErrorCode::kDeadlineExceeded, "The answer took longer than " + std::to_string(self->parts_.answer_limit.count()) + " seconds and was stopped");
    if (!event || !*event) {
      if (!event) self->pump_->cancel();
      self->end(event ? std::nullopt : std::optional(event.error()));
      ready(std::nullopt);
      return false;
    }
    self->take(**std::move(event));
    if (self->answer_.size() - self->handed_over_ < enough) return true;
    auto piece = self->answer_.substr(self->handed_over_);
    self->handed_over_ = self->answer_.size();
    ready(std::move(piece));
    return false;
  });
}

void Asking::take(chat::Event event) {
  if (auto* delta = std::get_if<engine::Delta>(&event)) answer_ += delta->content;
  if (auto* cited = std::get_if<chat::Cited>(&event)) citations_.push_back(std::move(*cited));
  if (auto* finish = std::get_if<engine::Finish>(&event)) usage_ = finish->usage;
}

void Asking::end(std::optional<Error> error) {
  if (std::exchange(ended_, true)) return;
  error_ = std::move(error);
  if (parts_.generated) parts_.generated(model_, usage_, error_.has_value());
}

json::object Asking::result() {
  if (error_) return tool_failure(told(parts_, request_, *error_));
  AskBody body{.answer = answer_, .mode = mode_, .model = model_, .citations = {}};
  for (const auto& cited : citations_) body.citations.push_back(to_body(cited));
  auto text = text_of(body);
  return tool_result(text, siyu::to_json(body).as_object());
}

}  // namespace siyu::mcp
