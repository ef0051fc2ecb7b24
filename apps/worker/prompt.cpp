#include "prompt.h"

#include "engine/picture.h"
#include "json-schema-to-grammar.h"

namespace siyu::worker {
namespace {

using engine::GenerateRequest;
using engine::PromptKind;
using engine::ResponseFormat;
using engine::ToolChoice;

std::string schema_of(const GenerateRequest& request) {
  switch (request.response_format) {
    case ResponseFormat::kText: return {};
    case ResponseFormat::kJsonObject: return R"({"type":"object"})";
    case ResponseFormat::kJsonSchema: return request.json_schema;
  }
  return {};
}

const char* role_name(engine::Role role) {
  switch (role) {
    case engine::Role::kSystem: return "system";
    case engine::Role::kUser: return "user";
    case engine::Role::kAssistant: return "assistant";
    case engine::Role::kTool: return "tool";
  }
  return "user";
}

common_chat_msg to_llama(const engine::Message& message, const std::string& marker) {
  common_chat_msg out;
  out.role = role_name(message.role);
  if (message.images.empty()) out.content = message.content;
  else engine::visit_content(message, [&](std::string text) { out.content_parts.push_back({.type = "text", .text = std::move(text)}); },
                     [&](const engine::Picture&) { out.content_parts.push_back({.type = "media_marker", .text = marker}); });
  out.reasoning_content = message.reasoning_content;
  out.tool_name = message.name;
  out.tool_call_id = message.tool_call_id;
  for (const auto& call : message.tool_calls) out.tool_calls.push_back({.name = call.name, .arguments = call.arguments, .id = call.id});
  return out;
}

void add_tools(const GenerateRequest& request, common_chat_templates_inputs& inputs) {
  if (request.tool_choice == ToolChoice::kNone) {
    inputs.tool_choice = COMMON_CHAT_TOOL_CHOICE_NONE;
    return;
  }
  const bool named = request.tool_choice == ToolChoice::kNamed;
  for (const auto& tool : request.tools) {
    if (named && tool.name != request.tool_name) continue;
    const std::string parameters = tool.parameters.empty() ? R"({"type":"object","properties":{}})" : tool.parameters;
    inputs.tools.push_back({.name = tool.name, .description = tool.description, .parameters = parameters});
  }
  if (named || request.tool_choice == ToolChoice::kRequired) inputs.tool_choice = COMMON_CHAT_TOOL_CHOICE_REQUIRED;
}

common_chat_templates_inputs template_inputs(const Model& model, const GenerateRequest& request) {
  common_chat_templates_inputs inputs;
  const std::string marker = model.eyes() == nullptr ? std::string() : model.eyes()->marker();
  for (const auto& message : request.messages) inputs.messages.push_back(to_llama(message, marker));
  add_tools(request, inputs);
  inputs.json_schema = schema_of(request);
  inputs.use_jinja = true;
  inputs.reasoning_format = COMMON_REASONING_FORMAT_DEEPSEEK;  // reasoning goes into its own field
  inputs.enable_thinking = request.enable_thinking.value_or(true) && request.reasoning_tokens != 0;
  auto caps = common_chat_templates_get_caps(model.templates());
  inputs.parallel_tool_calls = request.parallel_tool_calls.value_or(caps["supports_parallel_tool_calls"]);
  return inputs;
}

/// Control tokens the grammar's triggers and the parser look for must reach them as text.
void take_grammar(const Model& model, const common_chat_params& chat, bool has_tools, PreparedPrompt& out) {
  for (const auto& text : chat.preserved_tokens) {
    const auto ids = model.tokenize(text, false, true);
    if (ids.size() == 1) out.output.preserved_tokens.insert(ids.front());
  }
  out.grammar.preserved_tokens = out.output.preserved_tokens;
  if (chat.grammar.empty()) return;
  out.grammar.grammar = {has_tools ? COMMON_GRAMMAR_TYPE_TOOL_CALLS : COMMON_GRAMMAR_TYPE_OUTPUT_FORMAT, chat.grammar};
  out.grammar.lazy = chat.grammar_lazy;
  out.grammar.generation_prompt = chat.generation_prompt;
  for (const auto& trigger : chat.grammar_triggers) {
    if (trigger.type != COMMON_GRAMMAR_TRIGGER_TYPE_WORD) {
      out.grammar.triggers.push_back(trigger);
      continue;
    }
    const auto ids = model.tokenize(trigger.value, false, true);
    if (ids.size() != 1) {
      out.grammar.triggers.push_back(trigger);
      continue;
    }
    // One token: the trigger is that token, which then must be visible.
    out.grammar.triggers.push_back({.type = COMMON_GRAMMAR_TRIGGER_TYPE_TOKEN, .value = trigger.value, .token = ids.front()});
    out.output.preserved_tokens.insert(ids.front());
    out.grammar.preserved_tokens.insert(ids.front());
  }
}

/// A required call is to come at once: llama.cpp's grammar for it lets a model talk first, without end if it likes. The one
/// for voluntary calls begins with the call; held to from the first token it is what is wanted. A model that reasons
/// first keeps the former.
common_chat_params apply_for_tools(const Model& model, common_chat_templates_inputs& inputs) {
  const bool reasons = model.info().thinking && inputs.enable_thinking;
  if (inputs.tool_choice == COMMON_CHAT_TOOL_CHOICE_REQUIRED && !reasons) {
    inputs.tool_choice = COMMON_CHAT_TOOL_CHOICE_AUTO;
    auto chat = common_chat_templates_apply(model.templates(), inputs);
    if (chat.grammar_lazy && !chat.grammar.empty()) {
      chat.grammar_lazy = false;
      chat.grammar_triggers.clear();
      return chat;
    }
    inputs.tool_choice = COMMON_CHAT_TOOL_CHOICE_REQUIRED;
  }
  return common_chat_templates_apply(model.templates(), inputs);
}

void take_reasoning_limit(const Model& model, const GenerateRequest& request, const common_chat_params& chat, PreparedPrompt& out) {
  if (!request.reasoning_tokens || chat.thinking_start_tag.empty()) return;
  out.reasoning.tokens = *request.reasoning_tokens;
  out.reasoning.begin = model.tokenize(chat.thinking_start_tag, false, true);
  for (const auto& tag : chat.thinking_end_tags)
    if (!tag.empty()) out.reasoning.ends.push_back(model.tokenize(tag, false, true));
  out.grammar.generation_prompt = chat.generation_prompt;  // the template may have begun the reasoning already
}

/// Tokens of the prompt's text; markers in it become the places of the messages' pictures.
Status tokenize_prompt(const Model& model, const GenerateRequest& request, const std::string& text, PreparedPrompt& out) {
  std::vector<const engine::Picture*> pictures;
  for (const auto& message : request.messages)
    for (const auto& picture : message.images) pictures.push_back(&picture);
  if (pictures.empty()) {
    out.tokens = model.tokenize(text, true, true);
    return {};
  }
  ASSIGN_OR_RETURN(auto places, model.eyes()->tokenize(text, pictures));
  out.tokens = std::move(places.tokens);
  out.pictures = std::move(places.pictures);
  // What comes next is read off the last token, which must be one of text.
  if (!is_text(out.tokens.back()))
    for (const auto token : model.tokenize("\n", false, false)) out.tokens.push_back(token);
  if (!is_text(out.tokens.back())) return invalid("The prompt ends with a picture; put a question after it");
  const auto step = static_cast<std::size_t>(model.limits().batch_tokens);
  for (const auto& picture : out.pictures)
    if (model.eyes()->sees_whole() && picture.tokens > step)
      return invalid("A picture takes " + std::to_string(picture.tokens) + " places, and " + std::to_string(step) + " are computed together at most; scale it down");
  return {};
}

Status apply_template(const Model& model, const GenerateRequest& request, PreparedPrompt& out) {
  auto inputs = template_inputs(model, request);
  const common_chat_params chat = apply_for_tools(model, inputs);
  RETURN_IF_ERROR(tokenize_prompt(model, request, chat.prompt, out));
  take_grammar(model, chat, !inputs.tools.empty(), out);
  take_reasoning_limit(model, request, chat, out);
  if (request.tool_choice != ToolChoice::kAuto && inputs.tool_choice == COMMON_CHAT_TOOL_CHOICE_AUTO) out.grammar.generation_prompt.clear();  // it begins with the call
  out.output.stops.insert(out.output.stops.end(), chat.additional_stops.begin(), chat.additional_stops.end());
  if (chat.parser.empty() && chat.generation_prompt.empty()) return {};
  common_chat_parser_params parser(chat);
  parser.reasoning_format = inputs.reasoning_format;
  parser.parse_tool_calls = !inputs.tools.empty();
  out.output.reasoning_ends = chat.thinking_end_tags;
  out.output.one_call = request.parallel_tool_calls == false;
  if (!chat.parser.empty()) parser.parser.load(chat.parser);
  else parser.generation_prompt.clear();
  out.output.parser = std::move(parser);
  return {};
}

/// Without a template of its own the model sees the messages' texts, one after the other, and goes on.
std::string join_plainly(const std::vector<engine::Message>& messages, const std::string& marker) {
  std::string text;
  for (const auto& message : messages) {
    if (message.content.empty() && message.images.empty()) continue;
    if (!text.empty()) text += '\n';
    engine::visit_content(message, [&](const std::string& piece) { text += piece; }, [&](const engine::Picture&) { text += marker; });
  }
  return text;
}

void take_schema(const GenerateRequest& request, PreparedPrompt& out) {
  const std::string schema = schema_of(request);
  if (schema.empty()) return;
  out.grammar.grammar = {COMMON_GRAMMAR_TYPE_OUTPUT_FORMAT, json_schema_to_grammar(common_json::parse(schema))};
}

Status take_tokens(const Model& model, const GenerateRequest& request, PreparedPrompt& out) {
  for (const auto token : request.prompt_tokens)
    if (!model.is_token(token))
      return invalid("The prompt holds token " + std::to_string(token) + "; this model has tokens 0 to " +
                     std::to_string(model.info().vocabulary - 1));
  out.tokens = request.prompt_tokens;
  if (request.echo)
    for (const auto token : request.prompt_tokens) out.echo += model.piece(token, true);
  return {};
}

Status build(const Model& model, const GenerateRequest& request, PreparedPrompt& out) {
  out.output.stops = request.stop;
  if (engine::picture_count(request) > 0 && model.eyes() == nullptr)
    return fail_because(ErrorCode::kInvalidArgument, "model_cannot_see", "The model " + model.info().name + " cannot see pictures; give a vision model its projector, or choose another one");
  if (request.prompt_kind == PromptKind::kChat && model.templates() != nullptr) {
    return apply_template(model, request, out);
  }
  if (!request.tools.empty() && request.tool_choice != ToolChoice::kNone)
    return fail(ErrorCode::kUnsupported, "The model " + model.info().name + " has no chat template and cannot call tools; load a model that can");
  if (request.prompt_kind == PromptKind::kTokens) {
    RETURN_IF_ERROR(take_tokens(model, request, out));
  } else {
    const bool chat = request.prompt_kind == PromptKind::kChat;
    const std::string text = chat ? join_plainly(request.messages, model.eyes() == nullptr ? "" : model.eyes()->marker()) : request.prompt;
    if (chat) RETURN_IF_ERROR(tokenize_prompt(model, request, text, out));
    else out.tokens = model.tokenize(text, true, true);
    if (request.echo) out.echo = text;
  }
  take_schema(request, out);
  return {};
}

Result<PreparedPrompt> guarded_build(const Model& model, const GenerateRequest& request) {
  PreparedPrompt out;
  try {
    RETURN_IF_ERROR(build(model, request, out));
  } catch (const std::exception& failure) {
    // Reasons of the template and of the schema's author; the template's own text may be in them, the prompt is not.
    return fail(ErrorCode::kInvalidArgument, "The model's chat template or grammar refuses this request: check roles, their order, tools "
                "and the JSON schema", failure.what());
  }
  return out;
}

}  // namespace

std::unexpected<Error> too_long(const Model& model, std::size_t tokens) {
  const std::string limit = std::to_string(model.limits().context_tokens);
  return fail_because(ErrorCode::kInvalidArgument, "context_length_exceeded",
                      "This model's maximum context length is " + limit + " tokens; the request has " + std::to_string(tokens) +
                          " tokens and needs room for at least one more. Shorten it, or load the model with a larger context");
}

Result<PreparedPrompt> prepare_prompt(const Model& model, const GenerateRequest& request) {
  ASSIGN_OR_RETURN(auto prompt, guarded_build(model, request));
  if (prompt.tokens.size() >= static_cast<std::size_t>(model.limits().context_tokens)) return too_long(model, prompt.tokens.size());
  if (prompt.tokens.empty()) {
    const Token begin = llama_vocab_bos(model.vocab());
    if (begin == LLAMA_TOKEN_NULL) return invalid("The prompt is empty, and this model has no token to begin with");
    prompt.tokens.push_back(begin);
  }
  return prompt;
}

Result<std::vector<Token>> prompt_tokens(const Model& model, const GenerateRequest& request) {
  ASSIGN_OR_RETURN(auto prompt, guarded_build(model, request));
  return std::move(prompt.tokens);
}

}  // namespace siyu::worker
