#include "serving/shadow_copy.h"

namespace siyu::serving {

void ShadowCopy::start(engine::GenerateRequest request) {
  request.priority = engine::kLeastUrgent;
  replica_->on_sent(work_);
  const auto engine = replica_->engine();
  auto stream = engine ? engine->generate(std::move(request)) : fail(ErrorCode::kUnavailable, "The replica is stopped");
  if (!stream) {
    take(std::unexpected(std::move(stream).error()));
    return;
  }
  std::shared_ptr<engine::GenerationStream> shared = *std::move(stream);
  {
    const std::lock_guard lock(mu_);
    stream_ = shared;
  }
  PullEach::begin(std::move(shared), [self = shared_from_this()](Result<std::optional<engine::Event>> event) { return self->take(std::move(event)); });
}

void ShadowCopy::cancel() {
  std::shared_ptr<engine::GenerationStream> stream;
  {
    const std::lock_guard lock(mu_);
    stream = std::move(stream_);
  }
  if (stream) stream->cancel();
}

bool ShadowCopy::take(Result<std::optional<engine::Event>> event) {
  if (!event) {
    const bool taken_back = event.error().code == ErrorCode::kCancelled;
    if (!taken_back) stats_->on_failure();
    replica_->on_ended(work_, taken_back ? Outcome::kAbandoned : Outcome::kFailure);
    return false;
  }
  if (first_ms_ < 0) {
    first_ms_ = elapsed_ms();
    stats_->on_first_token(Millis(static_cast<std::int64_t>(first_ms_)));
  }
  if (*event) {
    if (const auto* finish = std::get_if<engine::Finish>(&**event)) usage_ = finish->usage;
    return true;
  }
  stats_->on_finish(usage_, first_ms_, elapsed_ms());
  replica_->on_ended(work_, Outcome::kSuccess);
  return false;
}

}  // namespace siyu::serving
