#include "engine/engine.h"

#include <cmath>
#include <condition_variable>
#include <mutex>

namespace siyu::engine {
namespace {

constexpr std::size_t kMaxMessages = 4096;  // far over any conversation a context can hold
constexpr std::size_t kMaxTools = 512;

Status check_range(const char* name, const std::optional<double>& value, double low, double high) {
  if (!value) return {};
  if (std::isfinite(*value) && *value >= low && *value <= high) return {};
  auto number = [](double x) {
    std::string text = std::to_string(x);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text;
  };
  auto error = invalid(std::string(name) + " must be between " + number(low) + " and " + number(high));
  error.error().param = name;
  return error;
}

Status validate_sampling(const Sampling& sampling) {
  RETURN_IF_ERROR(check_range("temperature", sampling.temperature, 0, 2));
  RETURN_IF_ERROR(check_range("top_p", sampling.top_p, 0, 1));
  RETURN_IF_ERROR(check_range("min_p", sampling.min_p, 0, 1));
  RETURN_IF_ERROR(check_range("presence_penalty", sampling.presence_penalty, -2, 2));
  RETURN_IF_ERROR(check_range("frequency_penalty", sampling.frequency_penalty, -2, 2));
  RETURN_IF_ERROR(check_range("repetition_penalty", sampling.repetition_penalty, 0.01, 10));
  if (sampling.top_k && *sampling.top_k < 0) return invalid("top_k must be 0 (all tokens) or more");
  if (sampling.logit_bias.size() > 1024) return invalid("logit_bias takes at most 1024 tokens");
  for (const auto& [token, bias] : sampling.logit_bias) {
    if (token.empty() || token.size() > 9 || token.find_first_not_of("0123456789") != std::string::npos)
      return invalid("logit_bias keys must be token ids; \"" + token.substr(0, 32) + "\" is not one");
    RETURN_IF_ERROR(check_range("logit_bias values", bias, -100, 100));
  }
  return {};
}

Status validate_pictures(const GenerateRequest& request) {
  if (const auto count = picture_count(request); count > kMaxPictures)
    return invalid("The messages hold " + std::to_string(count) + " pictures; the limit is " + std::to_string(kMaxPictures));
  for (const auto& message : request.messages) {
    std::size_t before = 0;
    for (const auto& picture : message.images) {
      if (picture.at < before || picture.at > message.content.size()) return invalid("A picture does not stand within its message");
      before = picture.at;
    }
  }
  return {};
}

Status validate_prompt(const GenerateRequest& request) {
  switch (request.prompt_kind) {
    case PromptKind::kChat:
      if (request.messages.empty()) return invalid("messages must hold at least one message");
      if (request.messages.size() > kMaxMessages)
        return invalid("messages holds " + std::to_string(request.messages.size()) + " messages; the limit is " +
                       std::to_string(kMaxMessages));
      if (request.echo) return invalid("echo is for completions, not for chat");
      return validate_pictures(request);
    case PromptKind::kText: break;
    case PromptKind::kTokens:
      if (request.prompt_tokens.empty()) return invalid("the prompt's token array is empty");
      break;
  }
  return {};
}

Status validate_tools(const GenerateRequest& request) {
  if (request.tools.size() > kMaxTools) return invalid("tools takes at most " + std::to_string(kMaxTools) + " tools");
  for (const auto& tool : request.tools)
    if (tool.name.empty()) return invalid("every tool needs a name");
  if (request.tools.empty() && (request.tool_choice == ToolChoice::kRequired || request.tool_choice == ToolChoice::kNamed))
    return invalid("tool_choice asks for a tool call, but tools is empty");
  if (request.tool_choice != ToolChoice::kNamed) return {};
  for (const auto& tool : request.tools)
    if (tool.name == request.tool_name) return {};
  return invalid("tool_choice names \"" + request.tool_name + "\", which is not among tools");
}

}  // namespace

std::size_t picture_count(const GenerateRequest& request) {
  std::size_t count = 0;
  for (const auto& message : request.messages) count += message.images.size();
  return count;
}

Status validate(const GenerateRequest& request) {
  RETURN_IF_ERROR(validate_prompt(request));
  RETURN_IF_ERROR(validate_tools(request));
  RETURN_IF_ERROR(validate_sampling(request.sampling));
  if (request.stop.size() > kMaxStopStrings)
    return invalid("stop takes at most " + std::to_string(kMaxStopStrings) + " strings");
  for (const auto& stop : request.stop)
    if (stop.empty() || stop.size() > kMaxStopStringBytes)
      return invalid("stop strings must have 1 to " + std::to_string(kMaxStopStringBytes) + " bytes");
  if (request.reasoning_tokens && *request.reasoning_tokens < 0) return invalid("the reasoning budget must be 0 or more tokens");
  if (request.priority < kMostUrgent || request.priority > kLeastUrgent)
    return invalid("priority must be between " + std::to_string(kMostUrgent) + " (first) and " + std::to_string(kLeastUrgent) + " (last)");
  if (request.time_limit_ms && *request.time_limit_ms < 1) return invalid("the time limit must be at least 1 ms");
  if (request.max_tokens && *request.max_tokens < 1) return invalid("max_tokens must be at least 1");
  if (request.top_logprobs < 0 || request.top_logprobs > kMaxTopLogprobs)
    return invalid("top_logprobs must be between 0 and " + std::to_string(kMaxTopLogprobs));
  if (request.top_logprobs > 0 && !request.logprobs) return invalid("top_logprobs needs logprobs to be true");
  if (request.response_format == ResponseFormat::kJsonSchema && request.json_schema.empty())
    return invalid("response_format json_schema needs a schema");
  return {};
}

void append(Generation& whole, const Delta& delta) {
  whole.content += delta.content;
  whole.reasoning += delta.reasoning;
  for (const auto& call : delta.tool_calls) {
    const auto index = static_cast<std::size_t>(call.index);
    if (index > whole.tool_calls.size()) continue;  // an engine that skips indexes is broken; ignore the stray piece
    if (index == whole.tool_calls.size()) whole.tool_calls.emplace_back();
    auto& target = whole.tool_calls[index];
    if (!call.id.empty()) target.id = call.id;
    target.name += call.name;
    target.arguments += call.arguments;
  }
  whole.logprobs.insert(whole.logprobs.end(), delta.logprobs.begin(), delta.logprobs.end());
}

Result<Generation> collect(GenerationStream& stream, std::chrono::milliseconds limit) {
  // Shared with a callback that may come after this function gave up.
  struct Slot {
    std::mutex mu;
    std::condition_variable changed;
    std::optional<Result<std::optional<Event>>> event;
  };
  const auto deadline = std::chrono::steady_clock::now() + limit;
  Generation whole;
  for (;;) {
    auto slot = std::make_shared<Slot>();
    stream.pull([slot](Result<std::optional<Event>> event) {
      const std::lock_guard lock(slot->mu);
      slot->event = std::move(event);
      slot->changed.notify_one();
    });
    std::unique_lock lock(slot->mu);
    if (!slot->changed.wait_until(lock, deadline, [&] { return slot->event.has_value(); })) {
      lock.unlock();
      stream.cancel();
      return fail(ErrorCode::kDeadlineExceeded, "The model did not finish its answer in time; ask for fewer tokens or try again");
    }
    ASSIGN_OR_RETURN(auto event, std::move(*slot->event));
    if (!event) return whole;
    if (auto* delta = std::get_if<Delta>(&*event)) append(whole, *delta);
    if (auto* finish = std::get_if<Finish>(&*event)) whole.finish = *finish;
  }
}

}  // namespace siyu::engine
