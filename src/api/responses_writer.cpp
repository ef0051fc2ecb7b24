#include "api/responses_writer.h"

#include "api/knowledge_bodies.h"
#include "api/writer_parts.h"

namespace siyu::api::responses {
namespace {

json::object usage_of(const engine::Usage& usage) {
  return {{"input_tokens", usage.prompt_tokens}, {"input_tokens_details", {{"cached_tokens", usage.cached_tokens}, {"cache_write_tokens", 0}}},
          {"output_tokens", usage.completion_tokens}, {"output_tokens_details", {{"reasoning_tokens", usage.reasoning_tokens}}},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
}

json::array logprobs_of(const std::vector<engine::TokenLogprob>& tokens) {
  json::array out;
  for (const auto& token : tokens) {
    auto one = token_object(token.token, token.logprob);
    json::array top;
    for (const auto& other : token.top) top.push_back(token_object(other.token, other.logprob));
    one["top_logprobs"] = std::move(top);
    out.push_back(std::move(one));
  }
  return out;
}

std::string_view error_code(ErrorCode code) {
  if (code == ErrorCode::kInvalidArgument || code == ErrorCode::kTooLarge) return "invalid_prompt";
  return code == ErrorCode::kResourceExhausted ? "rate_limit_exceeded" : "server_error";
}

constexpr std::string_view kPrefixes[] = {"rs_", "msg_", "fc_"};

}  // namespace

ResponseWriter::ResponseWriter(json::object frame, bool events, bool logprobs)
    : frame_(std::move(frame)), id_(frame_.at("id").get_string()), events_wanted_(events), logprobs_(logprobs) {}

void ResponseWriter::emit(std::string_view type, json::object fields) {
  if (!events_wanted_) return;
  json::object event{{"type", type}, {"sequence_number", sequence_++}};
  for (auto& field : fields) event.emplace(field.key(), std::move(field.value()));
  events_.push_back(named_event(event));
}

void ResponseWriter::emit_response(std::string_view type) {
  if (events_wanted_) emit(type, {{"response", body()}});
}

void ResponseWriter::begin(bool queued) {
  if (queued) frame_["status"] = "queued";
  emit_response("response.created");
  if (queued) emit_response("response.queued");
  frame_["status"] = "in_progress";
  emit_response("response.in_progress");
}

void ResponseWriter::event(chat::Event event) {
  if (auto* delta = std::get_if<engine::Delta>(&event)) {
    if (!delta->reasoning.empty()) append(Item::Kind::kReasoning, delta->reasoning);
    auto logprobs = logprobs_ ? logprobs_of(delta->logprobs) : json::array();
    if (!delta->content.empty() || !logprobs.empty()) append(Item::Kind::kMessage, delta->content, std::move(logprobs));
    for (const auto& call : delta->tool_calls) add_call_piece(call);
  } else if (auto* cited = std::get_if<chat::Cited>(&event)) {
    cite(*cited);
  } else {
    finish_ = std::get<engine::Finish>(event);
    finished_ = true;
  }
}

/// Where the open item stands, as its events say it.
json::object ResponseWriter::place() const {
  json::object place{{"item_id", items_.back().id}, {"output_index", items_.size() - 1}};
  if (items_.back().kind != Item::Kind::kCall) place["content_index"] = 0;
  return place;
}

json::object ResponseWriter::part_of(const Item& item) {
  if (item.kind == Item::Kind::kReasoning) return {{"type", "reasoning_text"}, {"text", item.text}};
  return {{"type", "output_text"}, {"text", item.text}, {"annotations", item.annotations}, {"logprobs", item.logprobs}};
}

json::object ResponseWriter::item_object(const Item& item) {
  json::object out{{"id", item.id}, {"status", item.status}};
  // An item that has just been opened has no parts yet.
  const auto content = item.text.empty() && item.status == "in_progress" ? json::array() : json::array{part_of(item)};
  switch (item.kind) {
    case Item::Kind::kReasoning:
      out["type"] = "reasoning";
      out["summary"] = json::array();
      out["content"] = content;
      break;
    case Item::Kind::kMessage:
      out["type"] = "message";
      out["role"] = "assistant";
      out["content"] = content;
      break;
    case Item::Kind::kCall:
      out["type"] = "function_call";
      out["call_id"] = item.call_id;
      out["name"] = item.name;
      out["arguments"] = item.text;
      break;
  }
  return out;
}

void ResponseWriter::open(Item::Kind kind, const engine::ToolCallDelta& call) {
  close("completed");
  const auto tail = id_.substr(id_.find('_') + 1);
  items_.push_back({.kind = kind, .id = std::string(kPrefixes[static_cast<int>(kind)]) + tail + "_" + std::to_string(items_.size()), .call_id = call.id,
                    .name = call.name, .call = call.index});
  if (!events_wanted_) return;
  emit("response.output_item.added", {{"output_index", items_.size() - 1}, {"item", item_object(items_.back())}});
  if (kind == Item::Kind::kCall) return;
  auto added = place();
  added["part"] = part_of(items_.back());
  emit("response.content_part.added", std::move(added));
}

void ResponseWriter::close(std::string_view status) {
  if (items_.empty() || items_.back().status != "in_progress") return;
  auto& item = items_.back();
  item.status = status;
  if (!events_wanted_) return;
  auto done = place();
  if (item.kind == Item::Kind::kCall) {
    done["arguments"] = item.text;
    done["name"] = item.name;
    emit("response.function_call_arguments.done", std::move(done));
  } else {
    auto part = done;
    part["part"] = part_of(item);
    done["text"] = item.text;
    if (item.kind == Item::Kind::kMessage) done["logprobs"] = item.logprobs;
    emit(item.kind == Item::Kind::kMessage ? "response.output_text.done" : "response.reasoning_text.done", std::move(done));
    emit("response.content_part.done", std::move(part));
  }
  emit("response.output_item.done", {{"output_index", items_.size() - 1}, {"item", item_object(item)}});
}

void ResponseWriter::append(Item::Kind kind, const std::string& piece, json::array logprobs) {
  if (!writing(kind)) open(kind, {});
  auto& item = items_.back();
  item.text += piece;
  for (const auto& one : logprobs) item.logprobs.push_back(one);
  if (!events_wanted_) return;
  auto delta = place();
  delta["delta"] = piece;
  if (kind == Item::Kind::kMessage) delta["logprobs"] = std::move(logprobs);
  emit(kind == Item::Kind::kMessage ? "response.output_text.delta" : "response.reasoning_text.delta", std::move(delta));
}

void ResponseWriter::add_call_piece(const engine::ToolCallDelta& call) {
  if (!writing(Item::Kind::kCall) || items_.back().call != call.index) {
    if (call.name.empty()) return;  // a late piece of a call that is closed; no engine of ours sends one
    open(Item::Kind::kCall, call);
  }
  if (call.arguments.empty()) return;
  items_.back().text += call.arguments;
  if (!events_wanted_) return;
  auto delta = place();
  delta["delta"] = call.arguments;
  emit("response.function_call_arguments.delta", std::move(delta));
}

void ResponseWriter::cite(const chat::Cited& cited) {
  if (!writing(Item::Kind::kMessage)) return;
  auto& item = items_.back();
  const auto& passage = cited.citation.passage;
  const auto at = utf8_length(std::string_view(item.text).substr(0, cited.citation.answer_end));
  json::object annotation{{"type", "file_citation"}, {"file_id", passage.document_id.str()}, {"filename", passage.document}, {"index", at},
                          {"siyu", to_json(to_body(cited.citation, cited.base))}};
  item.annotations.push_back(annotation);
  if (!events_wanted_) return;
  auto added = place();
  added["annotation_index"] = item.annotations.size() - 1;
  added["annotation"] = std::move(annotation);
  emit("response.output_text.annotation.added", std::move(added));
}

void ResponseWriter::finish(std::int64_t now) {
  const bool cut = finish_.reason == engine::FinishReason::kLength, filtered = finish_.reason == engine::FinishReason::kContentFilter;
  close(cut || filtered ? "incomplete" : "completed");
  frame_["status"] = cut || filtered ? "incomplete" : "completed";
  if (cut || filtered) frame_["incomplete_details"] = json::object{{"reason", cut ? "max_output_tokens" : "content_filter"}};
  else frame_["completed_at"] = now;
  emit_response(cut || filtered ? "response.incomplete" : "response.completed");
}

void ResponseWriter::fail(const Error& error, bool cancelled) {
  close("incomplete");
  frame_["status"] = cancelled ? "cancelled" : "failed";
  if (!cancelled) frame_["error"] = json::object{{"code", error_code(error.code)}, {"message", error.message}};
  emit_response("response.failed");
}

json::object ResponseWriter::body() const {
  auto body = frame_;
  json::array output;
  for (const auto& item : items_) output.push_back(item_object(item));
  body["output"] = std::move(output);
  if (finished_) body["usage"] = usage_of(finish_.usage);
  return body;
}

}  // namespace siyu::api::responses
