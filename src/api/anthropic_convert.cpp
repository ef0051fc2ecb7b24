#include "api/anthropic_convert.h"

#include <limits>

#include "api/pictures.h"

namespace siyu::api::anthropic {
namespace {

constexpr std::int64_t kSmallestBudget = 1024;  // Anthropic's own least

std::unexpected<Error> not_offered(const std::string& path, const std::string& type) {
  auto error = fail(ErrorCode::kUnsupported, "`" + path + "`: blocks of type `" + type.substr(0, 32) + "` are not supported by the models served here; send text");
  error.error().param = path;
  return error;
}

Result<std::vector<Block>> blocks_of(const json::value& content, const std::string& path) {
  if (content.is_string()) return std::vector<Block>{{.type = "text", .text = std::string(content.get_string())}};
  return from_json<std::vector<Block>>(content, UnknownKeys::kIgnore, path);
}

void append_line(std::string& text, std::string_view more) {
  if (!text.empty() && !more.empty()) text += '\n';
  text += more;
}

/// The text of a block that carries some; a document counts when it is plain text.
Result<std::string> text_of(const Block& block, const std::string& path) {
  if (block.type == "text") {
    if (!block.text) return invalid_field(path + ".text", "is missing");
    return *block.text;
  }
  if (block.type != "document" || !block.source) return not_offered(path, block.type);
  ASSIGN_OR_RETURN(const auto source, from_json<TextSource>(*block.source, UnknownKeys::kIgnore, path + ".source"));
  if (source.type != "text" || !source.data) return not_offered(path, "document with a source of type " + source.type);
  return block.title ? *block.title + "\n" + *source.data : *source.data;
}

/// A block of text or a picture, after what the message holds so far.
Status add_block(const Block& block, const std::string& path, engine::Message& out) {
  if (block.type != "image") {
    ASSIGN_OR_RETURN(const auto text, text_of(block, path));
    add_text(out, text);
    return {};
  }
  if (!block.source) return invalid_field(path + ".source", "is missing");
  ASSIGN_OR_RETURN(const auto source, from_json<ImageSource>(*block.source, UnknownKeys::kIgnore, path + ".source"));
  if (source.type == "url") return add_picture_url(out, source.url.value_or(""), path + ".source.url");
  if (source.type != "base64" || !source.data) return invalid_field(path + ".source", "must be of type base64, with `data`");
  return add_picture(out, *source.data, path + ".source.data");
}

/// All texts of a content that may hold nothing else.
Result<std::string> only_text(const std::optional<json::value>& content, const std::string& path) {
  std::string text;
  if (!content || content->is_null()) return text;
  ASSIGN_OR_RETURN(const auto blocks, blocks_of(*content, path));
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    ASSIGN_OR_RETURN(const auto piece, text_of(blocks[i], json_detail::join_index(path, i)));
    append_line(text, piece);
  }
  return text;
}

Result<engine::Message> tool_result(const Block& block, const std::string& path) {
  if (!block.tool_use_id) return invalid_field(path + ".tool_use_id", "is missing");
  engine::Message out{.role = engine::Role::kTool, .tool_call_id = *block.tool_use_id};
  if (block.content && !block.content->is_null()) {
    ASSIGN_OR_RETURN(const auto blocks, blocks_of(*block.content, path + ".content"));
    for (std::size_t i = 0; i < blocks.size(); ++i) RETURN_IF_ERROR(add_block(blocks[i], json_detail::join_index(path + ".content", i), out));
  }
  if (block.is_error.value_or(false)) {  // templates know no flag for it
    constexpr std::string_view kError = "Error: ";
    out.content.insert(0, kError);
    for (auto& picture : out.images) picture.at += kError.size();
  }
  return out;
}

/// Results of tools come first: they answer the turn before.
Status read_user(const std::vector<Block>& blocks, const std::string& path, engine::GenerateRequest& out) {
  engine::Message turn{.role = engine::Role::kUser};
  bool has_some = false;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto at = json_detail::join_index(path, i);
    if (blocks[i].type == "tool_result") {
      ASSIGN_OR_RETURN(auto result, tool_result(blocks[i], at));
      out.messages.push_back(std::move(result));
      continue;
    }
    RETURN_IF_ERROR(add_block(blocks[i], at, turn));
    has_some = true;
  }
  if (has_some) out.messages.push_back(std::move(turn));
  return {};
}

Status read_assistant(const std::vector<Block>& blocks, const std::string& path, engine::GenerateRequest& out) {
  engine::Message message{.role = engine::Role::kAssistant};
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto& block = blocks[i];
    const auto at = json_detail::join_index(path, i);
    if (block.type == "thinking") {
      append_line(message.reasoning_content, block.thinking.value_or(""));
    } else if (block.type == "tool_use") {
      if (!block.id || !block.name) return invalid_field(at, "needs `id` and `name`");
      message.tool_calls.push_back({.id = *block.id, .name = *block.name, .arguments = json::serialize(block.input.value_or(json::object()))});
    } else if (block.type != "redacted_thinking") {
      ASSIGN_OR_RETURN(const auto piece, text_of(block, at));
      append_line(message.content, piece);
    }
  }
  out.messages.push_back(std::move(message));
  return {};
}

Status read_messages(const MessagesRequest& body, engine::GenerateRequest& out) {
  ASSIGN_OR_RETURN(auto system, only_text(body.system, "system"));
  if (!system.empty()) out.messages.push_back({.role = engine::Role::kSystem, .content = std::move(system)});
  if (body.messages.empty()) return invalid_field("messages", "must hold at least one message");
  for (std::size_t i = 0; i < body.messages.size(); ++i) {
    const auto& message = body.messages[i];
    const auto path = json_detail::join_index("messages", i);
    ASSIGN_OR_RETURN(const auto blocks, blocks_of(message.content, path + ".content"));
    if (message.role == "user") RETURN_IF_ERROR(read_user(blocks, path + ".content", out));
    else if (message.role == "assistant") RETURN_IF_ERROR(read_assistant(blocks, path + ".content", out));
    else return invalid_field(path + ".role", "must be user or assistant; the system prompt is a field of its own");
  }
  return {};
}

Status read_tools(const MessagesRequest& body, engine::GenerateRequest& out) {
  const auto tools = body.tools.value_or(std::vector<Tool>{});
  for (std::size_t i = 0; i < tools.size(); ++i) {
    const auto& tool = tools[i];
    const auto path = json_detail::join_index("tools", i);
    if (tool.type && *tool.type != "custom")
      return std::unexpected(Error{.code = ErrorCode::kUnsupported, .message = "`" + path + "`: tools that Anthropic's own servers run (`" + tool.type->substr(0, 48) +
                                                                                 "`) are not offered here; give a tool with `input_schema` and run it yourself", .param = path});
    out.tools.push_back({.name = tool.name, .description = tool.description.value_or(""), .parameters = tool.input_schema ? json::serialize(*tool.input_schema) : ""});
  }
  if (!body.tool_choice) return {};
  const auto& choice = *body.tool_choice;
  if (choice.type == "auto") out.tool_choice = engine::ToolChoice::kAuto;
  else if (choice.type == "any") out.tool_choice = engine::ToolChoice::kRequired;
  else if (choice.type == "none") out.tool_choice = engine::ToolChoice::kNone;
  else if (choice.type == "tool") out.tool_choice = engine::ToolChoice::kNamed;
  else return invalid_field("tool_choice.type", "must be auto, any, tool or none");
  if (choice.type == "tool" && !choice.name) return invalid_field("tool_choice.name", "is missing");
  out.tool_name = choice.name.value_or("");
  if (choice.disable_parallel_tool_use) out.parallel_tool_calls = !*choice.disable_parallel_tool_use;
  return {};
}

Status read_thinking(const MessagesRequest& body, engine::GenerateRequest& out) {
  if (!body.thinking) return {};
  const auto& thinking = *body.thinking;
  if (thinking.type != "enabled" && thinking.type != "disabled" && thinking.type != "adaptive")
    return invalid_field("thinking.type", "must be enabled, disabled or adaptive");
  out.enable_thinking = thinking.type != "disabled";
  if (!thinking.budget_tokens) return thinking.type == "enabled" ? Status(invalid_field("thinking.budget_tokens", "is missing")) : Status();
  const auto most = body.max_tokens.value_or(std::numeric_limits<std::int32_t>::max());
  if (*thinking.budget_tokens < kSmallestBudget || *thinking.budget_tokens >= most)
    return invalid_field("thinking.budget_tokens", "must be from " + std::to_string(kSmallestBudget) + " to less than `max_tokens`");
  if (thinking.type == "enabled") out.reasoning_tokens = static_cast<std::int32_t>(*thinking.budget_tokens);
  return {};
}

Status read_format(const MessagesRequest& body, engine::GenerateRequest& out) {
  const auto& format = body.output_config && body.output_config->format ? body.output_config->format : body.output_format;
  if (!format) return {};
  if (format->type != "json_schema" || !format->schema || !format->schema->is_object())
    return invalid_field("output_config.format", "must be of type json_schema with an object as `schema`");
  out.response_format = engine::ResponseFormat::kJsonSchema;
  out.json_schema = json::serialize(*format->schema);
  out.json_schema_name = "answer";
  return {};
}

Status read_limits(const MessagesRequest& body, engine::GenerateRequest& out) {
  constexpr auto kMost = std::numeric_limits<std::int32_t>::max();
  if (body.max_tokens) {
    if (*body.max_tokens < 1 || *body.max_tokens > kMost) return invalid_field("max_tokens", "must be at least 1");
    out.max_tokens = static_cast<std::int32_t>(*body.max_tokens);
  }
  if (body.temperature && (*body.temperature < 0 || *body.temperature > 1)) return invalid_field("temperature", "must be from 0 to 1");
  out.sampling.temperature = body.temperature;
  out.sampling.top_p = body.top_p;
  if (body.seed) out.sampling.seed = static_cast<std::uint32_t>(*body.seed);
  if (body.top_k) {
    if (*body.top_k < 0 || *body.top_k > kMost) return invalid_field("top_k", "must be 0 or more");
    out.sampling.top_k = static_cast<std::int32_t>(*body.top_k);
  }
  out.stop = body.stop_sequences.value_or(std::vector<std::string>{});
  return {};
}

}  // namespace

Result<engine::GenerateRequest> to_generate(const MessagesRequest& body) {
  engine::GenerateRequest out;
  RETURN_IF_ERROR(read_messages(body, out));
  RETURN_IF_ERROR(read_tools(body, out));
  RETURN_IF_ERROR(read_thinking(body, out));
  RETURN_IF_ERROR(read_format(body, out));
  RETURN_IF_ERROR(read_limits(body, out));
  RETURN_IF_ERROR(engine::validate(out));
  return out;
}

}  // namespace siyu::api::anthropic
