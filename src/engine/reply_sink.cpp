#include "engine/reply_sink.h"

namespace siyu::engine {
namespace {

std::size_t weight(const Delta& delta) {
  std::size_t bytes = delta.content.size() + delta.reasoning.size();
  for (const auto& call : delta.tool_calls) bytes += sizeof call + call.arguments.size() + call.name.size();
  for (const auto& one : delta.logprobs) bytes += sizeof one + one.token.size() + one.top.size() * (sizeof(TokenProbability) + 16);
  return bytes;
}

template <class T>
void move_to_end(std::vector<T>& target, std::vector<T>& source) {
  target.insert(target.end(), std::make_move_iterator(source.begin()), std::make_move_iterator(source.end()));
}

}  // namespace

void StreamSink::add_delta(Delta delta) {
  bytes_ += weight(delta);
  auto* last = events_.empty() ? nullptr : std::get_if<Delta>(&events_.back());
  // Content after a tool call must stay after it.
  if (last == nullptr || (!last->tool_calls.empty() && !(delta.content.empty() && delta.reasoning.empty()))) {
    events_.emplace_back(std::move(delta));
    return;
  }
  last->content += delta.content;
  last->reasoning += delta.reasoning;
  last->usage += delta.usage;
  move_to_end(last->tool_calls, delta.tool_calls);
  move_to_end(last->logprobs, delta.logprobs);
}

std::optional<StreamSink::Answer> StreamSink::next_answer() {
  if (!events_.empty()) {
    Event event = std::move(events_.front());
    events_.pop_front();
    if (const auto* delta = std::get_if<Delta>(&event)) bytes_ -= std::min(bytes_, weight(*delta));
    return Answer(std::optional<Event>(std::move(event)));
  }
  if (error_) return Answer(std::unexpected(*error_));
  if (ended_) return Answer(std::nullopt);
  return std::nullopt;
}

ReplySink::Reaction StreamSink::on_message(WorkerMessage message) {
  if (auto* error = std::get_if<ErrorMessage>(&message)) {
    on_failure(std::move(error->error));
    return Reaction::kDone;
  }
  GenerationStream::Ready ready;
  std::optional<Answer> answer;
  Reaction reaction = Reaction::kMore;
  {
    const std::lock_guard lock(mu_);
    if (error_ || ended_) return Reaction::kDone;
    touched_ = true;
    if (auto* delta = std::get_if<DeltaMessage>(&message)) add_delta(std::move(delta->delta));
    if (auto* finish = std::get_if<FinishMessage>(&message)) {
      events_.emplace_back(finish->finish);
      ended_ = true;
      reaction = Reaction::kDone;
    }
    if (waiting_ && !events_.empty()) {
      ready = std::exchange(waiting_, nullptr);
      answer = next_answer();
    }
    if (reaction == Reaction::kMore && !paused_ && bytes_ > high_water_) {
      paused_ = true;
      reaction = Reaction::kTooMuch;
    }
  }
  if (ready) ready(*std::move(answer));
  return reaction;
}

void StreamSink::on_failure(Error error) {
  GenerationStream::Ready ready;
  {
    const std::lock_guard lock(mu_);
    if (error_ || ended_) return;
    error_ = error;
    ready = std::exchange(waiting_, nullptr);
  }
  if (ready) ready(std::unexpected(std::move(error)));
}

bool StreamSink::untouched() const {
  const std::lock_guard lock(mu_);
  return !touched_ && !error_;
}

bool StreamSink::wants_pause() const {
  const std::lock_guard lock(mu_);
  return paused_;
}

bool StreamSink::pull(GenerationStream::Ready ready) {
  std::optional<Answer> answer;
  bool resume = false;
  {
    const std::lock_guard lock(mu_);
    if (waiting_) {
      answer = Answer(internal("A stream was pulled twice at once"));
    } else {
      answer = next_answer();
      if (!answer) waiting_ = std::exchange(ready, nullptr);
      resume = paused_ && bytes_ <= high_water_ / 2;
      if (resume) paused_ = false;
    }
  }
  if (answer) ready(*std::move(answer));
  return resume;
}

ReplySink::Reaction CallSink::on_message(WorkerMessage message) {
  const std::lock_guard lock(mu_);
  if (auto* error = std::get_if<ErrorMessage>(&message)) {
    answer_ = std::unexpected(std::move(error->error));
  } else if (auto* vectors = std::get_if<Vectors>(&message)) {
    if (vectors->first == 0) vectors_ = {};  // a second attempt begins again
    move_to_end(vectors_.vectors, vectors->vectors);
    if (!vectors->last) return Reaction::kMore;
    vectors_.prompt_tokens = vectors->prompt_tokens;
    answer_ = std::move(vectors_);
  } else {
    answer_ = std::move(message);
  }
  changed_.notify_all();
  return Reaction::kDone;
}

void CallSink::on_failure(Error error) {
  const std::lock_guard lock(mu_);
  if (!answer_) answer_ = std::unexpected(std::move(error));
  changed_.notify_all();
}

Result<WorkerMessage> CallSink::wait(std::chrono::milliseconds limit) {
  std::unique_lock lock(mu_);
  if (!changed_.wait_for(lock, limit, [&] { return answer_.has_value(); }))
    return fail(ErrorCode::kDeadlineExceeded, "The model did not answer in time; send less at once, or try again later");
  return std::move(*answer_);
}

}  // namespace siyu::engine
