#include "api/openai_convert.h"

#include <algorithm>
#include <limits>

#include "api/pictures.h"

namespace siyu::api::openai {
namespace {

constexpr std::int64_t kDefaultCompletionTokens = 16;  // OpenAI's default of /v1/completions
constexpr std::size_t kMaxPrompts = 64;

std::unexpected<Error> unsupported(std::string message) { return fail(ErrorCode::kUnsupported, std::move(message)); }

Result<std::int32_t> narrow(std::int64_t value, std::string_view field, std::int64_t low, std::int64_t high) {
  if (value < low || value > high)
    return invalid_field(std::string(field), "must be from " + std::to_string(low) + " to " + std::to_string(high));
  return static_cast<std::int32_t>(value);
}

struct ImageUrl {
  std::string url;
};
BOOST_DESCRIBE_STRUCT(ImageUrl, (), (url))
struct Part {
  std::string type;
  std::optional<std::string> text;
  std::optional<ImageUrl> image_url;
};
BOOST_DESCRIBE_STRUCT(Part, (), (type, text, image_url))

Status read_content(const std::optional<json::value>& content, const std::string& path, engine::Message& out) {
  if (!content || content->is_null()) return {};
  if (content->is_string()) {
    out.content = content->get_string();
    return {};
  }
  if (!content->is_array()) return invalid_field(path, "must be text or an array of parts");
  const auto& parts = content->get_array();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto at = json_detail::join_index(path, i);
    ASSIGN_OR_RETURN(const auto part, from_json<Part>(parts[i], UnknownKeys::kIgnore, at));
    if (part.type == "text") {
      if (!part.text) return invalid_field(at + ".text", "is missing");
      add_text(out, *part.text);
    } else if (part.type == "image_url") {
      if (!part.image_url) return invalid_field(at + ".image_url", "is missing");
      RETURN_IF_ERROR(add_picture_url(out, part.image_url->url, at + ".image_url.url"));
    } else {
      return unsupported("`" + at + "`: parts of type `" + part.type.substr(0, 32) + "` are not supported; send text or image_url");
    }
  }
  return {};
}

Result<engine::Role> role_of(const std::string& role) {
  if (role == "system" || role == "developer") return engine::Role::kSystem;
  if (role == "user") return engine::Role::kUser;
  if (role == "assistant") return engine::Role::kAssistant;
  if (role == "tool" || role == "function") return engine::Role::kTool;
  return invalid("`role` must be system, developer, user, assistant or tool, not `" + role.substr(0, 32) + "`");
}

Result<engine::Message> to_message(const Message& message, const std::string& path) {
  engine::Message out{.name = message.name.value_or(""), .tool_call_id = message.tool_call_id.value_or("")};
  ASSIGN_OR_RETURN(out.role, role_of(message.role));
  RETURN_IF_ERROR(read_content(message.content, path + ".content", out));
  out.reasoning_content = message.reasoning_content.value_or("");
  for (const auto& call : message.tool_calls.value_or(std::vector<ToolCall>{}))
    out.tool_calls.push_back({.id = call.id.value_or(""), .name = call.function.name, .arguments = call.function.arguments.value_or("{}")});
  return out;
}

struct ToolFunction {
  std::string name;
  std::optional<std::string> description;
  std::optional<json::value> parameters;
};
BOOST_DESCRIBE_STRUCT(ToolFunction, (), (name, description, parameters))
struct ToolBody {
  std::string type;
  ToolFunction function;
};
BOOST_DESCRIBE_STRUCT(ToolBody, (), (type, function))

Status read_tools(const ChatCompletionRequest& body, engine::GenerateRequest& out) {
  for (const auto& value : body.tools.value_or(std::vector<json::value>{})) {
    ASSIGN_OR_RETURN(const auto tool, from_json<ToolBody>(value));
    if (tool.type != "function") return unsupported("Tools of type `" + tool.type.substr(0, 32) + "` are not supported; use `function`");
    out.tools.push_back({.name = tool.function.name, .description = tool.function.description.value_or(""),
                         .parameters = tool.function.parameters ? json::serialize(*tool.function.parameters) : ""});
  }
  out.parallel_tool_calls = body.parallel_tool_calls;
  if (!body.tool_choice || body.tool_choice->is_null()) return {};
  if (body.tool_choice->is_string()) {
    const std::string_view choice = body.tool_choice->get_string();
    if (choice == "auto") out.tool_choice = engine::ToolChoice::kAuto;
    else if (choice == "none") out.tool_choice = engine::ToolChoice::kNone;
    else if (choice == "required") out.tool_choice = engine::ToolChoice::kRequired;
    else return invalid_field("tool_choice", "must be auto, none, required, or name a function");
    return {};
  }
  const auto* object = body.tool_choice->if_object();
  const auto* function = object == nullptr ? nullptr : object->if_contains("function");
  const auto* named = function == nullptr || !function->is_object() ? nullptr : function->get_object().if_contains("name");
  if (named == nullptr || !named->is_string()) return invalid_field("tool_choice", "must be auto, none, required, or name a function");
  out.tool_choice = engine::ToolChoice::kNamed;
  out.tool_name = std::string(named->get_string());
  return {};
}

Status read_format(const ChatCompletionRequest& body, engine::GenerateRequest& out) {
  if (!body.response_format || body.response_format->type == "text") return {};
  if (body.response_format->type == "json_object") {
    out.response_format = engine::ResponseFormat::kJsonObject;
    return {};
  }
  if (body.response_format->type != "json_schema") return invalid_field("response_format.type", "must be text, json_object or json_schema");
  const auto& schema = body.response_format->json_schema;
  if (!schema || !schema->schema || !schema->schema->is_object()) return invalid_field("response_format.json_schema.schema", "is missing");
  out.response_format = engine::ResponseFormat::kJsonSchema;
  out.json_schema = json::serialize(*schema->schema);
  out.json_schema_name = schema->name.value_or("answer");
  return {};
}

Status read_prediction(const std::optional<Prediction>& prediction, engine::GenerateRequest& out) {
  if (!prediction) return {};
  if (prediction->type != "content") return invalid_field("prediction.type", "must be content");
  if (!prediction->content.is_string() && !prediction->content.is_array()) return invalid_field("prediction.content", "must be text or an array of text parts");
  engine::Message content;
  RETURN_IF_ERROR(read_content(prediction->content, "prediction.content", content));
  if (!content.images.empty()) return invalid_field("prediction.content", "must be text");
  out.prediction = std::move(content.content);
  if (out.prediction.size() > engine::kMaxPredictionBytes) return invalid_field("prediction.content", "may have at most 1 MiB; send the part that the answer will repeat");
  return {};
}

Status read_stop(const std::optional<json::value>& stop, engine::GenerateRequest& out) {
  if (!stop || stop->is_null()) return {};
  if (stop->is_string()) {
    out.stop.emplace_back(stop->get_string());
    return {};
  }
  if (!stop->is_array()) return invalid_field("stop", "must be a text or an array of texts");
  for (const auto& one : stop->get_array()) {
    if (!one.is_string()) return invalid_field("stop", "must be a text or an array of texts");
    out.stop.emplace_back(one.get_string());
  }
  return {};
}

Status read_sampling(const SamplingFields& fields, engine::GenerateRequest& out) {
  auto& sampling = out.sampling;
  sampling.temperature = fields.temperature;
  sampling.top_p = fields.top_p;
  sampling.min_p = fields.min_p;
  sampling.presence_penalty = fields.presence_penalty;
  sampling.frequency_penalty = fields.frequency_penalty;
  sampling.repetition_penalty = fields.repetition_penalty;
  if (fields.top_k) {
    // Some clients send -1 for "all", which is 0 here.
    ASSIGN_OR_RETURN(sampling.top_k, narrow(std::max<std::int64_t>(*fields.top_k, 0), "top_k", 0, std::numeric_limits<std::int32_t>::max()));
  }
  // OpenAI's seeds have 64 bits; the lower half makes a run repeatable just as well.
  if (fields.seed) sampling.seed = static_cast<std::uint32_t>(*fields.seed);
  sampling.logit_bias = fields.logit_bias.value_or(std::map<std::string, double>{});
  return read_stop(fields.stop, out);
}

Status read_max_tokens(const std::optional<std::int64_t>& value, std::string_view field, engine::GenerateRequest& out) {
  if (!value) return {};
  ASSIGN_OR_RETURN(out.max_tokens, narrow(*value, field, 1, std::numeric_limits<std::int32_t>::max()));
  return {};
}

Result<std::vector<engine::Token>> tokens_of(const json::array& array) {
  std::vector<engine::Token> tokens;
  tokens.reserve(array.size());
  for (const auto& value : array) {
    if (!value.is_int64() || value.get_int64() < 0 || value.get_int64() > std::numeric_limits<engine::Token>::max())
      return invalid("A token array must hold token ids: whole numbers from 0");
    tokens.push_back(static_cast<engine::Token>(value.get_int64()));
  }
  return tokens;
}

/// Text, texts, tokens, or token arrays: both kinds of input that completions and embeddings take.
struct Inputs {
  std::vector<std::string> texts;
  std::vector<std::vector<engine::Token>> tokens;
};

Result<Inputs> inputs_of(const json::value& value, std::string_view field) {
  const auto wrong = [&] { return invalid_field(std::string(field), "must be a text, an array of texts, an array of tokens, or an array of token arrays"); };
  Inputs inputs;
  if (value.is_string()) {
    inputs.texts.emplace_back(value.get_string());
    return inputs;
  }
  const auto* array = value.if_array();
  if (array == nullptr) return wrong();
  if (array->empty()) return invalid_field(std::string(field), "is empty");
  if (array->front().is_number()) {
    ASSIGN_OR_RETURN(auto tokens, tokens_of(*array));
    inputs.tokens.push_back(std::move(tokens));
    return inputs;
  }
  for (const auto& one : *array) {
    if (one.kind() != array->front().kind()) return wrong();
    if (one.is_string()) {
      inputs.texts.emplace_back(one.get_string());
    } else if (one.is_array()) {
      ASSIGN_OR_RETURN(auto tokens, tokens_of(one.get_array()));
      inputs.tokens.push_back(std::move(tokens));
    } else {
      return wrong();
    }
  }
  return inputs;
}

}  // namespace

Result<int> choices_of(const SamplingFields& sampling) { return narrow(sampling.n.value_or(1), "n", 1, kMaxChoices); }

Result<engine::GenerateRequest> to_generate(const ChatCompletionRequest& body, const SamplingFields& sampling) {
  engine::GenerateRequest out;
  for (std::size_t i = 0; i < body.messages.size(); ++i) {
    ASSIGN_OR_RETURN(auto converted, to_message(body.messages[i], json_detail::join_index("messages", i)));
    out.messages.push_back(std::move(converted));
  }
  RETURN_IF_ERROR(read_tools(body, out));
  RETURN_IF_ERROR(read_format(body, out));
  RETURN_IF_ERROR(read_prediction(body.prediction, out));
  RETURN_IF_ERROR(read_sampling(sampling, out));
  const bool newer = body.max_completion_tokens.has_value();
  RETURN_IF_ERROR(read_max_tokens(newer ? body.max_completion_tokens : body.max_tokens, newer ? "max_completion_tokens" : "max_tokens", out));
  out.logprobs = body.logprobs.value_or(false);
  if (body.top_logprobs) {
    ASSIGN_OR_RETURN(out.top_logprobs, narrow(*body.top_logprobs, "top_logprobs", 0, engine::kMaxTopLogprobs));
  }
  RETURN_IF_ERROR(read_effort(body.reasoning_effort, "reasoning_effort", out));
  if (body.chat_template_kwargs && body.chat_template_kwargs->enable_thinking) out.enable_thinking = body.chat_template_kwargs->enable_thinking;
  RETURN_IF_ERROR(read_priority(body.priority, body.service_tier, out));
  for (const auto& modality : body.modalities.value_or(std::vector<std::string>{}))
    if (modality != "text") return invalid_field("modalities", "may only hold text; the models served here write nothing else");
  RETURN_IF_ERROR(engine::validate(out));
  return out;
}

Result<std::vector<engine::GenerateRequest>> to_generate(const CompletionRequest& body, const SamplingFields& sampling) {
  if (body.suffix && !body.suffix->empty()) return unsupported("`suffix` is not supported");
  engine::GenerateRequest common;
  common.prompt_kind = engine::PromptKind::kText;
  RETURN_IF_ERROR(read_sampling(sampling, common));
  RETURN_IF_ERROR(read_max_tokens(body.max_tokens.value_or(kDefaultCompletionTokens), "max_tokens", common));
  common.echo = body.echo.value_or(false);
  RETURN_IF_ERROR(read_priority(body.priority, {}, common));
  if (body.logprobs) {
    common.logprobs = true;
    ASSIGN_OR_RETURN(common.top_logprobs, narrow(*body.logprobs, "logprobs", 0, engine::kMaxTopLogprobs));
  }
  ASSIGN_OR_RETURN(const auto inputs, inputs_of(body.prompt, "prompt"));
  if (inputs.texts.size() + inputs.tokens.size() > kMaxPrompts) return invalid("`prompt` may hold at most " + std::to_string(kMaxPrompts) + " prompts");
  std::vector<engine::GenerateRequest> out;
  for (const auto& text : inputs.texts) out.emplace_back(common).prompt = text;
  for (const auto& tokens : inputs.tokens) {
    auto& one = out.emplace_back(common);
    one.prompt_kind = engine::PromptKind::kTokens;
    one.prompt_tokens = tokens;
  }
  for (const auto& one : out) RETURN_IF_ERROR(engine::validate(one));
  return out;
}

Status read_effort(const std::optional<std::string>& effort, std::string_view field, engine::GenerateRequest& out) {
  if (!effort) return {};
  struct Level {
    std::string_view name;
    std::optional<std::int32_t> tokens;  // nothing: as many as it likes
  };
  static constexpr Level kLevels[] = {{"none", 0}, {"minimal", 256}, {"low", 1024}, {"medium", 4096}, {"high", {}}, {"xhigh", {}}, {"max", {}}};
  for (const auto& level : kLevels) {
    if (level.name != *effort) continue;
    out.enable_thinking = level.tokens != 0;
    if (out.enable_thinking.value()) out.reasoning_tokens = level.tokens;
    return {};
  }
  return invalid_field(std::string(field), "must be none, minimal, low, medium, high, xhigh or max");
}

Status read_priority(const std::optional<std::int64_t>& priority, const std::optional<std::string>& tier, engine::GenerateRequest& out) {
  constexpr std::int32_t kFlex = 50;  // behind everything that asks for nothing, before batches
  if (tier && *tier != "auto" && *tier != "default" && *tier != "flex" && *tier != "priority" && *tier != "scale")
    return invalid_field("service_tier", "must be auto, default, flex, priority or scale");
  if (tier == "flex") out.priority = kFlex;
  if (!priority) return {};
  ASSIGN_OR_RETURN(out.priority, narrow(*priority, "priority", engine::kMostUrgent, engine::kLeastUrgent));
  return {};
}

std::optional<std::string> tier_of(const std::optional<std::string>& asked) {
  if (!asked) return {};
  return *asked == "flex" ? "flex" : "default";
}

Result<engine::EmbedRequest> to_embed(const EmbeddingRequest& body) {
  ASSIGN_OR_RETURN(auto inputs, inputs_of(body.input, "input"));
  return engine::EmbedRequest{.texts = std::move(inputs.texts), .tokens = std::move(inputs.tokens)};
}

}  // namespace siyu::api::openai
