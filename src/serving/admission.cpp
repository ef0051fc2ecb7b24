#include "serving/admission.h"

#include <algorithm>

namespace siyu::serving {
namespace {

constexpr std::int64_t kTemplateTokens = 64;        // begin marks, a template's own system message
constexpr std::int64_t kTokensPerMessage = 16;      // role, marks around it
constexpr std::int64_t kToolTokens = 512;           // a template's explanation of how tools are called
constexpr std::int64_t kTokensPerImage = 4096;
constexpr std::int64_t kMarksPerText = 2;           // before and after a text that is embedded
constexpr std::size_t kMostCountedTexts = 64;
constexpr std::int64_t kBytesPerToken = 4;          // about right for English and for Chinese
constexpr std::int64_t kUnknownContext = 131'072;   // of engines elsewhere that do not tell theirs

std::int64_t text_bytes(const engine::GenerateRequest& request) {
  std::int64_t bytes = static_cast<std::int64_t>(request.prompt.size());
  for (const auto& message : request.messages) {
    bytes += static_cast<std::int64_t>(message.content.size() + message.reasoning_content.size() + message.name.size() + message.tool_call_id.size());
    for (const auto& call : message.tool_calls) bytes += static_cast<std::int64_t>(call.name.size() + call.arguments.size() + call.id.size());
  }
  for (const auto& tool : request.tools) bytes += 2 * static_cast<std::int64_t>(tool.name.size() + tool.description.size() + tool.parameters.size());
  return bytes + static_cast<std::int64_t>(request.json_schema.size());
}

std::int64_t around(const engine::GenerateRequest& request) {
  std::int64_t tokens = kTemplateTokens + kTokensPerMessage * static_cast<std::int64_t>(request.messages.size());
  if (!request.tools.empty()) tokens += kToolTokens;
  for (const auto& message : request.messages) tokens += kTokensPerImage * static_cast<std::int64_t>(message.images.size());
  return tokens;
}

std::int64_t prompt_bound(const engine::EmbedRequest& request) {
  std::int64_t tokens = kMarksPerText * static_cast<std::int64_t>(request.texts.size() + request.tokens.size());
  for (const auto& text : request.texts) tokens += static_cast<std::int64_t>(text.size());
  for (const auto& one : request.tokens) tokens += static_cast<std::int64_t>(one.size());
  return tokens;
}

std::int64_t prompt_bound(const engine::RerankRequest& request) {
  std::int64_t tokens = 0;
  for (const auto& document : request.documents) tokens += static_cast<std::int64_t>(document.size() + request.query.size() + 4);
  return tokens;
}

/// As the model counts them, with marks around each text; nothing when it cannot, or when counting is much work.
std::optional<std::int64_t> exact_count(engine::Engine& engine, const engine::EmbedRequest& request) {
  if (request.texts.size() > kMostCountedTexts) return std::nullopt;
  std::int64_t tokens = kMarksPerText * static_cast<std::int64_t>(request.texts.size() + request.tokens.size());
  for (const auto& text : request.texts) {
    const auto counted = engine.tokenize(text);
    if (!counted) return std::nullopt;
    tokens += static_cast<std::int64_t>(counted->size());
  }
  for (const auto& one : request.tokens) tokens += static_cast<std::int64_t>(one.size());
  return tokens;
}

}  // namespace

std::int64_t prompt_bound(const engine::GenerateRequest& request) {
  if (request.prompt_kind == engine::PromptKind::kTokens) return static_cast<std::int64_t>(request.prompt_tokens.size()) + 2;
  return text_bytes(request) + around(request);
}

std::int32_t prompt_estimate(const engine::GenerateRequest& request) {
  if (request.prompt_kind == engine::PromptKind::kTokens) return static_cast<std::int32_t>(request.prompt_tokens.size());
  return static_cast<std::int32_t>(std::min<std::int64_t>(text_bytes(request) / kBytesPerToken + 4 * static_cast<std::int64_t>(request.messages.size()) + 1, INT32_MAX));
}

Result<Hold> admit(Meter& meter, const Caller& caller, const std::string& model, engine::Engine& engine, engine::GenerateRequest& request) {
  const std::int64_t known = engine.info().context_tokens;
  const auto context = known > 0 ? known : kUnknownContext;
  const bool open_ended = !request.max_tokens;
  CallDemand demand{.model = model, .prompt = prompt_bound(request), .completion = request.max_tokens.value_or(static_cast<std::int32_t>(context)), .context = context};
  std::optional<LimitKind> refused_by;
  auto held = meter.hold(caller, demand, &refused_by);  // the cheap bound
  if (held || !refused_by) return held;
  if (request.at_once) return engine::would_wait();
  if (!is_about_tokens(*refused_by)) {
    meter.count_refusal(*refused_by);
    return held;
  }
  // Near the limit exact numbers are worth the engine's time.
  const auto exact = engine.count_prompt_tokens(request);
  demand.prompt = std::min(exact ? *exact : demand.prompt, context);
  demand.completion = std::min(demand.completion, std::max<std::int64_t>(context - demand.prompt, 1));
  demand.may_shrink = open_ended;
  auto closer = meter.hold(caller, demand);
  if (closer && open_ended) request.max_tokens = static_cast<std::int32_t>(closer->completion());
  return closer;
}

Result<Hold> admit(Meter& meter, const Caller& caller, const std::string& model, engine::Engine& engine, const engine::EmbedRequest& request) {
  CallDemand demand{.model = model, .prompt = prompt_bound(request)};
  std::optional<LimitKind> refused_by;
  auto held = meter.hold(caller, demand, &refused_by);
  if (held || !refused_by) return held;
  const auto exact = is_about_tokens(*refused_by) ? exact_count(engine, request) : std::nullopt;
  if (!exact) {
    meter.count_refusal(*refused_by);
    return held;
  }
  demand.prompt = *exact;
  return meter.hold(caller, demand);
}

Result<Hold> admit(Meter& meter, const Caller& caller, const std::string& model, engine::Engine&, const engine::RerankRequest& request) {
  return meter.hold(caller, {.model = model, .prompt = prompt_bound(request)});
}

Result<Hold> admit(Meter& meter, const Caller& caller, const std::string& model, engine::Engine&, const engine::TranscribeRequest&) {
  return meter.hold(caller, {.model = model, .prompt = 0});
}

}  // namespace siyu::serving
