#include "rpc/convert.h"

#include "base/bytes.h"
#include "engine/picture.h"
#include "siyu.pb.h"

namespace siyu::rpc {
namespace {

Result<engine::Role> to_role(v1::Role role) {
  switch (role) {
    case v1::ROLE_SYSTEM: return engine::Role::kSystem;
    case v1::ROLE_USER: return engine::Role::kUser;
    case v1::ROLE_ASSISTANT: return engine::Role::kAssistant;
    case v1::ROLE_TOOL: return engine::Role::kTool;
    default: return invalid("`messages.role` must be one of ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT and ROLE_TOOL");
  }
}

Result<engine::ToolChoice> to_choice(const v1::ChatRequest& request) {
  if (!request.tool_name().empty()) return engine::ToolChoice::kNamed;
  switch (request.tool_choice()) {
    case v1::TOOL_CHOICE_AUTO: return engine::ToolChoice::kAuto;
    case v1::TOOL_CHOICE_NONE: return engine::ToolChoice::kNone;
    case v1::TOOL_CHOICE_REQUIRED: return engine::ToolChoice::kRequired;
    default: return invalid("`tool_choice` must be one of TOOL_CHOICE_AUTO, TOOL_CHOICE_NONE and TOOL_CHOICE_REQUIRED");
  }
}

v1::FinishReason to_proto(engine::FinishReason reason) {
  switch (reason) {
    case engine::FinishReason::kStop: return v1::FINISH_REASON_STOP;
    case engine::FinishReason::kLength: return v1::FINISH_REASON_LENGTH;
    case engine::FinishReason::kToolCalls: return v1::FINISH_REASON_TOOL_CALLS;
    case engine::FinishReason::kContentFilter: return v1::FINISH_REASON_CONTENT_FILTER;
  }
  return v1::FINISH_REASON_STOP;
}

void read_sampling(const v1::Sampling& in, engine::Sampling& out) {
  if (in.has_temperature()) out.temperature = in.temperature();
  if (in.has_top_p()) out.top_p = in.top_p();
  if (in.has_top_k()) out.top_k = in.top_k();
  if (in.has_min_p()) out.min_p = in.min_p();
  if (in.has_presence_penalty()) out.presence_penalty = in.presence_penalty();
  if (in.has_frequency_penalty()) out.frequency_penalty = in.frequency_penalty();
  if (in.has_repetition_penalty()) out.repetition_penalty = in.repetition_penalty();
  if (in.has_seed()) out.seed = in.seed();
  out.logit_bias.insert(in.logit_bias().begin(), in.logit_bias().end());
}

void read_generation(const v1::Generation& in, engine::GenerateRequest& out) {
  read_sampling(in.sampling(), out.sampling);
  if (in.has_max_tokens()) out.max_tokens = in.max_tokens();
  out.stop.assign(in.stop().begin(), in.stop().end());
  out.logprobs = in.logprobs();
  out.top_logprobs = in.top_logprobs();
  out.priority = in.priority();
}

Result<engine::Message> to_message(const v1::Message& in) {
  engine::Message out{.content = in.content(), .reasoning_content = in.reasoning(), .name = in.name(), .tool_call_id = in.tool_call_id()};
  ASSIGN_OR_RETURN(out.role, to_role(in.role()));
  for (const auto& call : in.tool_calls()) out.tool_calls.push_back({.id = call.id(), .name = call.name(), .arguments = call.arguments().empty() ? "{}" : call.arguments()});
  for (const auto& file : in.pictures()) {
    ASSIGN_OR_RETURN(auto picture, engine::read_picture(to_base64(as_bytes(file))));
    out.images.push_back(std::move(picture));
  }
  return out;
}

void read_format(const v1::ChatRequest& in, engine::GenerateRequest& out) {
  if (in.has_json_schema()) {
    out.response_format = engine::ResponseFormat::kJsonSchema;
    out.json_schema = in.json_schema();
    out.json_schema_name = "answer";
  } else if (in.json_object()) {
    out.response_format = engine::ResponseFormat::kJsonObject;
  }
}

void write(const engine::Delta& delta, v1::Delta& out) {
  out.set_content(delta.content);
  out.set_reasoning(delta.reasoning);
  for (const auto& call : delta.tool_calls) {
    auto& one = *out.add_tool_calls();
    one.set_index(call.index);
    one.set_id(call.id);
    one.set_name(call.name);
    one.set_arguments(call.arguments);
  }
  for (const auto& token : delta.logprobs) {
    auto& one = *out.add_logprobs();
    one.set_token(token.token);
    one.set_logprob(token.logprob);
    for (const auto& other : token.top) {
      auto& top = *one.add_top();
      top.set_token(other.token);
      top.set_logprob(other.logprob);
    }
  }
}

void write(const chat::Cited& cited, v1::Citation& out) {
  out.set_number(cited.citation.number);
  out.set_knowledge_base(cited.base);
  rpc::write(cited.citation.passage, *out.mutable_passage());
  out.set_answer_start(cited.citation.answer_start);
  out.set_answer_end(cited.citation.answer_end);
}

void write(const engine::Finish& finish, v1::Finish& out) {
  out.set_reason(to_proto(finish.reason));
  auto& usage = *out.mutable_usage();
  usage.set_prompt_tokens(finish.usage.prompt_tokens);
  usage.set_completion_tokens(finish.usage.completion_tokens);
  usage.set_cached_tokens(finish.usage.cached_tokens);
}

}  // namespace

Result<chat::Request> to_chat(const v1::ChatRequest& in) {
  chat::Request out{.model = in.model(), .generate = {}, .knowledge = {in.knowledge().begin(), in.knowledge().end()}};
  auto& generate = out.generate;
  for (const auto& message : in.messages()) {
    ASSIGN_OR_RETURN(auto converted, to_message(message));
    generate.messages.push_back(std::move(converted));
  }
  for (const auto& tool : in.tools()) generate.tools.push_back({.name = tool.name(), .description = tool.description(), .parameters = tool.parameters()});
  ASSIGN_OR_RETURN(generate.tool_choice, to_choice(in));
  generate.tool_name = in.tool_name();
  if (in.has_parallel_tool_calls()) generate.parallel_tool_calls = in.parallel_tool_calls();
  if (in.has_thinking()) generate.enable_thinking = in.thinking();
  if (in.has_reasoning_tokens()) generate.reasoning_tokens = in.reasoning_tokens();
  read_format(in, generate);
  read_generation(in.generation(), generate);
  RETURN_IF_ERROR(engine::validate(generate));
  return out;
}

Result<engine::GenerateRequest> to_generate(const v1::CompleteRequest& in) {
  engine::GenerateRequest out;
  if (in.has_tokens()) {
    out.prompt_kind = engine::PromptKind::kTokens;
    out.prompt_tokens.assign(in.tokens().ids().begin(), in.tokens().ids().end());
  } else {
    out.prompt_kind = engine::PromptKind::kText;
    out.prompt = in.text();
  }
  out.echo = in.echo();
  read_generation(in.generation(), out);
  RETURN_IF_ERROR(engine::validate(out));
  return out;
}

Result<engine::EmbedRequest> to_embed(const v1::EmbedRequest& in) {
  engine::EmbedRequest out{.texts = {in.texts().begin(), in.texts().end()}, .tokens = {}};
  for (const auto& tokens : in.tokens()) out.tokens.emplace_back(tokens.ids().begin(), tokens.ids().end());
  if (out.texts.empty() && out.tokens.empty()) return invalid("`texts` is empty");
  if (out.texts.size() > engine::kMaxEmbedTexts || out.tokens.size() > engine::kMaxEmbedTexts)
    return invalid("`texts` may hold at most " + std::to_string(engine::kMaxEmbedTexts) + " texts");
  return out;
}

void write(const chat::Event& event, v1::ChatEvent& out) {
  out.Clear();
  if (const auto* delta = std::get_if<engine::Delta>(&event)) write(*delta, *out.mutable_delta());
  else if (const auto* cited = std::get_if<chat::Cited>(&event)) write(*cited, *out.mutable_citation());
  else write(std::get<engine::Finish>(event), *out.mutable_finish());
}

void write(const knowledge::Passage& passage, v1::Passage& out) {
  out.set_document_id(passage.document_id.str());
  out.set_document(passage.document);
  out.set_title(passage.title);
  out.set_heading(passage.heading);
  out.set_page(passage.page);
  out.set_start(passage.start);
  out.set_end(passage.end);
  out.set_text(passage.text);
  out.set_score(passage.score);
}

}  // namespace siyu::rpc
