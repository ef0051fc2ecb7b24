#include "chat/chat.h"

#include <algorithm>

#include "chat/grounding.h"

namespace siyu::chat {
namespace {

std::deque<Event> events_of(const knowledge::Answer& answer, const std::string& base) {
  std::deque<Event> events;
  std::size_t written = 0;
  for (const auto& citation : answer.citations) {
    // Newlines between quotes travel with the one they follow.
    const auto next = answer.text.find_first_not_of('\n', citation.answer_end);
    const auto end = next == std::string::npos ? answer.text.size() : next;
    events.emplace_back(engine::Delta{.content = answer.text.substr(written, end - written)});
    events.emplace_back(Cited{.citation = citation, .base = base});
    written = end;
  }
  events.emplace_back(engine::Finish{});
  return events;
}

Answer nothing_relevant(std::string model, const std::string& question) {
  std::deque<Event> events;
  events.emplace_back(engine::Delta{.content = std::string(nothing_found_text(question))});
  events.emplace_back(engine::Finish{});
  return {.model = std::move(model), .grounding = knowledge::AnswerMode::kNone, .stream = ready(std::move(events))};
}

}  // namespace

Result<std::string> question_of(const std::vector<engine::Message>& messages) {
  for (auto message = messages.rbegin(); message != messages.rend(); ++message) {
    if (message->role != engine::Role::kUser) continue;
    if (trim(message->content).empty()) break;
    return message->content;
  }
  return invalid("`messages` needs a user message with text");
}

Result<Answer> Chat::answer(const Pass& pass, Request request) {
  if (request.knowledge.empty()) {
    ASSIGN_OR_RETURN(const auto served, gateway_.route(pass, request.model, serving::Kind::kChat, request.call));
    return generate(served, std::move(request));
  }
  if (request.knowledge.size() > kMaxBases) return invalid("`knowledge` may name at most 16 knowledge bases");
  ASSIGN_OR_RETURN(const auto question, question_of(request.generate.messages));
  const bool asked_to_quote = request.mode == Mode::kExtractive || request.model == kExtractiveModel;
  if (asked_to_quote) return extract(pass, request, question);
  // Without any chat model quotes are the next best, whatever name the client was set up with.
  if (request.mode == Mode::kAuto && !gateway_.serves(serving::Kind::kChat)) return extract(pass, request, question);
  ASSIGN_OR_RETURN(const auto served, gateway_.route(pass, request.model, serving::Kind::kChat));
  return ground(pass, served, std::move(request), question);
}

Result<Answer> Chat::generate(const serving::Served& served, Request request) {
  ASSIGN_OR_RETURN(auto generation, served.engine->generate(std::move(request.generate)));
  return Answer{.model = served.name, .grounding = {}, .stream = plain(std::move(generation))};
}

/// The best of the bases' answers.
Result<Answer> Chat::extract(const Pass& pass, const Request& request, const std::string& question) {
  knowledge::Answer best;
  std::string best_base;
  double best_score = -1;
  for (const auto& base : request.knowledge) {
    ASSIGN_OR_RETURN(auto answer, knowledge_.answer_extractively(pass, base, question));
    if (answer.citations.empty() || answer.citations[0].passage.score <= best_score) continue;
    best_score = answer.citations[0].passage.score;
    best = std::move(answer);
    best_base = base;
  }
  if (best.mode == knowledge::AnswerMode::kNone) return nothing_relevant(std::string(kExtractiveModel), question);
  return Answer{.model = std::string(kExtractiveModel), .grounding = best.mode, .stream = ready(events_of(best, best_base))};
}

Result<std::vector<Source>> Chat::find(const Pass& pass, const std::vector<std::string>& bases, const std::string& question) {
  std::vector<Source> sources;
  for (const auto& base : bases) {
    ASSIGN_OR_RETURN(auto found, knowledge_.find_relevant(pass, base, question, passages_));
    for (auto& passage : found.passages) sources.push_back({.passage = std::move(passage), .base = base});
  }
  std::ranges::stable_sort(sources, std::ranges::greater{}, [](const Source& source) { return source.passage.score; });
  if (sources.size() > passages_) sources.erase(sources.begin() + static_cast<std::ptrdiff_t>(passages_), sources.end());
  return sources;
}

Result<Answer> Chat::ground(const Pass& pass, const serving::Served& served, Request request, const std::string& question) {
  for (const auto& base : request.knowledge) {
    ASSIGN_OR_RETURN(const auto version, knowledge_.version(pass, base));
    request.call.knowledge.push_back({.base = version.id.str(), .version = version.version});
  }
  ASSIGN_OR_RETURN(auto sources, find(pass, request.knowledge, question));
  if (sources.empty()) return nothing_relevant(served.name, question);
  ASSIGN_OR_RETURN(auto generate, fit_into_context(*served.engine, std::move(request.generate), sources, question));
  ASSIGN_OR_RETURN(const auto bound, gateway_.route(pass, served.name, serving::Kind::kChat, request.call));
  ASSIGN_OR_RETURN(auto generation, bound.engine->generate(std::move(generate)));
  return Answer{.model = served.name, .grounding = knowledge::AnswerMode::kGenerative,
                .stream = with_citations(std::move(generation), std::move(sources))};
}

}  // namespace siyu::chat
