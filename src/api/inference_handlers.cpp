// OpenAI's endpoints: models, chat, completions, embeddings; and ask, which is a chat of one question.
#include <cstring>

#include "api/call_options.h"
#include "api/generation_call.h"
#include "api/knowledge_bodies.h"
#include "api/openai_convert.h"
#include "api/openai_requests.h"
#include "base/bytes.h"
#include "routes.gen.h"

namespace siyu::api {
namespace {

struct ServedModelDetails {
  serving::Kind kind = serving::Kind::kChat;
  std::int32_t context_length = 0;
  bool vision = false;
};
BOOST_DESCRIBE_STRUCT(ServedModelDetails, (), (kind, context_length, vision))
struct ServedModelBody {
  std::string id;
  std::string object = "model";
  std::int64_t created = 0;
  std::string owned_by = "siyu";
  ServedModelDetails siyu;
};
BOOST_DESCRIBE_STRUCT(ServedModelBody, (), (id, object, created, owned_by, siyu))
struct ServedModelListBody {
  std::string object = "list";
  std::vector<ServedModelBody> data;
};
BOOST_DESCRIBE_STRUCT(ServedModelListBody, (), (object, data))

ServedModelBody to_body(const serving::Served& served) {
  return {.id = served.name, .created = to_unix_millis(served.loaded_at) / 1000,
          .siyu = {.kind = served.kind, .context_length = served.engine->info().context_tokens, .vision = served.vision && served.kind == serving::Kind::kChat}};
}

bool wants_usage(const std::optional<openai::StreamOptions>& options) { return options && options->include_usage.value_or(false); }

/// Models whose answer is an embedding are little-endian floats in base 64 when asked so: a third of the JSON's size.
json::value embedding_value(const std::vector<float>& vector, bool base64) {
  if (!base64) return json::value(json::array(vector.begin(), vector.end()));
  std::string bytes(vector.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), vector.data(), bytes.size());
  return json::value(to_base64(as_bytes(bytes)));
}

}  // namespace

namespace handlers {

Reply list_served_models(Call& call) {
  ServedModelListBody body;
  for (const auto& served : call.services.host.served()) body.data.push_back(to_body(served));
  return reply_json(body);
}

Reply get_served_model(Call& call) {
  const auto served = call.services.host.find(call.param("model"));
  if (!served) return fail_because(ErrorCode::kNotFound, "model_not_found", "The model `" + call.param("model") + "` is not loaded");
  return reply_json(to_body(*served));
}

Reply create_chat_completion(Call& call) {
  ASSIGN_OR_RETURN(const auto json, parse_json(call.request.body));
  ASSIGN_OR_RETURN(const auto body, from_json<openai::ChatCompletionRequest>(json));
  ASSIGN_OR_RETURN(const auto sampling, from_json<openai::SamplingFields>(json));
  ASSIGN_OR_RETURN(const auto choices, openai::choices_of(sampling));
  chat::Request request{.model = body.model.value_or(""), .generate = {}, .knowledge = body.knowledge.value_or(std::vector<std::string>{})};
  if (choices > 1 && !request.knowledge.empty()) return invalid("`n` must be 1 when `knowledge` is given");
  ASSIGN_OR_RETURN(request.generate, openai::to_generate(body, sampling));
  ASSIGN_OR_RETURN(request.call, call_options(call, json, choices));
  request.generate.restartable = !body.stream.value_or(false);

  std::vector<std::unique_ptr<chat::Stream>> streams;
  ReplyHead head;
  for (int i = 0; i < choices; ++i) {
    chat::Request one = request;
    // With one seed for all, all choices would be the same.
    if (i > 0 && one.generate.sampling.seed) *one.generate.sampling.seed += static_cast<std::uint32_t>(i);
    ASSIGN_OR_RETURN(auto answer, call.services.chat.answer(*call.pass, std::move(one)));
    if (i == 0) head = head_of(call, "chatcmpl", answer.model, answer.grounding);
    head.service_tier = openai::tier_of(body.service_tier);
    streams.push_back(std::move(answer.stream));
  }
  const auto model = head.model;
  auto writer = body.stream.value_or(false)
                    ? streamed_chat(std::move(head), streams.size(), wants_usage(body.stream_options), body.logprobs.value_or(false))
                    : whole_chat(std::move(head), streams.size());
  return generation_reply(std::move(streams), std::move(writer), reply_options(call, model));
}

Reply create_completion(Call& call) {
  ASSIGN_OR_RETURN(const auto json, parse_json(call.request.body));
  ASSIGN_OR_RETURN(const auto body, from_json<openai::CompletionRequest>(json));
  ASSIGN_OR_RETURN(const auto sampling, from_json<openai::SamplingFields>(json));
  ASSIGN_OR_RETURN(const auto choices, openai::choices_of(sampling));
  ASSIGN_OR_RETURN(const auto requests, openai::to_generate(body, sampling));
  ASSIGN_OR_RETURN(const auto options, call_options(call, json, choices));
  ASSIGN_OR_RETURN(const auto served, call.services.gateway.route(*call.pass, body.model.value_or(""), serving::Kind::kChat, options));
  std::vector<std::unique_ptr<chat::Stream>> streams;
  for (const auto& request : requests) {
    for (int i = 0; i < choices; ++i) {
      auto one = request;
      one.restartable = !body.stream.value_or(false);
      if (one.sampling.seed) *one.sampling.seed += static_cast<std::uint32_t>(i);
      ASSIGN_OR_RETURN(auto generation, served.engine->generate(std::move(one)));
      streams.push_back(chat::plain(std::move(generation)));
    }
  }
  auto head = head_of(call, "cmpl", served.name);
  auto writer = body.stream.value_or(false) ? streamed_completion(std::move(head), streams.size(), wants_usage(body.stream_options))
                                            : whole_completion(std::move(head), streams.size());
  return generation_reply(std::move(streams), std::move(writer), reply_options(call, served.name));
}

Reply create_embeddings(Call& call) {
  ASSIGN_OR_RETURN(const auto body, from_json_text<openai::EmbeddingRequest>(call.request.body));
  const auto format = body.encoding_format.value_or("float");
  if (format != "float" && format != "base64") return invalid("`encoding_format` must be float or base64");
  ASSIGN_OR_RETURN(const auto request, openai::to_embed(body));
  ASSIGN_OR_RETURN(const auto served, call.services.gateway.route(*call.pass, body.model.value_or(""), serving::Kind::kEmbedding));
  const auto dimensions = served.engine->info().embedding_dimensions;
  if (body.dimensions && *body.dimensions != dimensions)
    return fail(ErrorCode::kUnsupported, "The model `" + served.name + "` makes vectors of " + std::to_string(dimensions) + " dimensions only");
  ASSIGN_OR_RETURN(const auto result, served.engine->embed(request));
  call.services.metrics.on_embedding(served.name, result.prompt_tokens);
  json::array data;
  for (std::size_t i = 0; i < result.vectors.size(); ++i)
    data.push_back({{"object", "embedding"}, {"index", i}, {"embedding", embedding_value(result.vectors[i], format == "base64")}});
  const json::object answer{{"object", "list"}, {"data", std::move(data)}, {"model", served.name},
                            {"usage", {{"prompt_tokens", result.prompt_tokens}, {"total_tokens", result.prompt_tokens}}}};
  return net::json_response(200, json::serialize(answer));
}

Reply ask_knowledge_base(Call& call) {
  ASSIGN_OR_RETURN(const auto body, call.body<AskBody>());
  if (trim(body.question).empty()) return invalid("`question` is empty");
  chat::Request request{.model = body.model.value_or(""), .generate = {}, .knowledge = {call.param("base")}, .mode = body.mode.value_or(chat::Mode::kAuto)};
  request.generate.messages.push_back({.role = engine::Role::kUser, .content = body.question});
  ASSIGN_OR_RETURN(request.call, call_options(call, nullptr));
  request.generate.restartable = true;
  const auto begin = call.services.clock.steady_now();
  ASSIGN_OR_RETURN(auto answer, call.services.chat.answer(*call.pass, std::move(request)));
  auto head = head_of(call, "ask", answer.model, answer.grounding);
  auto writer = whole_ask(std::move(head), [&clock = call.services.clock, begin] {
    return std::chrono::duration<double, std::milli>(clock.steady_now() - begin).count();
  });
  const auto model = answer.model;
  std::vector<std::unique_ptr<chat::Stream>> streams;
  streams.push_back(std::move(answer.stream));
  return generation_reply(std::move(streams), std::move(writer), reply_options(call, model));
}

}  // namespace handlers
}  // namespace siyu::api
