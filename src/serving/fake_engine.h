// Engines for tests: they answer when told to, and fail as told to.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>
#include <vector>

#include "engine/engine.h"

namespace siyu::serving {

/// One generation that a test answers. Thread-safe.
class FakeGeneration {
 public:
  explicit FakeGeneration(engine::GenerateRequest asked) : request(std::move(asked)) {}
  const engine::GenerateRequest request;

  void say(std::string text) { push(std::optional<engine::Event>(engine::Delta{.content = std::move(text)})); }
  void finish(std::int32_t tokens = 2) {
    push(std::optional<engine::Event>(engine::Finish{.usage = {.prompt_tokens = 3, .completion_tokens = tokens}}));
    push(std::optional<engine::Event>());
  }
  void fail_with(Error error) { push(std::unexpected(std::move(error))); }
  bool cancelled() const {
    const std::lock_guard lock(mu_);
    return cancelled_;
  }

  void pull(engine::GenerationStream::Ready ready) {
    std::unique_lock lock(mu_);
    if (events_.empty()) {
      pending_ = std::move(ready);
      return;
    }
    auto event = std::move(events_.front());
    events_.pop_front();
    lock.unlock();
    ready(std::move(event));
  }
  void cancel() {
    std::unique_lock lock(mu_);
    cancelled_ = true;
    if (!pending_) return;
    auto ready = std::move(pending_);
    pending_ = nullptr;
    lock.unlock();
    ready(std::unexpected(Error{ErrorCode::kCancelled, "cancelled"}));
  }

 private:
  void push(Result<std::optional<engine::Event>> event) {
    std::unique_lock lock(mu_);
    if (!pending_) return events_.push_back(std::move(event));
    auto ready = std::move(pending_);
    pending_ = nullptr;
    lock.unlock();
    ready(std::move(event));
  }
  mutable std::mutex mu_;
  std::deque<Result<std::optional<engine::Event>>> events_;
  engine::GenerationStream::Ready pending_;
  bool cancelled_ = false;
};

class FakeEngine final : public engine::Engine {
 public:
  explicit FakeEngine(engine::EngineState state = engine::EngineState::kReady) { health_.state = state; }
  std::atomic<bool> at_once = true;

  Result<std::unique_ptr<engine::GenerationStream>> generate(engine::GenerateRequest request) override {
    const std::lock_guard lock(mu_);
    if (refusal_) return std::unexpected(*refusal_);
    auto generation = std::make_shared<FakeGeneration>(std::move(request));
    generations_.push_back(generation);
    if (answers_) {
      generation->say("hello");
      generation->finish();
    }
    return std::make_unique<Stream>(std::move(generation));
  }
  bool answers_at_once() const override { return at_once; }
  Result<engine::EmbedResult> embed(const engine::EmbedRequest& request) override {
    const std::lock_guard lock(mu_);
    ++embeds_;
    if (refusal_) return std::unexpected(*refusal_);
    return engine::EmbedResult{.vectors = std::vector<std::vector<float>>(request.texts.size(), {1.0F}), .prompt_tokens = 1};
  }
  Result<engine::RerankResult> rerank(const engine::RerankRequest&) override { return fail(ErrorCode::kUnsupported, "no reranker"); }
  Result<std::vector<engine::Token>> tokenize(const std::string&) override { return std::vector<engine::Token>{1}; }
  Result<std::int32_t> count_prompt_tokens(const engine::GenerateRequest&) override { return 1; }
  engine::ModelInfo info() const override { return {.name = "fake", .context_tokens = 128, .can_generate = true}; }
  engine::EngineHealth health() const override {
    const std::lock_guard lock(mu_);
    return health_;
  }

  void set_state(engine::EngineState state) {
    const std::lock_guard lock(mu_);
    health_.state = state;
  }
  /// Its process ends: what is under way fails, and it is being started again.
  void die() {
    std::vector<std::shared_ptr<FakeGeneration>> dying;
    {
      const std::lock_guard lock(mu_);
      health_.state = engine::EngineState::kRestarting;
      ++health_.restarts;
      dying = std::exchange(generations_, {});
    }
    for (const auto& one : dying) one->fail_with({ErrorCode::kUnavailable, "the process stopped"});
  }
  void refuse(std::optional<Error> error) {
    const std::lock_guard lock(mu_);
    refusal_ = std::move(error);
  }
  void answer_all() {
    const std::lock_guard lock(mu_);
    answers_ = true;
  }
  std::vector<std::shared_ptr<FakeGeneration>> generations() const {
    const std::lock_guard lock(mu_);
    return generations_;
  }
  int embeds() const {
    const std::lock_guard lock(mu_);
    return embeds_;
  }

 private:
  class Stream final : public engine::GenerationStream {
   public:
    explicit Stream(std::shared_ptr<FakeGeneration> generation) : generation_(std::move(generation)) {}
    ~Stream() override { generation_->cancel(); }
    void pull(Ready ready) override { generation_->pull(std::move(ready)); }
    void cancel() noexcept override { generation_->cancel(); }

   private:
    const std::shared_ptr<FakeGeneration> generation_;
  };
  mutable std::mutex mu_;
  engine::EngineHealth health_{.sandbox = {}};
  std::optional<Error> refusal_;
  bool answers_ = false;
  int embeds_ = 0;
  std::vector<std::shared_ptr<FakeGeneration>> generations_;
};

}  // namespace siyu::serving
