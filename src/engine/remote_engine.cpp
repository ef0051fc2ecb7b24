#include "engine/remote_engine.h"

#include <algorithm>

#include "engine/remote_stream.h"
#include "engine/remote_wire.h"

namespace siyu::engine {
namespace {

constexpr std::size_t kEmbedBatch = 64;  // texts in one request; servers limit it, and a batch is what is sent again
constexpr auto kTokenizeTimeout = std::chrono::seconds(10);

std::string model_at_endpoint(const RemoteEngineOptions& options, const std::vector<PeerModel>& models) {
  if (!options.model.empty()) return options.model;
  return models.size() == 1 ? models[0].id : options.name;
}

PeerState::Kind kind_of(std::string_view owner) {
  if (owner == "vllm") return PeerState::Kind::kVllm;
  if (owner == "llamacpp") return PeerState::Kind::kLlamaServer;
  return PeerState::Kind::kPlain;
}

}  // namespace

RemoteEngine::RemoteEngine(RemoteEngineOptions options, net::StreamClient& client, Logger& log)
    : options_(std::move(options)), log_(log), peer_(std::make_shared<RemotePeer>(options_.name, options_.url, options_.api_key,
                                                                             model_at_endpoint(options_, {}), client)) {}

std::unique_ptr<RemoteEngine> RemoteEngine::connect(RemoteEngineOptions options, net::StreamClient& client, Logger& log) {
  std::unique_ptr<RemoteEngine> engine(new RemoteEngine(std::move(options), client, log));
  engine->thread_ = std::thread([self = engine.get()] { self->keep_looking(); });
  return engine;
}

RemoteEngine::~RemoteEngine() {
  peer_->stop();
  {
    const std::lock_guard lock(watch_mu_);
    if (looking_ != nullptr) looking_->cancel();
  }
  thread_.join();
}

void RemoteEngine::keep_looking() {
  auto backoff = options_.first_backoff;
  auto before = EngineState::kStarting;
  for (;;) {
    auto found = look();
    if (peer_->stopped()) return;
    const auto state = found.state;
    if (state != before && state == EngineState::kReady) log_.info("engine_ready", {{"engine", options_.name}, {"model", found.model}});
    if (state != before && state == EngineState::kFailed) log_.warn("engine_down", {{"engine", options_.name}, {"message", found.message}});
    before = state;
    peer_->set_state(std::move(found));
    const bool ready = state == EngineState::kReady;
    if (!peer_->wait_for_cause(ready ? options_.look_interval : backoff)) return;
    backoff = ready ? options_.first_backoff : std::min(backoff * 2, options_.longest_backoff);
  }
}

PeerState RemoteEngine::look() {
  const auto watch = [this](net::ClientStream* stream) {
    const std::lock_guard lock(watch_mu_);
    looking_ = stream;
    if (stream != nullptr && peer_->stopped()) stream->cancel();
  };
  const auto answer = peer_->fetch(peer_->api_request("/models", "", options_.look_timeout), watch);
  if (answer) return read_look(*answer);
  auto found = peer_->state();  // what is known of its model stays known
  found.state = EngineState::kFailed;
  found.unreachable = true;
  found.message = peer_->lost(answer.error(), false).message;
  return found;
}

PeerState RemoteEngine::read_look(const RemotePeer::Answer& answer) const {
  auto found = peer_->state();
  found.unreachable = false;
  found.message.clear();
  found.state = EngineState::kReady;
  // 404, 405, 429: it is there, and simply does not list its models now.
  if (answer.status == 401 || answer.status == 403 || answer.status >= 500) {
    found.state = answer.status == 503 ? EngineState::kStarting : EngineState::kFailed;  // 503: it loads its model
    found.message = peer_->refusal(answer.status, answer.headers, answer.body).message;
  }
  const auto models = answer.status == 200 ? read_models(answer.body).value_or(std::vector<PeerModel>{}) : std::vector<PeerModel>{};
  if (answer.status == 200) found.model = model_at_endpoint(options_, models);
  auto listed = std::ranges::find(models, found.model, &PeerModel::id);
  if (listed == models.end() && models.size() == 1) listed = models.begin();  // llama-server answers under any name
  if (listed == models.end()) return found;
  found.kind = kind_of(listed->owner);
  found.context_tokens = listed->context_tokens;
  found.embedding_dimensions = listed->embedding_dimensions;
  found.parameters = listed->parameters;
  return found;
}

Status RemoteEngine::check_reachable() const {
  const auto state = peer_->state();
  if (!state.unreachable) return {};
  peer_->suspect();
  return fail(ErrorCode::kUnavailable, state.message);
}

Result<std::unique_ptr<GenerationStream>> RemoteEngine::generate(GenerateRequest request) {
  RETURN_IF_ERROR(validate(request));
  RETURN_IF_ERROR(check_reachable());
  const auto model = peer_->state().model;
  const bool chat = request.prompt_kind == PromptKind::kChat;
  return start_remote_stream(peer_, peer_->api_request(chat ? "/chat/completions" : "/completions", chat ? chat_body(request, model) : completion_body(request, model),
                                                       options_.request_timeout));
}

Result<EmbedResult> RemoteEngine::embed(const EmbedRequest& request) {
  const auto count = request.texts.empty() ? request.tokens.size() : request.texts.size();
  if (count == 0 || count > kMaxEmbedTexts) return invalid("`input` must hold 1 to " + std::to_string(kMaxEmbedTexts) + " texts");
  RETURN_IF_ERROR(check_reachable());
  const auto model = peer_->state().model;
  const auto deadline = std::chrono::steady_clock::now() + request.timeout;
  EmbedResult all;
  for (std::size_t first = 0; first < count; first += kEmbedBatch) {
    const auto size = std::min(kEmbedBatch, count - first);
    const auto left = std::chrono::duration_cast<Millis>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return fail(ErrorCode::kDeadlineExceeded, "The engine " + options_.name + " did not embed all texts in time; send fewer at once");
    auto body = request.texts.empty() ? embedding_body(std::span(request.tokens).subspan(first, size), model) : embedding_body(std::span(request.texts).subspan(first, size), model);
    ASSIGN_OR_RETURN(const auto text, peer_->fetch_ok(peer_->api_request("/embeddings", std::move(body), left)));
    auto batch = read_embeddings(text, size);
    if (!batch) return std::unexpected(peer_->malformed(batch.error()));
    if (!all.vectors.empty() && all.vectors[0].size() != batch->vectors[0].size()) return std::unexpected(peer_->malformed({.message = "its vectors change their length"}));
    std::ranges::move(batch->vectors, std::back_inserter(all.vectors));
    all.prompt_tokens += batch->prompt_tokens;
  }
  peer_->dimensions = static_cast<std::int32_t>(all.vectors[0].size());
  return all;
}

/// Of paths that stand beside the API; a gateway in between may not offer them.
Result<std::string> RemoteEngine::ask_server(std::string_view path, std::string body) const {
  RETURN_IF_ERROR(check_reachable());
  auto answer = peer_->fetch(peer_->server_request(path, std::move(body), kTokenizeTimeout));
  if (!answer) return std::unexpected(peer_->lost(answer.error(), false));
  if (answer->status != 200) return fail(ErrorCode::kUnsupported, "The engine " + options_.name + " does not count tokens");
  return std::move(answer->body);
}

Result<std::vector<Token>> RemoteEngine::tokens_of(const std::string& text, const std::string& model, bool special) const {
  ASSIGN_OR_RETURN(const auto body, ask_server("/tokenize", tokenize_body(text, model, special)));
  auto tokens = read_tokens(body);
  if (!tokens) return std::unexpected(peer_->malformed(tokens.error()));
  return tokens;
}

Result<RerankResult> RemoteEngine::rerank(const RerankRequest& request) {
  if (!options_.ranks) return fail(ErrorCode::kUnsupported, "The engine " + options_.name + " is no reranker");
  if (request.documents.empty() || request.documents.size() > kMaxEmbedTexts) return invalid_field("documents", "must hold 1 to " + std::to_string(kMaxEmbedTexts) + " documents");
  RETURN_IF_ERROR(check_reachable());
  ASSIGN_OR_RETURN(const auto text, peer_->fetch_ok(peer_->api_request("/rerank", rerank_body(request, peer_->state().model), request.timeout)));
  auto result = read_scores(text, request.documents.size());
  if (!result) return std::unexpected(peer_->malformed(result.error()));
  return result;
}

Result<TranscribeResult> RemoteEngine::transcribe(const TranscribeRequest& request) {
  if (!options_.hears) return Engine::transcribe(request);
  RETURN_IF_ERROR(check_reachable());
  const auto form = transcription_form(request, peer_->state().model);
  auto http = peer_->api_request("/audio/transcriptions", form.body, request.timeout);
  http.headers.emplace_back("Content-Type", form.content_type);
  auto answer = peer_->fetch(http);
  if (!answer) return std::unexpected(peer_->lost(answer.error(), false));
  if (answer->status < 200 || answer->status > 299) return std::unexpected(peer_->refusal(answer->status, answer->headers, answer->body));
  return TranscribeResult{.content_type = std::string(answer->headers.get("Content-Type").value_or("application/json")), .body = std::move(answer->body)};
}

Result<std::vector<Token>> RemoteEngine::tokenize(const std::string& text) {
  const auto state = peer_->state();
  if (state.kind == PeerState::Kind::kPlain) return fail(ErrorCode::kUnsupported, "The engine " + options_.name + " does not count tokens");
  return tokens_of(text, state.model, /*special=*/false);
}

Result<std::int32_t> RemoteEngine::count_prompt_tokens(const GenerateRequest& request) {
  const auto count = [](const Result<std::vector<Token>>& tokens) -> Result<std::int32_t> {
    if (!tokens) return std::unexpected(tokens.error());
    return static_cast<std::int32_t>(tokens->size());
  };
  if (request.prompt_kind == PromptKind::kTokens) return count(request.prompt_tokens);
  const auto state = peer_->state();
  if (state.kind == PeerState::Kind::kPlain) return fail(ErrorCode::kUnsupported, "The engine " + options_.name + " does not count tokens");
  if (request.prompt_kind == PromptKind::kText) return count(tokens_of(request.prompt, state.model, /*special=*/true));
  auto messages = template_body(request, state.model);
  if (state.kind == PeerState::Kind::kVllm) {
    ASSIGN_OR_RETURN(const auto body, ask_server("/tokenize", std::move(messages)));
    return count(read_tokens(body));
  }
  ASSIGN_OR_RETURN(const auto body, ask_server("/apply-template", std::move(messages)));
  ASSIGN_OR_RETURN(const auto prompt, read_prompt(body));
  return count(tokens_of(prompt, state.model, /*special=*/true));
}

ModelInfo RemoteEngine::info() const {
  const bool chats = !options_.embeds && !options_.ranks && !options_.hears;
  const auto state = peer_->state();
  const auto dimensions = peer_->dimensions.load();
  return {.name = options_.name, .architecture = {}, .context_tokens = state.context_tokens,
          .embedding_dimensions = dimensions > 0 ? dimensions : state.embedding_dimensions, .can_generate = chats, .can_embed = options_.embeds, .can_rerank = options_.ranks, .can_transcribe = options_.hears,
          .chat_template = chats, .tools = chats, .vision = chats /* pictures are handed on: it knows whether it sees */, .parameters = state.parameters};
}

EngineHealth RemoteEngine::health() const {
  const auto state = peer_->state();
  return {.state = state.state, .message = state.message,
          .stats = {.active_sequences = peer_->running, .generated_tokens = peer_->generated_tokens, .prefilled_tokens = peer_->prefilled_tokens}, .sandbox = {}};
}

}  // namespace siyu::engine
