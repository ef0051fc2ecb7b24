// Real siyu-worker processes with real small models, for tests.
#pragma once

#include <algorithm>
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "engine/local_worker.h"

namespace siyu::engine {

inline constexpr Millis kLong = std::chrono::seconds(60);

inline std::filesystem::path beside_the_test(const char* name) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

class LocalWorkerTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* models = std::getenv("SIYU_TEST_MODELS");
    if (models == nullptr) GTEST_SKIP() << "SIYU_TEST_MODELS is not set: no models to run";
    models_ = models;
    if (!std::filesystem::exists(beside_the_test("siyu-worker"))) GTEST_SKIP() << "siyu-worker is not built";
  }

  LocalWorkerOptions options(const std::string& file, LoadRequest load = {}) {
    return {.program = beside_the_test("siyu-worker"), .model_file = models_ / file, .name = "tiny", .load = std::move(load)};
  }
  std::unique_ptr<LocalWorker> started(LocalWorkerOptions with) {
    auto worker = LocalWorker::start(std::move(with), clock_, *log_);
    EXPECT_TRUE(worker) << worker.error().message;
    const auto ready = (*worker)->wait_ready(kLong);
    EXPECT_TRUE(ready) << ready.error().message;
    return *std::move(worker);
  }
  std::unique_ptr<LocalWorker> stories(LoadRequest load = {}) { return started(options("stories260K-f16.gguf", std::move(load))); }

  static GenerateRequest completion(std::string prompt, std::int32_t max_tokens) {
    GenerateRequest request;
    request.prompt_kind = PromptKind::kText;
    request.prompt = std::move(prompt);
    request.max_tokens = max_tokens;
    request.sampling.temperature = 0;
    return request;
  }
  static Result<Generation> run(Engine& engine, GenerateRequest request) {
    ASSIGN_OR_RETURN(const auto stream, engine.generate(std::move(request)));
    return collect(*stream, kLong);
  }
  static std::string text(Engine& engine, GenerateRequest request) {
    const auto whole = run(engine, std::move(request));
    EXPECT_TRUE(whole) << whole.error().message << " " << whole.error().detail;
    return whole ? whole->content : std::string();
  }
  /// Two answers to one request were computed the same way: as long as they say the same, the likeliest tokens are as likely in both.
  /// Numbers are rounded otherwise in steps of other sizes, so between tokens that are equally likely they may part.
  static void expect_agreement(const Generation& one, const Generation& other) {
    constexpr double kRounding = 0.05;
    ASSERT_FALSE(one.logprobs.empty());
    if (one.content == other.content) EXPECT_EQ(one.logprobs.size(), other.logprobs.size());
    std::size_t compared = 0;
    for (std::size_t i = 0; i < std::min(one.logprobs.size(), other.logprobs.size()); ++i, ++compared) {
      for (const auto& likely : one.logprobs[i].top) {
        const auto same = std::ranges::find(other.logprobs[i].top, likely.token, &TokenProbability::token);
        if (same != other.logprobs[i].top.end()) EXPECT_NEAR(likely.logprob, same->logprob, kRounding) << "token " << i;
      }
      EXPECT_NEAR(one.logprobs[i].top.at(0).logprob, other.logprobs[i].top.at(0).logprob, kRounding) << "token " << i;
      if (one.logprobs[i].token != other.logprobs[i].token) break;
    }
    EXPECT_GE(compared, std::min<std::size_t>(one.logprobs.size(), 10));
  }
  static GenerateRequest with_chances(GenerateRequest request) {
    request.logprobs = true;
    request.top_logprobs = 3;
    return request;
  }
  /// Waits for what health() says, without a fixed pause.
  template <class Condition>
  static bool eventually(Engine& engine, Condition condition, Millis limit = kLong) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition(engine.health())) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      ::usleep(2000);
    }
    return true;
  }

  std::filesystem::path models_;
  SystemClock clock_;
  std::unique_ptr<Logger> log_ = Logger::silent();
};

}  // namespace siyu::engine
