// Pieces that the bodies of several endpoints share. Internal to api.
#pragma once

#include "api/reply_writer.h"
#include "base/json.h"
#include "base/text.h"
#include "net/http.h"

namespace siyu::api {

/// An event of a stream whose events have names; the name is the body's `type` as well.
inline std::string named_event(const json::object& body) {
  return "event: " + std::string(body.at("type").get_string()) + "\n" + net::sse_event(json::serialize(body));
}

inline json::object envelope(const ReplyHead& head, std::string_view object, json::array choices) {
  json::object body{{"id", head.id}, {"object", object}, {"created", head.created}, {"model", head.model}};
  if (head.service_tier) body["service_tier"] = *head.service_tier;
  body["choices"] = std::move(choices);  // last: streamed chats write on from here
  return body;
}

inline json::object usage_object(const engine::Usage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens}, {"completion_tokens", usage.completion_tokens},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}},
          {"completion_tokens_details",
           {{"reasoning_tokens", usage.reasoning_tokens}, {"accepted_prediction_tokens", usage.accepted_prediction_tokens},
            {"rejected_prediction_tokens", usage.rejected_prediction_tokens}}}};
}

/// A token may be part of a character: its text is repaired for JSON, its bytes are exact.
inline json::object token_object(const std::string& token, double logprob) {
  json::array bytes;
  for (const char byte : token) bytes.push_back(static_cast<unsigned char>(byte));
  return {{"token", repair_utf8(token)}, {"logprob", logprob}, {"bytes", std::move(bytes)}};
}

}  // namespace siyu::api
