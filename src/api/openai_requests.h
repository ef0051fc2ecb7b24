// The request bodies of the OpenAI endpoints as clients send them. Decoding checks shapes; to_generate_request (in
// openai_convert.h) checks meanings and hands on what the engines understand.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace siyu::api::openai {

struct StreamOptions {
  std::optional<bool> include_usage, include_obfuscation;
};
BOOST_DESCRIBE_STRUCT(StreamOptions, (), (include_usage, include_obfuscation))

struct ToolCallFunction {
  std::string name;
  std::optional<std::string> arguments;
};
BOOST_DESCRIBE_STRUCT(ToolCallFunction, (), (name, arguments))

struct ToolCall {
  std::optional<std::string> id;
  std::optional<std::string> type;
  ToolCallFunction function;
};
BOOST_DESCRIBE_STRUCT(ToolCall, (), (id, type, function))

struct Message {
  std::string role;
  std::optional<json::value> content;  ///< text, null, or an array of parts
  std::optional<std::string> name;
  std::optional<std::vector<ToolCall>> tool_calls;
  std::optional<std::string> tool_call_id;
  std::optional<std::string> reasoning_content;
};
BOOST_DESCRIBE_STRUCT(Message, (), (role, content, name, tool_calls, tool_call_id, reasoning_content))

struct JsonSchema {
  std::optional<std::string> name;
  std::optional<json::value> schema;
  std::optional<bool> strict;
};
BOOST_DESCRIBE_STRUCT(JsonSchema, (), (name, schema, strict))

struct ResponseFormat {
  std::string type;
  std::optional<JsonSchema> json_schema;
};
BOOST_DESCRIBE_STRUCT(ResponseFormat, (), (type, json_schema))

struct SamplingFields {
  std::optional<double> temperature, top_p, min_p, repetition_penalty, presence_penalty, frequency_penalty;
  std::optional<std::int64_t> top_k, seed, n;
  std::optional<json::value> stop;
  std::optional<std::map<std::string, double>> logit_bias;
};
BOOST_DESCRIBE_STRUCT(SamplingFields, (),
                      (temperature, top_p, min_p, repetition_penalty, presence_penalty, frequency_penalty, top_k, seed, n, stop, logit_bias))

/// What vLLM and SGLang take; models whose template knows thinking listen to it.
struct TemplateOptions {
  std::optional<bool> enable_thinking;
};
BOOST_DESCRIBE_STRUCT(TemplateOptions, (), (enable_thinking))

/// Text that the answer is likely to repeat.
struct Prediction {
  std::string type;
  json::value content;
};
BOOST_DESCRIBE_STRUCT(Prediction, (), (type, content))

struct ChatCompletionRequest {
  std::optional<std::string> model;
  std::vector<Message> messages;
  std::optional<std::vector<std::string>> knowledge;
  std::optional<bool> stream;
  std::optional<StreamOptions> stream_options;
  std::optional<std::int64_t> max_tokens, max_completion_tokens;
  std::optional<bool> logprobs;
  std::optional<std::int64_t> top_logprobs;
  std::optional<std::vector<json::value>> tools;
  std::optional<json::value> tool_choice;
  std::optional<bool> parallel_tool_calls;
  std::optional<ResponseFormat> response_format;
  std::optional<TemplateOptions> chat_template_kwargs;
  std::optional<std::string> reasoning_effort, service_tier;
  std::optional<std::int64_t> priority;
  std::optional<Prediction> prediction;
  // Checked for their types; they change nothing here.
  std::optional<std::map<std::string, std::string>> metadata;
  std::optional<bool> store;
  std::optional<std::string> user, safety_identifier, prompt_cache_key, verbosity;
  std::optional<std::vector<std::string>> modalities;
};
BOOST_DESCRIBE_STRUCT(ChatCompletionRequest, (),
                      (model, messages, knowledge, stream, stream_options, max_tokens, max_completion_tokens, logprobs, top_logprobs,
                       tools, tool_choice, parallel_tool_calls, response_format, chat_template_kwargs, reasoning_effort, service_tier, priority, prediction,
                       metadata, store, user, safety_identifier, prompt_cache_key, verbosity, modalities))

struct CompletionRequest {
  std::optional<std::string> model;
  json::value prompt;
  std::optional<bool> stream, echo;
  std::optional<std::string> suffix;
  std::optional<StreamOptions> stream_options;
  std::optional<std::int64_t> max_tokens, logprobs, priority;
};
BOOST_DESCRIBE_STRUCT(CompletionRequest, (), (model, prompt, stream, echo, suffix, stream_options, max_tokens, logprobs, priority))

struct EmbeddingRequest {
  std::optional<std::string> model;
  json::value input;
  std::optional<std::string> encoding_format;
  std::optional<std::int64_t> dimensions;
};
BOOST_DESCRIBE_STRUCT(EmbeddingRequest, (), (model, input, encoding_format, dimensions))

}  // namespace siyu::api::openai
