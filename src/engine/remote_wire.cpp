#include "engine/remote_wire.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/json.h"
#include "engine/picture.h"

namespace siyu::engine {
namespace {

constexpr std::int32_t kMaxToolIndex = 255;  // tool calls in one answer

std::string_view role_name(Role role) {
  switch (role) {
    case Role::kSystem: return "system";
    case Role::kUser: return "user";
    case Role::kAssistant: return "assistant";
    case Role::kTool: return "tool";
  }
  return "user";
}

json::object function_call(const ToolCall& call) {
  return {{"id", call.id}, {"type", "function"}, {"function", {{"name", call.name}, {"arguments", call.arguments}}}};
}

/// Text and pictures in turn, as OpenAI's API has them.
json::value content_of(const Message& message) {
  if (message.images.empty()) return json::value(message.content);
  json::array parts;
  visit_content(message, [&](const std::string& piece) { parts.push_back({{"type", "text"}, {"text", piece}}); },
                [&](const Picture& picture) {
                  parts.push_back({{"type", "image_url"}, {"image_url", {{"url", "data:" + std::string(picture_media_type(picture)) + ";base64," + picture.file}}}});
                });
  return parts;
}

json::object message_object(const Message& message) {
  json::object out{{"role", role_name(message.role)}, {"content", content_of(message)}};
  if (!message.reasoning_content.empty()) out["reasoning_content"] = message.reasoning_content;
  if (!message.name.empty()) out["name"] = message.name;
  if (!message.tool_call_id.empty()) out["tool_call_id"] = message.tool_call_id;
  if (message.tool_calls.empty()) return out;
  if (message.content.empty() && message.images.empty()) out["content"] = nullptr;
  json::array calls;
  for (const auto& call : message.tool_calls) calls.push_back(function_call(call));
  out["tool_calls"] = std::move(calls);
  return out;
}

/// Text that came as JSON and goes as JSON; what is not JSON goes as an empty object.
json::value json_of(const std::string& text) { return parse_json(text).value_or(json::object()); }

void add_messages(const GenerateRequest& request, json::object& body) {
  json::array messages;
  for (const auto& message : request.messages) messages.push_back(message_object(message));
  body["messages"] = std::move(messages);
  if (request.enable_thinking) body["chat_template_kwargs"] = json::object{{"enable_thinking", *request.enable_thinking}};
  if (request.tools.empty()) return;
  json::array tools;
  for (const auto& tool : request.tools) {
    json::object function{{"name", tool.name}};
    if (!tool.description.empty()) function["description"] = tool.description;
    if (!tool.parameters.empty()) function["parameters"] = json_of(tool.parameters);
    tools.push_back({{"type", "function"}, {"function", std::move(function)}});
  }
  body["tools"] = std::move(tools);
}

void add_tool_choice(const GenerateRequest& request, json::object& body) {
  if (request.tools.empty()) return;
  switch (request.tool_choice) {
    case ToolChoice::kAuto: break;
    case ToolChoice::kNone: body["tool_choice"] = "none"; break;
    case ToolChoice::kRequired: body["tool_choice"] = "required"; break;
    case ToolChoice::kNamed: body["tool_choice"] = json::object{{"type", "function"}, {"function", {{"name", request.tool_name}}}}; break;
  }
  if (request.parallel_tool_calls) body["parallel_tool_calls"] = *request.parallel_tool_calls;
}

void add_format(const GenerateRequest& request, json::object& body) {
  if (request.response_format == ResponseFormat::kJsonObject) body["response_format"] = json::object{{"type", "json_object"}};
  if (request.response_format == ResponseFormat::kJsonSchema)
    body["response_format"] = json::object{{"type", "json_schema"},
                                           {"json_schema", {{"name", request.json_schema_name.empty() ? "answer" : request.json_schema_name},
                                                            {"strict", true},
                                                            {"schema", json_of(request.json_schema)}}}};
}

template <class T>
void add_if(json::object& body, std::string_view key, const std::optional<T>& value) {
  if (value) body[key] = *value;
}

json::object common_body(const GenerateRequest& request, const std::string& model) {
  json::object body{{"model", model}, {"stream", true}, {"stream_options", {{"include_usage", true}}}};
  const auto& sampling = request.sampling;
  add_if(body, "temperature", sampling.temperature);
  add_if(body, "top_p", sampling.top_p);
  add_if(body, "top_k", sampling.top_k);
  add_if(body, "min_p", sampling.min_p);
  add_if(body, "presence_penalty", sampling.presence_penalty);
  add_if(body, "frequency_penalty", sampling.frequency_penalty);
  add_if(body, "repetition_penalty", sampling.repetition_penalty);
  add_if(body, "seed", sampling.seed);
  add_if(body, "max_tokens", request.max_tokens);
  if (!sampling.logit_bias.empty()) body["logit_bias"] = to_json(sampling.logit_bias);
  if (!request.stop.empty()) body["stop"] = to_json(request.stop);
  return body;
}

template <class T>
std::string embedding_text(std::span<const T> inputs, const std::string& model) {
  return json::serialize(json::object{{"model", model}, {"input", to_json(std::vector<T>(inputs.begin(), inputs.end()))}, {"encoding_format", "float"}});
}

// What comes back. Everything is optional: each server leaves out something else.

struct WireFunction {
  std::optional<std::string> name, arguments;
};
BOOST_DESCRIBE_STRUCT(WireFunction, (), (name, arguments))
struct WireToolCall {
  std::optional<std::int32_t> index;
  std::optional<std::string> id;
  std::optional<WireFunction> function;
};
BOOST_DESCRIBE_STRUCT(WireToolCall, (), (index, id, function))
struct WireDelta {
  std::optional<std::string> content, reasoning_content, reasoning;
  std::optional<std::vector<WireToolCall>> tool_calls;
};
BOOST_DESCRIBE_STRUCT(WireDelta, (), (content, reasoning_content, reasoning, tool_calls))

struct WireProbability {
  std::string token;
  double logprob = 0;
  std::optional<std::vector<std::uint8_t>> bytes;
};
BOOST_DESCRIBE_STRUCT(WireProbability, (), (token, logprob, bytes))
struct WireLogprob : WireProbability {
  std::optional<std::vector<WireProbability>> top_logprobs;
};
BOOST_DESCRIBE_STRUCT(WireLogprob, (WireProbability), (top_logprobs))
/// Chat has `content`; completions have either that or OpenAI's older parallel lists.
struct WireLogprobs {
  std::optional<std::vector<WireLogprob>> content;
  std::optional<std::vector<std::string>> tokens;
  std::optional<std::vector<std::optional<double>>> token_logprobs;
  std::optional<std::vector<std::optional<std::map<std::string, double>>>> top_logprobs;
};
BOOST_DESCRIBE_STRUCT(WireLogprobs, (), (content, tokens, token_logprobs, top_logprobs))

struct WireChoice {
  std::optional<WireDelta> delta, message;  // of a chunk, of a whole answer
  std::optional<std::string> text;
  std::optional<WireLogprobs> logprobs;
  std::optional<std::string> finish_reason;
  std::optional<json::value> stop_reason;  // vLLM: the stop string, or the number of a stop token
};
BOOST_DESCRIBE_STRUCT(WireChoice, (), (delta, message, text, logprobs, finish_reason, stop_reason))
struct WireUsageDetails {
  std::optional<std::int32_t> cached_tokens;
};
BOOST_DESCRIBE_STRUCT(WireUsageDetails, (), (cached_tokens))
struct WireCompletionDetails {
  std::optional<std::int32_t> reasoning_tokens, accepted_prediction_tokens, rejected_prediction_tokens;
};
BOOST_DESCRIBE_STRUCT(WireCompletionDetails, (), (reasoning_tokens, accepted_prediction_tokens, rejected_prediction_tokens))
struct WireUsage {
  std::optional<std::int32_t> prompt_tokens, completion_tokens;
  std::optional<WireUsageDetails> prompt_tokens_details;
  std::optional<WireCompletionDetails> completion_tokens_details;
};
BOOST_DESCRIBE_STRUCT(WireUsage, (), (prompt_tokens, completion_tokens, prompt_tokens_details, completion_tokens_details))
/// llama-server's own.
struct WireTimings {
  std::optional<double> prompt_ms, predicted_ms;
};
BOOST_DESCRIBE_STRUCT(WireTimings, (), (prompt_ms, predicted_ms))
struct WireChunk {
  std::optional<std::vector<WireChoice>> choices;
  std::optional<WireUsage> usage;
  std::optional<WireTimings> timings;
  std::optional<json::value> error;
};
BOOST_DESCRIBE_STRUCT(WireChunk, (), (choices, usage, timings, error))

struct WireVector {
  std::optional<std::size_t> index;
  std::vector<float> embedding;
};
BOOST_DESCRIBE_STRUCT(WireVector, (), (index, embedding))
struct WireVectors {
  std::vector<WireVector> data;
  std::optional<WireUsage> usage;
};
BOOST_DESCRIBE_STRUCT(WireVectors, (), (data, usage))

struct WireScore {
  std::size_t index = 0;
  float relevance_score = 0;
};
BOOST_DESCRIBE_STRUCT(WireScore, (), (index, relevance_score))
struct WireRerankUsage {
  std::optional<std::int32_t> prompt_tokens, total_tokens;
};
BOOST_DESCRIBE_STRUCT(WireRerankUsage, (), (prompt_tokens, total_tokens))
struct WireScores {
  std::vector<WireScore> results;
  std::optional<WireRerankUsage> usage;
};
BOOST_DESCRIBE_STRUCT(WireScores, (), (results, usage))

struct WireModelMeta {
  std::optional<std::int32_t> n_ctx, n_embd;
  std::optional<std::int64_t> n_params;
};
BOOST_DESCRIBE_STRUCT(WireModelMeta, (), (n_ctx, n_embd, n_params))
struct WireModel {
  std::string id;
  std::optional<std::string> owned_by;
  std::optional<std::int32_t> max_model_len;  // vLLM, SGLang
  std::optional<WireModelMeta> meta;          // llama-server
};
BOOST_DESCRIBE_STRUCT(WireModel, (), (id, owned_by, max_model_len, meta))
struct WireModels {
  std::vector<WireModel> data;
};
BOOST_DESCRIBE_STRUCT(WireModels, (), (data))

struct WireTokens {
  std::vector<Token> tokens;
};
BOOST_DESCRIBE_STRUCT(WireTokens, (), (tokens))
struct WirePrompt {
  std::string prompt;
};
BOOST_DESCRIBE_STRUCT(WirePrompt, (), (prompt))

std::string token_bytes(const WireProbability& one) { return one.bytes ? std::string(one.bytes->begin(), one.bytes->end()) : one.token; }

std::vector<TokenLogprob> logprobs_of(const WireLogprobs& in) {
  std::vector<TokenLogprob> out;
  for (const auto& one : in.content.value_or(std::vector<WireLogprob>{})) {
    auto& token = out.emplace_back(TokenLogprob{.token = token_bytes(one), .logprob = one.logprob, .top = {}});
    for (const auto& other : one.top_logprobs.value_or(std::vector<WireProbability>{}))
      token.top.push_back({.token = token_bytes(other), .logprob = other.logprob});
  }
  if (!in.tokens || !in.token_logprobs) return out;
  for (std::size_t i = 0; i < std::min(in.tokens->size(), in.token_logprobs->size()); ++i) {
    auto& token = out.emplace_back(TokenLogprob{.token = (*in.tokens)[i], .logprob = (*in.token_logprobs)[i].value_or(0), .top = {}});
    if (!in.top_logprobs || i >= in.top_logprobs->size() || !(*in.top_logprobs)[i]) continue;
    for (const auto& [text, logprob] : *(*in.top_logprobs)[i]) token.top.push_back({.token = text, .logprob = logprob});
    std::ranges::sort(token.top, std::ranges::greater{}, &TokenProbability::logprob);
  }
  return out;
}

FinishReason reason_of(std::string_view reason) {
  if (reason == "length") return FinishReason::kLength;
  if (reason == "tool_calls" || reason == "function_call") return FinishReason::kToolCalls;
  if (reason == "content_filter") return FinishReason::kContentFilter;
  return FinishReason::kStop;
}

Result<Delta> delta_of(WireChoice& choice) {
  Delta delta;
  if (choice.text) delta.content = *std::move(choice.text);
  if (choice.logprobs) delta.logprobs = logprobs_of(*choice.logprobs);
  if (!choice.delta && !choice.message) return delta;
  auto& wire = choice.delta ? *choice.delta : *choice.message;
  if (wire.content) delta.content = *std::move(wire.content);
  if (wire.reasoning_content) delta.reasoning = *std::move(wire.reasoning_content);
  else if (wire.reasoning) delta.reasoning = *std::move(wire.reasoning);
  if (!wire.tool_calls) return delta;
  std::int32_t place = 0;
  for (auto& call : *wire.tool_calls) {
    const auto index = call.index.value_or(place++);  // whole answers have none
    if (index < 0 || index > kMaxToolIndex) return invalid("tool_calls.index is out of range");
    auto function = std::move(call.function).value_or(WireFunction{});
    delta.tool_calls.push_back({.index = index, .id = call.id.value_or(""), .name = function.name.value_or(""), .arguments = function.arguments.value_or("")});
  }
  return delta;
}

PeerFault fault_of(const json::value& value) {
  const auto text = [&](std::string_view key) {
    const auto* object = value.if_object();
    const auto* found = object == nullptr ? nullptr : object->if_contains(key);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
  };
  PeerFault fault{.message = value.is_string() ? std::string(value.get_string()) : text("message")};
  fault.too_long = text("code") == "context_length_exceeded" || text("type") == "exceed_context_size_error" ||
                   fault.message.find("context length") != std::string::npos ||    // vLLM, SGLang
                   fault.message.find("input is too large") != std::string::npos;  // llama-server on embeddings, as a 500
  return fault;
}

/// Length 1; a vector of zeros stays as it is.
void scale_to_one(std::vector<float>& vector) {
  double squares = 0;
  for (const float x : vector) squares += static_cast<double>(x) * x;
  if (squares <= 0) return;
  const auto factor = static_cast<float>(1 / std::sqrt(squares));
  for (float& x : vector) x *= factor;
}

}  // namespace

std::string chat_body(const GenerateRequest& request, const std::string& model) {
  auto body = common_body(request, model);
  add_messages(request, body);
  add_tool_choice(request, body);
  add_format(request, body);
  if (request.logprobs) body["logprobs"] = true;
  if (request.top_logprobs > 0) body["top_logprobs"] = request.top_logprobs;
  if (!request.prediction.empty()) body["prediction"] = json::object{{"type", "content"}, {"content", request.prediction}};
  return json::serialize(body);
}

std::string completion_body(const GenerateRequest& request, const std::string& model) {
  auto body = common_body(request, model);
  body["prompt"] = request.prompt_kind == PromptKind::kTokens ? to_json(request.prompt_tokens) : json::value(request.prompt);
  if (request.logprobs) body["logprobs"] = request.top_logprobs;
  if (request.echo) body["echo"] = true;
  return json::serialize(body);
}

std::string embedding_body(std::span<const std::string> texts, const std::string& model) { return embedding_text(texts, model); }
std::string embedding_body(std::span<const std::vector<Token>> tokens, const std::string& model) { return embedding_text(tokens, model); }

std::string template_body(const GenerateRequest& request, const std::string& model) {
  json::object body{{"model", model}};
  add_messages(request, body);
  return json::serialize(body);
}

std::string tokenize_body(const std::string& text, const std::string& model, bool special) {
  return json::serialize(json::object{{"model", model}, {"prompt", text}, {"content", text}, {"add_special", special}, {"add_special_tokens", special}});
}

Result<std::optional<Delta>> ChunkReader::read(std::string_view data) {
  ASSIGN_OR_RETURN(auto chunk, from_json_text<WireChunk>(data));
  if (chunk.error) {
    const auto fault = fault_of(*chunk.error);
    return fail(ErrorCode::kUnavailable, fault.message.empty() ? "it gave no reason" : fault.message);
  }
  if (chunk.usage) {
    finish_.usage.prompt_tokens = chunk.usage->prompt_tokens.value_or(0);
    finish_.usage.completion_tokens = chunk.usage->completion_tokens.value_or(0);
    finish_.usage.cached_tokens = chunk.usage->prompt_tokens_details.value_or(WireUsageDetails{}).cached_tokens.value_or(0);
    const auto details = chunk.usage->completion_tokens_details.value_or(WireCompletionDetails{});
    finish_.usage.reasoning_tokens = details.reasoning_tokens.value_or(0);
    finish_.usage.accepted_prediction_tokens = details.accepted_prediction_tokens.value_or(0);
    finish_.usage.rejected_prediction_tokens = details.rejected_prediction_tokens.value_or(0);
  }
  if (chunk.timings) finish_.timings = {.queued_ms = 0, .prefill_ms = chunk.timings->prompt_ms.value_or(0), .decode_ms = chunk.timings->predicted_ms.value_or(0)};
  if (!chunk.choices || chunk.choices->empty()) return std::optional<Delta>();
  auto& choice = chunk.choices->front();
  if (choice.finish_reason) {
    finished_ = true;
    finish_.reason = reason_of(*choice.finish_reason);
    if (choice.stop_reason && choice.stop_reason->is_string()) finish_.stop = std::string(choice.stop_reason->get_string());
  }
  ASSIGN_OR_RETURN(auto delta, delta_of(choice));
  if (delta == Delta{}) return std::optional<Delta>();
  // What servers send with a chunk is one token; the true number comes with the end, or with a whole answer.
  delta.usage.completion_tokens = choice.message ? finish_.usage.completion_tokens : 1;
  return std::optional(std::move(delta));
}

std::optional<Finish> ChunkReader::finish() const { return finished_ ? std::optional(finish_) : std::nullopt; }

Result<EmbedResult> read_embeddings(std::string_view body, std::size_t expected) {
  ASSIGN_OR_RETURN(auto wire, from_json_text<WireVectors>(body));
  if (wire.data.size() != expected) return invalid("`data` holds " + std::to_string(wire.data.size()) + " vectors for " + std::to_string(expected) + " texts");
  const auto dimensions = wire.data[0].embedding.size();
  EmbedResult result;
  result.vectors.resize(expected);
  for (std::size_t i = 0; i < expected; ++i) {
    auto& one = wire.data[i];
    const auto index = one.index.value_or(i);
    if (index >= expected || !result.vectors[index].empty()) return invalid("`data.index` is out of range or stands twice");
    if (one.embedding.empty() || one.embedding.size() != dimensions) return invalid("the vectors of `data` are not of one length");
    scale_to_one(one.embedding);
    result.vectors[index] = std::move(one.embedding);
  }
  result.prompt_tokens = wire.usage.value_or(WireUsage{}).prompt_tokens.value_or(0);
  return result;
}

std::string rerank_body(const RerankRequest& request, const std::string& model) {
  return json::serialize(json::object{{"model", model}, {"query", request.query}, {"documents", to_json(request.documents)}, {"top_n", request.documents.size()}});
}

Form transcription_form(const TranscribeRequest& request, const std::string& model) {
  // A boundary must not stand in the content; a longer one is tried until it does not.
  std::string boundary = "siyu-form";
  while (request.audio.find(boundary) != std::string::npos) boundary += "-" + std::to_string(boundary.size());
  Form form{.content_type = "multipart/form-data; boundary=" + boundary, .body = {}};
  const auto begin = [&](const std::string& name, const std::string& more) {
    form.body += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"" + more + "\r\n\r\n";
  };
  begin("model", "");
  form.body += model + "\r\n";
  for (const auto& [name, value] : request.fields) {
    begin(name, "");
    form.body += value + "\r\n";
  }
  std::string filename;  // of the client: only what cannot break the header
  for (const char c : request.filename)
    if (c >= ' ' && c != '"' && c != '\\') filename += c;
  begin("file", "; filename=\"" + filename + "\"\r\nContent-Type: application/octet-stream");
  form.body += request.audio + "\r\n--" + boundary + "--\r\n";
  return form;
}

Result<RerankResult> read_scores(std::string_view body, std::size_t expected) {
  ASSIGN_OR_RETURN(const auto wire, from_json_text<WireScores>(body));
  if (wire.results.size() != expected) return invalid("`results` holds " + std::to_string(wire.results.size()) + " scores for " + std::to_string(expected) + " documents");
  std::vector<std::optional<float>> scores(expected);
  for (const auto& one : wire.results) {
    if (one.index >= expected || scores[one.index]) return invalid("`results.index` is out of range or stands twice");
    scores[one.index] = one.relevance_score;
  }
  RerankResult result;
  for (const auto& score : scores) result.scores.push_back(*score);
  const auto usage = wire.usage.value_or(WireRerankUsage{});
  result.prompt_tokens = usage.prompt_tokens.value_or(usage.total_tokens.value_or(0));
  return result;
}

PeerFault read_fault(std::string_view body) {
  const auto value = parse_json(body);
  const auto* object = value ? value->if_object() : nullptr;
  if (object == nullptr) return {};
  for (const std::string_view key : {"error", "detail", "message"})  // OpenAI's, FastAPI's, others'
    if (const auto* found = object->if_contains(key)) {
      if (auto fault = fault_of(*found); !fault.message.empty()) return fault;
    }
  return {};
}

Result<std::vector<PeerModel>> read_models(std::string_view body) {
  ASSIGN_OR_RETURN(auto wire, from_json_text<WireModels>(body));
  std::vector<PeerModel> models;
  for (auto& one : wire.data) {
    const auto meta = one.meta.value_or(WireModelMeta{});
    models.push_back({.id = std::move(one.id), .owner = one.owned_by.value_or(""), .context_tokens = one.max_model_len.value_or(meta.n_ctx.value_or(0)),
                      .embedding_dimensions = meta.n_embd.value_or(0), .parameters = meta.n_params.value_or(0)});
  }
  return models;
}

Result<std::vector<Token>> read_tokens(std::string_view body) {
  ASSIGN_OR_RETURN(auto wire, from_json_text<WireTokens>(body));
  return std::move(wire.tokens);
}

Result<std::string> read_prompt(std::string_view body) {
  ASSIGN_OR_RETURN(auto wire, from_json_text<WirePrompt>(body));
  return std::move(wire.prompt);
}

}  // namespace siyu::engine
