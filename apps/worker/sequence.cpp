#include "sequence.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace siyu::worker {
namespace {

double milliseconds(SteadyClock::time_point from, SteadyClock::time_point to) {
  return from == SteadyClock::time_point{} || to < from ? 0 : std::chrono::duration<double, std::milli>(to - from).count();
}

}  // namespace

Sequence::Sequence(std::uint32_t stream, PreparedPrompt prompt, TokenSampler sampler)
    : stream_(stream), tokens_(std::move(prompt.tokens)), pictures_(std::move(prompt.pictures)), prompt_size_(tokens_.size()), sampler_(std::move(sampler)),
      output_(std::move(prompt.output)), submitted_(SteadyClock::now()) {
  output_.pending().content = std::move(prompt.echo);
}

Result<std::unique_ptr<Sequence>> Sequence::prepare(const Model& model, std::uint32_t stream, const engine::GenerateRequest& request) {
  if (!model.info().can_generate)
    return fail(ErrorCode::kUnsupported, "The model " + model.info().name + " makes embeddings and cannot write text; choose a language model");
  RETURN_IF_ERROR(engine::validate(request));
  ASSIGN_OR_RETURN(auto prompt, prepare_prompt(model, request));
  ASSIGN_OR_RETURN(auto sampler, TokenSampler::make(model, request.sampling, prompt.grammar, prompt.reasoning));
  sampler.accept_prompt(prompt.tokens);
  const auto prediction = request.prediction.empty() ? std::vector<Token>() : model.tokenize(request.prediction, false, false);
  auto sequence = std::unique_ptr<Sequence>(new Sequence(stream, std::move(prompt), std::move(sampler)));
  const auto room = model.limits().context_tokens - static_cast<std::int32_t>(sequence->tokens_.size());
  sequence->max_tokens_ = std::min(request.max_tokens.value_or(room), room);
  ASSIGN_OR_RETURN(sequence->adapter_, model.adapter_named(request.adapter));
  if (!prediction.empty()) sequence->lookup.predict(sequence->tokens_, prediction);
  sequence->tenant_name_ = request.tenant;
  sequence->priority_ = request.priority;
  if (request.time_limit_ms) sequence->deadline_ = sequence->submitted_ + std::chrono::milliseconds(*request.time_limit_ms);
  const bool must_call = request.tool_choice == engine::ToolChoice::kRequired || request.tool_choice == engine::ToolChoice::kNamed;
  if (must_call && !request.tools.empty()) sequence->premature_ends_ = model.ends();
  if (request.logprobs) sequence->top_logprobs_ = request.top_logprobs;
  return sequence;
}

const PictureRun* Sequence::picture_ahead() const {
  const auto next = std::ranges::find(pictures_, lease.computed, &PictureRun::begin);
  return next == pictures_.end() ? nullptr : &*next;
}

std::size_t Sequence::text_ahead() const {
  const auto next = std::ranges::find_if(pictures_, [&](const PictureRun& picture) { return picture.begin >= lease.computed; });
  return (next == pictures_.end() ? tokens_.size() : next->begin) - lease.computed;
}

std::size_t Sequence::position_of(std::size_t place) const {
  std::size_t position = place;
  for (const auto& picture : pictures_)
    if (picture.begin + picture.tokens <= place) position -= picture.tokens - static_cast<std::size_t>(picture.positions);
  return position;
}

void Sequence::admitted_at(SteadyClock::time_point now) {
  if (admitted_ != SteadyClock::time_point{}) return;
  admitted_ = now;
  cached_ = lease.computed;
}

bool Sequence::take_next(const Model& model, llama_context* context, std::int32_t index) {
  // Grammars of calls begin with white space, after which they are content with nothing.
  if (!premature_ends_.empty() && !output_.has_tool_calls())
    for (const auto token : premature_ends_) llama_get_logits_ith(context, index)[token] = -std::numeric_limits<float>::infinity();
  const Token token = sampler_.sample(context, index);
  if (generated_ == 0) first_token_ = SteadyClock::now();
  ++generated_;
  if (model.is_end(token)) {
    reason_ = engine::FinishReason::kStop;
    output_.finish();
    return true;
  }
  if (top_logprobs_ >= 0)
    output_.pending().logprobs.push_back(TokenSampler::logprobs(model, context, index, token, top_logprobs_));
  tokens_.push_back(token);
  output_.push(model, token);
  if (!output_.stopped() && generated_ < max_tokens_) return false;
  reason_ = output_.stopped() ? engine::FinishReason::kStop : engine::FinishReason::kLength;
  output_.finish();
  return true;
}

void Sequence::learn_guesses(std::size_t guessed, std::size_t right, bool complete) {
  if (lookup.predicted()) {
    accepted_ += static_cast<std::int32_t>(right);
    rejected_ += static_cast<std::int32_t>(guessed - right);
  }
  // Of an answer that has just ended the guesses after its end tell nothing.
  lookup.learn(complete ? right : guessed, right);
}

engine::Delta Sequence::take_delta() {
  auto delta = output_.take_pending();
  if (reported_ == 0) delta.usage = {.prompt_tokens = static_cast<std::int32_t>(prompt_size_), .cached_tokens = static_cast<std::int32_t>(cached_)};
  delta.usage.completion_tokens = generated_ - std::exchange(reported_, generated_);
  return delta;
}

engine::Finish Sequence::finish() const {
  const auto now = SteadyClock::now();
  auto reason = reason_;
  if (reason == engine::FinishReason::kStop && output_.has_tool_calls()) reason = engine::FinishReason::kToolCalls;
  return {.reason = reason,
          .stop = output_.stop(),
          .usage = {.prompt_tokens = static_cast<std::int32_t>(prompt_size_), .completion_tokens = generated_, .cached_tokens = static_cast<std::int32_t>(cached_),
                    .reasoning_tokens = output_.reasoning_tokens(), .accepted_prediction_tokens = accepted_, .rejected_prediction_tokens = rejected_},
          .timings = {.queued_ms = milliseconds(submitted_, admitted_),
                      .prefill_ms = milliseconds(admitted_, first_token_),
                      .decode_ms = milliseconds(first_token_, now)}};
}

}  // namespace siyu::worker
