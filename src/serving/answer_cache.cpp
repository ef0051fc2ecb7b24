#include "serving/answer_cache.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "base/text.h"
#include "crypto/hash.h"
#include "engine/protocol.h"

namespace siyu::serving {
namespace {

constexpr std::size_t kMaxComparedQuestion = 8192;  // bytes; what is longer is a document more than a question
constexpr std::size_t kPieceBytes = 48;             // of a replayed text: clients see it flow

/// A kept answer as text.
struct StoredAnswer {
  std::string content, reasoning;
  std::vector<engine::ToolCall> tool_calls;
  engine::Finish finish;
};
BOOST_DESCRIBE_STRUCT(StoredAnswer, (), (content, reasoning, tool_calls, finish))

/// Whether `list` ("chat, qwen" or "*") names the model.
bool names(std::string_view list, std::string_view model) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    const auto one = trim(list.substr(0, comma));
    if (one == "*" || (one == model && !one.empty())) return true;
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return false;
}

/// The same request gives the same text.
bool is_repeatable(const engine::GenerateRequest& request) {
  const auto& sampling = request.sampling;
  return sampling.seed || sampling.temperature == 0.0 || sampling.top_k == 1;
}

/// All that decides the text, as it would travel to a worker: a new field of requests is in it without being named here.
std::string canonical(engine::GenerateRequest request) {
  request.tenant.clear();
  request.priority = 0;
  request.time_limit_ms.reset();
  request.prediction.clear();
  return engine::encode(engine::Generate{0, std::move(request)}).payload;
}

std::string digest(std::string_view what, const CachedModel& model, const CallOptions& options, std::string_view request) {
  crypto::Sha256 hash;
  const auto add = [&](std::string_view part) {
    hash.update(as_bytes(std::to_string(part.size()) + ":"));
    hash.update(as_bytes(part));
  };
  add(what);
  add(model.name);
  add(model.version);
  for (const auto& one : options.knowledge) add(one.base + "@" + std::to_string(one.version));
  add("/");
  add(request);
  return hash.hex();
}

class Replay final : public engine::GenerationStream {
 public:
  explicit Replay(engine::Generation answer) {
    cut(answer.reasoning, &engine::Delta::reasoning);
    cut(answer.content, &engine::Delta::content);
    for (std::size_t i = 0; i < answer.tool_calls.size(); ++i) {
      auto& call = answer.tool_calls[i];
      events_.emplace_back(engine::Delta{.tool_calls = {{static_cast<std::int32_t>(i), std::move(call.id), std::move(call.name), std::move(call.arguments)}}});
    }
    auto finish = answer.finish;
    finish.usage.cached_tokens = finish.usage.prompt_tokens;  // nothing was computed
    finish.usage.accepted_prediction_tokens = finish.usage.rejected_prediction_tokens = 0;
    finish.timings = {};
    events_.emplace_back(finish);
  }

  void pull(Ready ready) override {
    if (events_.empty()) return ready(std::optional<engine::Event>());
    engine::Event event = std::move(events_.front());
    events_.pop_front();
    ready(std::optional(std::move(event)));
  }
  void cancel() noexcept override {}

 private:
  void cut(std::string_view text, std::string engine::Delta::* part) {
    while (!text.empty()) {
      auto end = std::min(kPieceBytes, text.size());
      while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;  // whole characters
      engine::Delta delta;
      delta.*part = text.substr(0, end);
      events_.emplace_back(std::move(delta));
      text.remove_prefix(end);
    }
  }
  std::deque<engine::Event> events_;
};

}  // namespace

AnswerCache::AnswerCache(const CacheConfig& config, std::unique_ptr<store::Cache> store, EmbedQuestion embed)
    : config_(config), store_(std::move(store)), embed_(std::move(embed)), questions_(config.similarity_percent / 100.0) {}

CacheMode AnswerCache::mode_for(const CachedModel& model, const engine::GenerateRequest& request, const CacheControl& control) const {
  if (store_ == nullptr || request.logprobs) return CacheMode::kOff;
  if (control.mode) return *control.mode;  // who asks for a kept answer wants one, chance or not
  if (!is_repeatable(request)) return CacheMode::kOff;
  if (names(config_.semantic, model.name)) return CacheMode::kSemantic;
  return names(config_.exact, model.name) ? CacheMode::kExact : CacheMode::kOff;
}

std::optional<engine::Generation> AnswerCache::fetch(const std::string& key) {
  const auto text = store_->get(key);
  if (!text) return std::nullopt;
  auto stored = from_json_text<StoredAnswer>(*text);
  if (!stored) return std::nullopt;  // of another version of the program
  return engine::Generation{.content = std::move(stored->content), .reasoning = std::move(stored->reasoning), .tool_calls = std::move(stored->tool_calls),
                            .logprobs = {}, .finish = stored->finish};
}

AnswerCache::Lookup AnswerCache::look_up(const Caller& caller, const CachedModel& model, const engine::GenerateRequest& request, const CallOptions& options) {
  const auto mode = mode_for(model, request, options.cache);
  if (mode == CacheMode::kOff) return {};
  Ticket ticket{.key = digest("answer", model, options, canonical(request)), .tags = {"user:" + caller.user.str()},
                .keep = !options.cache.no_store, .whole_if_long = request.max_tokens.has_value()};
  for (const auto& one : options.knowledge) ticket.tags.push_back("base:" + one.base);
  if (!options.cache.no_cache)
    if (auto answer = fetch(ticket.key)) return {.answer = std::move(answer), .use = CacheUse::kExact, .ticket = {}};

  const bool asks = request.prompt_kind == engine::PromptKind::kChat && !request.messages.empty() && request.messages.back().role == engine::Role::kUser &&
                    request.messages.back().images.empty() && request.messages.back().content.size() <= kMaxComparedQuestion;
  if (mode == CacheMode::kSemantic && asks && embed_) {
    const auto& text = request.messages.back().content;
    if (auto vector = embed_(text)) {
      ticket.question = Question{.vector = *std::move(vector), .numbers = numbers_in(text)};
      auto rest = request;
      rest.messages.back().content.clear();
      ticket.partition = digest(config_.semantic_shared ? "question" : "question of " + caller.user.str(), model, options, canonical(std::move(rest)));
      const auto near = options.cache.no_cache ? std::nullopt : questions_.find(ticket.partition, *ticket.question);
      if (near) {
        if (auto answer = fetch(*near)) return {.answer = std::move(answer), .use = CacheUse::kSemantic, .ticket = {}};
        questions_.remove(ticket.partition, *near);
      }
    }
  }
  return {.answer = {}, .use = CacheUse::kMiss, .ticket = std::move(ticket)};
}

void AnswerCache::keep(const Ticket& ticket, const engine::Generation& answer) {
  using enum engine::FinishReason;
  const auto reason = answer.finish.reason;
  const bool whole = reason == kStop || reason == kToolCalls || (reason == kLength && ticket.whole_if_long);
  if (!ticket.keep || !whole || store_ == nullptr) return;
  store_->put(ticket.key, {.value = to_json_text(StoredAnswer{answer.content, answer.reasoning, answer.tool_calls, answer.finish}),
                           .lifetime = std::chrono::seconds(config_.seconds), .tags = ticket.tags});
  if (ticket.question) questions_.add(ticket.partition, *ticket.question, ticket.key);
}

Status AnswerCache::forget_user(const UserId& user) { return store_ == nullptr ? Status() : store_->remove_tag("user:" + user.str()); }
Status AnswerCache::forget_base(const std::string& base) { return store_ == nullptr ? Status() : store_->remove_tag("base:" + base); }

std::unique_ptr<engine::GenerationStream> replay(engine::Generation answer) { return std::make_unique<Replay>(std::move(answer)); }

}  // namespace siyu::serving
