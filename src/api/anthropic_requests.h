// The request bodies of Anthropic's Messages API as clients send them. Decoding checks shapes; anthropic_convert.h checks
// meanings and hands on what the engines understand. Fields that change nothing here (cache_control, metadata,
// service_tier …) are accepted and left alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace siyu::api::anthropic {

/// One block of a message's content, of any type.
struct Block {
  std::string type;
  std::optional<std::string> text;                   // text
  std::optional<std::string> thinking;               // thinking
  std::optional<std::string> id, name;               // tool_use
  std::optional<json::value> input;
  std::optional<std::string> tool_use_id;            // tool_result
  std::optional<json::value> content;
  std::optional<bool> is_error;
  std::optional<json::value> source;                 // document, image
  std::optional<std::string> title;
};
BOOST_DESCRIBE_STRUCT(Block, (), (type, text, thinking, id, name, input, tool_use_id, content, is_error, source, title))

struct TextSource {
  std::string type;
  std::optional<std::string> data;
};
BOOST_DESCRIBE_STRUCT(TextSource, (), (type, data))

struct ImageSource {
  std::string type;
  std::optional<std::string> data, media_type, url;
};
BOOST_DESCRIBE_STRUCT(ImageSource, (), (type, data, media_type, url))

struct Message {
  std::string role;
  json::value content;  ///< text, or an array of blocks
};
BOOST_DESCRIBE_STRUCT(Message, (), (role, content))

struct Tool {
  std::string name;
  std::optional<std::string> type, description;
  std::optional<json::value> input_schema;
};
BOOST_DESCRIBE_STRUCT(Tool, (), (name, type, description, input_schema))

struct ToolChoice {
  std::string type;
  std::optional<std::string> name;
  std::optional<bool> disable_parallel_tool_use;
};
BOOST_DESCRIBE_STRUCT(ToolChoice, (), (type, name, disable_parallel_tool_use))

struct Thinking {
  std::string type;
  std::optional<std::int64_t> budget_tokens;
};
BOOST_DESCRIBE_STRUCT(Thinking, (), (type, budget_tokens))

struct OutputFormat {
  std::string type;
  std::optional<json::value> schema;
};
BOOST_DESCRIBE_STRUCT(OutputFormat, (), (type, schema))

struct OutputConfig {
  std::optional<OutputFormat> format;
};
BOOST_DESCRIBE_STRUCT(OutputConfig, (), (format))

struct MessagesRequest {
  std::optional<std::string> model;
  std::vector<Message> messages;
  std::optional<json::value> system;
  std::optional<std::int64_t> max_tokens;  ///< count_tokens takes none
  std::optional<bool> stream;
  std::optional<std::vector<std::string>> stop_sequences;
  std::optional<double> temperature, top_p;
  std::optional<std::int64_t> top_k;
  std::optional<std::vector<Tool>> tools;
  std::optional<ToolChoice> tool_choice;
  std::optional<Thinking> thinking;
  std::optional<OutputConfig> output_config;
  std::optional<OutputFormat> output_format;           ///< its older place
  std::optional<std::vector<std::string>> knowledge;   ///< ours: bases to answer from
  std::optional<std::int64_t> seed;                    ///< ours, as in chat completions
};
BOOST_DESCRIBE_STRUCT(MessagesRequest, (), (model, messages, system, max_tokens, stream, stop_sequences, temperature, top_p, top_k, tools, tool_choice,
                                            thinking, output_config, output_format, knowledge, seed))

}  // namespace siyu::api::anthropic
