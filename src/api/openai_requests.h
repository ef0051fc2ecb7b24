// Request bodies of the OpenAI endpoints. Unknown fields are ignored there, as OpenAI's own clients expect.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace siyu::api::openai {

struct StreamOptions {
  std::optional<bool> include_usage;
};
BOOST_DESCRIBE_STRUCT(StreamOptions, (), (include_usage))

struct Message {
  std::string role;
  std::optional<json::value> content;  ///< text, null, or an array of parts
};
BOOST_DESCRIBE_STRUCT(Message, (), (role, content))

struct ChatCompletionRequest {
  std::optional<std::string> model;
  std::vector<Message> messages;
  std::optional<std::vector<std::string>> knowledge;
  std::optional<bool> stream;
  std::optional<StreamOptions> stream_options;
};
BOOST_DESCRIBE_STRUCT(ChatCompletionRequest, (), (model, messages, knowledge, stream, stream_options))

}  // namespace siyu::api::openai
