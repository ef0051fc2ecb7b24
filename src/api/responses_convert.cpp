#include "api/responses_convert.h"

#include <limits>

#include "api/openai_convert.h"
#include "api/pictures.h"

namespace siyu::api::responses {
namespace {

constexpr std::size_t kMaxItems = 4096;
constexpr std::size_t kMaxMetadata = 16, kMaxMetadataKey = 64, kMaxMetadataValue = 512;  // OpenAI's limits

std::unexpected<Error> not_offered(std::string param, const std::string& what) {
  return std::unexpected(Error{.code = ErrorCode::kInvalidArgument, .message = "`" + param + "`: " + what, .reason = "unsupported_value", .param = std::move(param)});
}

Status read_content(const std::optional<json::value>& content, const std::string& path, engine::Message& out) {
  if (!content || content->is_null()) return {};
  if (content->is_string()) {
    out.content = content->get_string();
    return {};
  }
  ASSIGN_OR_RETURN(const auto parts, from_json<std::vector<Part>>(*content, UnknownKeys::kIgnore, path));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto& part = parts[i];
    const auto at = json_detail::join_index(path, i);
    if (part.type == "input_image") {
      if (!part.image_url) return not_offered(at, part.file_id ? "pictures of uploaded files are not offered; send `image_url` with a data: URL" : "needs `image_url` with a data: URL");
      RETURN_IF_ERROR(add_picture_url(out, *part.image_url, at + ".image_url"));
      continue;
    }
    if (part.type != "input_text" && part.type != "output_text" && part.type != "text" && part.type != "refusal" && part.type != "reasoning_text")
      return not_offered(at, "parts of type `" + part.type.substr(0, 32) + "` are not supported by the models served here; send input_text or input_image");
    const auto& piece = part.type == "refusal" ? part.refusal : part.text;
    if (!piece) return invalid_field(at + ".text", "is missing");
    add_text(out, *piece);
  }
  return {};
}

Result<std::string> text_of(const std::optional<json::value>& content, const std::string& path) {
  engine::Message message;
  RETURN_IF_ERROR(read_content(content, path, message));
  if (!message.images.empty()) return not_offered(path, "pictures may only stand in messages of the user and outputs of functions");
  return std::move(message.content);
}

/// Puts items together to messages: what one turn of a model produced (reasoning, text, calls) is one message there.
class MessageBuilder {
 public:
  explicit MessageBuilder(std::vector<engine::Message>& out) : out_(out) {}

  Status add(const Item& item, const std::string& path) {
    const auto type = item.type.value_or("message");
    if (type == "message") return add_message(item, path);
    if (type == "reasoning") {
      ASSIGN_OR_RETURN(const auto text, text_of(item.content, path + ".content"));
      assistant().reasoning_content += text;
      return {};
    }
    if (type == "function_call") {
      if (!item.call_id || !item.name || !item.arguments) return invalid_field(path, "needs `call_id`, `name` and `arguments`");
      assistant().tool_calls.push_back({.id = *item.call_id, .name = *item.name, .arguments = *item.arguments});
      return {};
    }
    if (type == "function_call_output") {
      if (!item.call_id) return invalid_field(path + ".call_id", "is missing");
      engine::Message output{.role = engine::Role::kTool, .tool_call_id = *item.call_id};
      RETURN_IF_ERROR(read_content(item.output, path + ".output", output));
      out_.push_back(std::move(output));
      open_ = false;
      return {};
    }
    return not_offered(path, "items of type `" + type.substr(0, 32) + "` are not supported");
  }

 private:
  engine::Message& assistant() {
    if (!open_) out_.push_back({.role = engine::Role::kAssistant});
    open_ = true;
    return out_.back();
  }

  Status add_message(const Item& item, const std::string& path) {
    const auto role = item.role.value_or("");
    if (role == "user") {
      engine::Message message{.role = engine::Role::kUser};
      RETURN_IF_ERROR(read_content(item.content, path + ".content", message));
      out_.push_back(std::move(message));
      open_ = false;
      return {};
    }
    ASSIGN_OR_RETURN(auto text, text_of(item.content, path + ".content"));
    if (role == "assistant") {
      auto& message = assistant();
      if (!message.content.empty() && !text.empty()) message.content += '\n';
      message.content += text;
      return {};
    }
    open_ = false;
    if (role == "system" || role == "developer") add_system(text);
    else return invalid_field(path + ".role", "must be user, assistant, system or developer");
    return {};
  }

  /// Many templates take one system message, and only as the first.
  void add_system(const std::string& text) {
    if (!out_.empty() && out_.back().role == engine::Role::kSystem) out_.back().content += "\n\n" + text;
    else out_.push_back({.role = engine::Role::kSystem, .content = text});
  }

  std::vector<engine::Message>& out_;
  bool open_ = false;  // the last message is the model's, and the next item may belong to it
};

Status read_tools(const CreateRequest& body, chat::Request& out) {
  const auto tools = body.tools.value_or(std::vector<json::value>{});
  for (std::size_t i = 0; i < tools.size(); ++i) {
    const auto path = json_detail::join_index("tools", i);
    ASSIGN_OR_RETURN(const auto tool, from_json<Tool>(tools[i], UnknownKeys::kIgnore, path));
    if (tool.type == "file_search") {
      for (const auto& base : tool.vector_store_ids.value_or(std::vector<std::string>{})) out.knowledge.push_back(base);
      continue;
    }
    if (tool.type != "function") return not_offered(path + ".type", "tools of type `" + tool.type.substr(0, 32) + "` are not offered; use function, or file_search over knowledge bases");
    if (!tool.name) return invalid_field(path + ".name", "is missing");
    const bool takes_some = tool.parameters && !tool.parameters->is_null();
    out.generate.tools.push_back({.name = *tool.name, .description = tool.description.value_or(""), .parameters = takes_some ? json::serialize(*tool.parameters) : ""});
  }
  out.generate.parallel_tool_calls = body.parallel_tool_calls;
  if (!body.tool_choice || body.tool_choice->is_null()) return {};
  const auto* text = body.tool_choice->if_string();
  if (text != nullptr && *text == "none") out.generate.tool_choice = engine::ToolChoice::kNone;
  else if (text != nullptr && *text == "required") out.generate.tool_choice = engine::ToolChoice::kRequired;
  else if (text != nullptr && *text != "auto") return invalid_field("tool_choice", "must be auto, none, required, or name a function");
  if (text != nullptr) return {};
  ASSIGN_OR_RETURN(const auto named, from_json<NamedTool>(*body.tool_choice, UnknownKeys::kIgnore, "tool_choice"));
  if (named.type == "file_search") return {};  // it is what happens anyway
  if (named.type != "function" || !named.name) return invalid_field("tool_choice", "must be auto, none, required, or name a function");
  out.generate.tool_choice = engine::ToolChoice::kNamed;
  out.generate.tool_name = *named.name;
  return {};
}

Status read_format(const CreateRequest& body, engine::GenerateRequest& out) {
  if (!body.text || !body.text->format || body.text->format->type == "text") return {};
  const auto& format = *body.text->format;
  if (format.type == "json_object") {
    out.response_format = engine::ResponseFormat::kJsonObject;
    return {};
  }
  if (format.type != "json_schema") return invalid_field("text.format.type", "must be text, json_object or json_schema");
  if (!format.schema || !format.schema->is_object()) return invalid_field("text.format.schema", "is missing");
  out.response_format = engine::ResponseFormat::kJsonSchema;
  out.json_schema = json::serialize(*format.schema);
  out.json_schema_name = format.name.value_or("answer");
  return {};
}

Status read_limits(const CreateRequest& body, engine::GenerateRequest& out) {
  constexpr auto kMost = std::numeric_limits<std::int32_t>::max();
  if (body.max_output_tokens) {
    if (*body.max_output_tokens < 1 || *body.max_output_tokens > kMost) return invalid_field("max_output_tokens", "must be at least 1");
    out.max_tokens = static_cast<std::int32_t>(*body.max_output_tokens);
  }
  if (body.top_logprobs) {
    if (*body.top_logprobs < 0 || *body.top_logprobs > engine::kMaxTopLogprobs) return invalid_field("top_logprobs", "must be from 0 to 20");
    out.top_logprobs = static_cast<std::int32_t>(*body.top_logprobs);
  }
  for (const auto& wanted : body.include.value_or(std::vector<std::string>{})) out.logprobs = out.logprobs || wanted == "message.output_text.logprobs";
  out.logprobs = out.logprobs || out.top_logprobs > 0;
  out.sampling.temperature = body.temperature;
  out.sampling.top_p = body.top_p;
  if (body.seed) out.sampling.seed = static_cast<std::uint32_t>(*body.seed);
  RETURN_IF_ERROR(openai::read_priority(body.priority, body.service_tier, out));
  return openai::read_effort(body.reasoning ? body.reasoning->effort : std::nullopt, "reasoning.effort", out);
}

Status check(const CreateRequest& body) {
  if (body.conversation && !body.conversation->is_null()) return not_offered("conversation", "is not offered; go on from a response with `previous_response_id`");
  if (body.prompt && !body.prompt->is_null()) return not_offered("prompt", "stored prompts are not offered; send `instructions` and `input`");
  if (body.truncation && *body.truncation != "disabled" && *body.truncation != "auto") return invalid_field("truncation", "must be disabled or auto");
  if (!body.metadata) return {};
  if (body.metadata->size() > kMaxMetadata) return invalid_field("metadata", "may hold at most 16 entries");
  for (const auto& [key, value] : *body.metadata)
    if (key.size() > kMaxMetadataKey || value.size() > kMaxMetadataValue) return invalid_field("metadata", "takes keys of at most 64 and values of at most 512 characters");
  return {};
}

template <class T>
json::value or_null(const std::optional<T>& value) {
  return value ? to_json(*value) : json::value(nullptr);
}

}  // namespace

Result<json::array> input_items(const CreateRequest& body, std::string_view response_id) {
  if (!body.input || body.input->is_null()) return invalid_field("input", "is missing");
  json::array items;
  if (body.input->is_string()) {
    items.push_back({{"type", "message"}, {"role", "user"}, {"content", body.input->get_string()}});
  } else if (body.input->is_array()) {
    items = body.input->get_array();
  } else {
    return invalid_field("input", "must be a text or an array of items");
  }
  if (items.empty()) return invalid_field("input", "is empty");
  if (items.size() > kMaxItems) return invalid_field("input", "may hold at most " + std::to_string(kMaxItems) + " items");
  const auto tail = response_id.substr(response_id.find('_') + 1);
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto* item = items[i].if_object();
    if (item == nullptr) return invalid_field(json_detail::join_index("input", i), "must be an object");
    if (!item->contains("type")) (*item)["type"] = "message";
    if (!item->contains("id") || (*item)["id"].is_null()) (*item)["id"] = "in_" + std::string(tail) + "_" + std::to_string(i);
    const bool message = (*item)["type"] == "message";
    if (message && !item->contains("status")) (*item)["status"] = "completed";
    if (auto* content = item->if_contains("content"); message && content != nullptr && content->is_string()) {
      const bool ours = item->contains("role") && (*item)["role"] == "assistant";
      json::object part{{"type", ours ? "output_text" : "input_text"}, {"text", *content}};
      if (ours) part["annotations"] = json::array();
      *content = json::array{std::move(part)};
    }
  }
  return items;
}

Result<chat::Request> to_request(const CreateRequest& body, const json::array& items) {
  RETURN_IF_ERROR(check(body));
  chat::Request out{.model = body.model.value_or(""), .generate = {}, .knowledge = body.knowledge.value_or(std::vector<std::string>{})};
  auto& messages = out.generate.messages;
  if (body.instructions && !body.instructions->empty()) messages.push_back({.role = engine::Role::kSystem, .content = *body.instructions});
  MessageBuilder builder(messages);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto path = json_detail::join_index("input", i);
    ASSIGN_OR_RETURN(const auto item, from_json<Item>(items[i], UnknownKeys::kIgnore, path));
    RETURN_IF_ERROR(builder.add(item, path));
  }
  RETURN_IF_ERROR(read_tools(body, out));
  RETURN_IF_ERROR(read_format(body, out.generate));
  RETURN_IF_ERROR(read_limits(body, out.generate));
  RETURN_IF_ERROR(engine::validate(out.generate));
  return out;
}

json::object frame_of(const CreateRequest& body, std::string_view response_id, std::int64_t created) {
  json::object text{{"format", json::object{{"type", "text"}}}};
  if (body.text && body.text->format) {
    json::object format{{"type", body.text->format->type}};
    if (body.text->format->type == "json_schema") {
      format["name"] = body.text->format->name.value_or("answer");
      format["schema"] = or_null(body.text->format->schema);
      format["strict"] = true;  // a grammar holds the model to it
    }
    text["format"] = std::move(format);
  }
  if (body.text && body.text->verbosity) text["verbosity"] = *body.text->verbosity;
  const auto reasoning = body.reasoning.value_or(Reasoning{});
  return {{"id", response_id}, {"object", "response"}, {"created_at", created}, {"status", "in_progress"}, {"background", body.background.value_or(false)},
          {"completed_at", nullptr}, {"error", nullptr}, {"incomplete_details", nullptr}, {"instructions", or_null(body.instructions)},
          {"max_output_tokens", or_null(body.max_output_tokens)}, {"max_tool_calls", nullptr}, {"model", body.model.value_or("")}, {"output", json::array()},
          {"parallel_tool_calls", body.parallel_tool_calls.value_or(true)}, {"previous_response_id", or_null(body.previous_response_id)},
          {"prompt_cache_key", or_null(body.prompt_cache_key)}, {"reasoning", {{"effort", or_null(reasoning.effort)}, {"summary", or_null(reasoning.summary)}}},
          {"safety_identifier", or_null(body.safety_identifier)}, {"service_tier", "default"}, {"store", body.store.value_or(true)},
          {"temperature", body.temperature.value_or(1.0)}, {"text", std::move(text)}, {"tool_choice", body.tool_choice.value_or(json::value("auto"))},
          {"tools", to_json(body.tools.value_or(std::vector<json::value>{}))}, {"top_logprobs", body.top_logprobs.value_or(0)}, {"top_p", body.top_p.value_or(1.0)},
          {"truncation", "disabled"}, {"usage", nullptr}, {"user", or_null(body.user)}, {"metadata", to_json(body.metadata.value_or(std::map<std::string, std::string>{}))}};
}

}  // namespace siyu::api::responses
