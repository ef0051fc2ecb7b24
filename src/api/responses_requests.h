// The request bodies of OpenAI's Responses API as clients send them, and its items, which are input and output alike.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace siyu::api::responses {

struct Item {
  std::optional<std::string> type;  ///< absent: a message
  std::optional<std::string> id, role, status;
  std::optional<json::value> content;  ///< text or parts
  std::optional<std::string> call_id, name, arguments;  // function_call
  std::optional<json::value> output;                    // function_call_output
};
BOOST_DESCRIBE_STRUCT(Item, (), (type, id, role, status, content, call_id, name, arguments, output))

struct Part {
  std::string type;
  std::optional<std::string> text, refusal, image_url, file_id;
};
BOOST_DESCRIBE_STRUCT(Part, (), (type, text, refusal, image_url, file_id))

struct Tool {
  std::string type;
  std::optional<std::string> name, description;                  // function
  std::optional<json::value> parameters;
  std::optional<std::vector<std::string>> vector_store_ids;      // file_search: names of knowledge bases
};
BOOST_DESCRIBE_STRUCT(Tool, (), (type, name, description, parameters, vector_store_ids))

struct NamedTool {
  std::string type;
  std::optional<std::string> name;
};
BOOST_DESCRIBE_STRUCT(NamedTool, (), (type, name))

struct TextFormat {
  std::string type;
  std::optional<std::string> name;
  std::optional<json::value> schema;
};
BOOST_DESCRIBE_STRUCT(TextFormat, (), (type, name, schema))

struct TextOptions {
  std::optional<TextFormat> format;
  std::optional<std::string> verbosity;
};
BOOST_DESCRIBE_STRUCT(TextOptions, (), (format, verbosity))

struct Reasoning {
  std::optional<std::string> effort, summary;
};
BOOST_DESCRIBE_STRUCT(Reasoning, (), (effort, summary))

struct CreateRequest {
  std::optional<std::string> model, instructions, previous_response_id;
  std::optional<json::value> input;
  std::optional<bool> stream, store, background, parallel_tool_calls;
  std::optional<std::int64_t> max_output_tokens, top_logprobs, seed, priority;
  std::optional<double> temperature, top_p;
  std::optional<std::vector<json::value>> tools;
  std::optional<json::value> tool_choice, conversation, prompt;
  std::optional<TextOptions> text;
  std::optional<Reasoning> reasoning;
  std::optional<std::vector<std::string>> include, knowledge;
  std::optional<std::map<std::string, std::string>> metadata;
  std::optional<std::string> user, safety_identifier, prompt_cache_key, service_tier, truncation;
};
BOOST_DESCRIBE_STRUCT(CreateRequest, (), (model, instructions, previous_response_id, input, stream, store, background, parallel_tool_calls, max_output_tokens,
                                          top_logprobs, seed, priority, temperature, top_p, tools, tool_choice, conversation, prompt, text, reasoning, include,
                                          knowledge, metadata, user, safety_identifier, prompt_cache_key, service_tier, truncation))

}  // namespace siyu::api::responses
