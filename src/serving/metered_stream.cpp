#include "serving/metered_stream.h"

#include <mutex>
#include <utility>

namespace siyu::serving {
namespace {

double seconds_between(SteadyTime from, SteadyTime to) { return std::chrono::duration<double>(to - from).count(); }

/// Shared by the stream and its pending pull, which may be answered after the stream is gone.
class Tally {
 public:
  explicit Tally(MeteredCall call) : call_(std::move(call)) {}

  void see(const Result<std::optional<engine::Event>>& event) {
    const std::lock_guard lock(mu_);
    if (ended_) return;
    if (!event) return end(event.error().code == ErrorCode::kCancelled ? CallOutcome::kAbandoned : CallOutcome::kFailed);
    if (!*event) return end(CallOutcome::kFailed);  // an end without a Finish
    if (const auto* delta = std::get_if<engine::Delta>(&**event)) return add(*delta);
    const auto& finish = std::get<engine::Finish>(**event);
    if (finish.usage != engine::Usage{}) call_.record.usage = finish.usage;  // an engine that does not tell: what was counted on the way
    end(CallOutcome::kDone);
    if (call_.keep) {
      whole_.finish = finish;
      call_.keep(whole_);
    }
  }

  void abandon() {
    const std::lock_guard lock(mu_);
    if (!ended_) end(CallOutcome::kAbandoned);
  }

 private:
  void add(const engine::Delta& delta) {
    auto& used = call_.record.usage;
    used.prompt_tokens += delta.usage.prompt_tokens;
    used.cached_tokens += delta.usage.cached_tokens;
    used.completion_tokens += delta.usage.completion_tokens;
    if (used.prompt_tokens == 0) used.prompt_tokens = call_.prompt_estimate;
    call_.hold.progress(used);
    if (call_.record.first_token_seconds == 0) call_.record.first_token_seconds = seconds_between(call_.begun, call_.clock.steady_now());
    if (call_.keep) engine::append(whole_, delta);
  }

  void end(CallOutcome outcome) {
    ended_ = true;
    auto& record = call_.record;
    record.outcome = outcome;
    record.seconds = seconds_between(call_.begun, call_.clock.steady_now());
    call_.hold.settle({.used = record.usage, .saved = {}, .from_cache = false, .failed = outcome == CallOutcome::kFailed});
    if (call_.observer != nullptr) call_.observer->on_call(record);
  }

  std::mutex mu_;
  MeteredCall call_;
  engine::Generation whole_;
  bool ended_ = false;
};

class MeteredStream final : public engine::GenerationStream {
 public:
  MeteredStream(std::unique_ptr<engine::GenerationStream> stream, MeteredCall call)
      : tally_(std::make_shared<Tally>(std::move(call))), stream_(std::move(stream)) {}
  ~MeteredStream() override {
    stream_.reset();  // first: what arrives until then is counted
    tally_->abandon();
  }

  void pull(Ready ready) override {
    stream_->pull([tally = tally_, ready = std::move(ready)](Result<std::optional<engine::Event>> event) mutable {
      tally->see(event);
      ready(std::move(event));
    });
  }
  void cancel() noexcept override { stream_->cancel(); }

 private:
  const std::shared_ptr<Tally> tally_;
  std::unique_ptr<engine::GenerationStream> stream_;
};

}  // namespace

std::unique_ptr<engine::GenerationStream> metered(std::unique_ptr<engine::GenerationStream> stream, MeteredCall call) {
  return std::make_unique<MeteredStream>(std::move(stream), std::move(call));
}

}  // namespace siyu::serving
