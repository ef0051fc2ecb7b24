// Anthropic's Messages API.
#include "api/anthropic_convert.h"
#include "api/call_options.h"
#include "api/generation_call.h"
#include "api/messages_writers.h"
#include "routes.gen.h"

namespace siyu::api {
namespace {

/// Tokens of the prompt, for the beginning of a stream; 0 where the engine does not count, as on clouds.
std::int32_t prompt_tokens(engine::Engine& engine, const engine::GenerateRequest& request) { return engine.count_prompt_tokens(request).value_or(0); }

}  // namespace

namespace handlers {

Reply create_message(Call& call) {
  ASSIGN_OR_RETURN(const auto body, from_json_text<anthropic::MessagesRequest>(call.request.body));
  if (!body.max_tokens) return invalid_field("max_tokens", "is missing");
  chat::Request request{.model = body.model.value_or(""), .generate = {}, .knowledge = body.knowledge.value_or(std::vector<std::string>{})};
  ASSIGN_OR_RETURN(request.generate, anthropic::to_generate(body));
  const bool streamed = body.stream.value_or(false);
  request.generate.restartable = !streamed;
  anthropic::MessageOptions options{.show_thinking = request.generate.enable_thinking.value_or(false), .max_tokens = *request.generate.max_tokens};
  if (request.knowledge.empty()) {
    ASSIGN_OR_RETURN(const auto served, call.services.gateway.route(*call.pass, request.model, serving::Kind::kChat));
    // Thinking is off here unless asked for; a model without that switch is not told of it.
    if (!body.thinking && served.engine->info().thinking) request.generate.enable_thinking = false;
    if (streamed) options.prompt_tokens = prompt_tokens(*served.engine, request.generate);
  }
  ASSIGN_OR_RETURN(request.call, call_options(call, nullptr));
  ASSIGN_OR_RETURN(auto answer, call.services.chat.answer(*call.pass, std::move(request)));
  auto head = head_of(call, "msg", answer.model, answer.grounding);
  auto writer = streamed ? anthropic::streamed_message(std::move(head), options) : anthropic::whole_message(std::move(head), options);
  std::vector<std::unique_ptr<chat::Stream>> streams;
  streams.push_back(std::move(answer.stream));
  return generation_reply(std::move(streams), std::move(writer), reply_options(call, answer.model));
}

Reply count_message_tokens(Call& call) {
  ASSIGN_OR_RETURN(const auto body, from_json_text<anthropic::MessagesRequest>(call.request.body));
  ASSIGN_OR_RETURN(const auto request, anthropic::to_generate(body));
  ASSIGN_OR_RETURN(const auto served, call.services.gateway.route(*call.pass, body.model.value_or(""), serving::Kind::kChat));
  ASSIGN_OR_RETURN(const auto tokens, served.engine->count_prompt_tokens(request));
  auto response = net::json_response(200, json::serialize(json::object{{"input_tokens", tokens}}));
  response.headers.add("request-id", call.request.id);
  return response;
}

}  // namespace handlers
}  // namespace siyu::api
