// How a real worker process shares its model: guesses, urgency, tenants, time limits.
#include <future>
#include <vector>

#include "engine/local_worker_fixture.h"

namespace siyu::engine {
namespace {

class WorkerScheduling : public LocalWorkerTest {
 protected:
  static GenerateRequest of(std::string tenant, std::int32_t tokens, std::int32_t priority = 0) {
    auto request = completion("Once upon a time", tokens);
    request.tenant = std::move(tenant);
    request.priority = priority;
    return request;
  }
  /// The first event has come: it runs.
  static void await_begin(GenerationStream& stream) {
    auto begun = std::make_shared<std::promise<bool>>();
    auto future = begun->get_future();
    stream.pull([begun](Result<std::optional<Event>> event) { begun->set_value(event.has_value() && event->has_value()); });
    ASSERT_EQ(future.wait_for(kLong), std::future_status::ready);
    EXPECT_TRUE(future.get());
  }
  /// Its health is told often.
  std::unique_ptr<LocalWorker> of_four_places() {
    auto with = options("stories260K-f16.gguf", {.parallel = 4});
    with.heartbeat_interval = Millis(20);
    return started(std::move(with));
  }
  /// So many requests of a greedy tenant, of which four run: whoever comes now finds no place free.
  static std::vector<std::unique_ptr<GenerationStream>> fill_places(LocalWorker& worker, int requests, std::int32_t tokens) {
    std::vector<std::unique_ptr<GenerationStream>> streams;
    for (int i = 0; i < requests; ++i) streams.push_back(*worker.generate(of("greedy", tokens)));
    for (int i = 0; i < 4; ++i) await_begin(*streams[i]);
    return streams;
  }
};

/// What guesses are worth is measured, and on a busy machine not at once.
template <class Condition>
bool asked_until(LocalWorker& worker, const GenerateRequest& request, Condition condition) {
  for (int i = 0; i < 40; ++i) {
    const auto stream = worker.generate(request);
    const auto whole = stream ? collect(**stream, kLong) : Result<Generation>(std::unexpected(stream.error()));
    if (whole && condition(whole->finish.usage)) return true;
  }
  return false;
}

TEST_F(WorkerScheduling, GuessesChangeTheSpeedAndNothingElse) {
  const auto guessing = stories();
  const auto plain = stories({.parallel = 16, .batch_tokens = 16});  // a batch without room for guesses
  const std::string prompt = "Lily had a red ball. She played with the red ball. Tom saw the red ball. Lily had a red";
  for (const double temperature : {0.0, 0.8}) {
    auto request = with_chances(completion(prompt, 200));
    request.sampling.temperature = temperature;
    request.sampling.seed = 7;
    const auto guessed = run(*guessing, request);
    const auto computed = run(*plain, request);
    ASSERT_TRUE(guessed && computed);
    SCOPED_TRACE(temperature);
    expect_agreement(*guessed, *computed);
  }
  EXPECT_TRUE(asked_until(*guessing, completion(prompt, 200), [&](const Usage&) { return guessing->health().stats.guessed_right_tokens > 0; }));
  EXPECT_EQ(plain->health().stats.guessed_tokens, 0);
}

TEST_F(WorkerScheduling, GuessesOfManyAtOnceChangeNothing) {
  const auto worker = stories();
  const std::vector<std::string> prompts = {"The cat sat. The cat sat. The cat", "One day, one day, one day,", "Tom and Lily and Tom and Lily and Tom", "A big dog and a big"};
  std::vector<Generation> alone;
  for (const auto& prompt : prompts) alone.push_back(*run(*worker, with_chances(completion(prompt, 120))));
  std::vector<std::unique_ptr<GenerationStream>> streams;
  for (int round = 0; round < 4; ++round)
    for (const auto& prompt : prompts) streams.push_back(*worker->generate(with_chances(completion(prompt, 120))));
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const auto whole = collect(*streams[i], kLong);
    ASSERT_TRUE(whole) << whole.error().message;
    expect_agreement(*whole, alone[i % prompts.size()]);
  }
}

TEST_F(WorkerScheduling, APredictionChangesTheSpeedAndNothingElse) {
  const auto worker = stories();
  auto request = with_chances(completion("Once upon a time", 200));
  const auto unpredicted = run(*worker, request);
  ASSERT_TRUE(unpredicted) << unpredicted.error().message;
  const auto expected = unpredicted->content;
  request.prediction = expected;
  const auto predicted = run(*worker, request);
  ASSERT_TRUE(predicted) << predicted.error().message;
  expect_agreement(*predicted, *unpredicted);
  const auto& usage = predicted->finish.usage;
  EXPECT_TRUE(asked_until(*worker, request, [](const Usage& used) { return used.accepted_prediction_tokens > 20; }));
  EXPECT_LE(usage.accepted_prediction_tokens, usage.completion_tokens);

  // Right for a while, then something else, four times: where it parts depends on how many are guessed at once.
  request.prediction.clear();
  for (std::size_t i = 0; i < 4; ++i) request.prediction += expected.substr(i * expected.size() / 4, expected.size() / 4) + " zebras quarrel";
  const auto partly = run(*worker, request);
  ASSERT_TRUE(partly) << partly.error().message;
  expect_agreement(*partly, *unpredicted);
  EXPECT_TRUE(asked_until(*worker, request, [](const Usage& used) { return used.accepted_prediction_tokens > 10 && used.rejected_prediction_tokens > 0; }));
  EXPECT_EQ(partly->finish.usage.completion_tokens, usage.completion_tokens);

  request.prediction.clear();
  EXPECT_EQ(run(*worker, request)->finish.usage.accepted_prediction_tokens, 0);
  request.prediction.assign(kMaxPredictionBytes + 1, 'x');
  EXPECT_EQ(run(*worker, request).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(WorkerScheduling, AnUrgentRequestTakesThePlaceOfOneThatCanWait) {
  const auto worker = stories({.parallel = 1});
  const auto expected = text(*worker, of("a", 400));
  auto patient = *worker->generate(of("a", 400));
  await_begin(*patient);
  EXPECT_FALSE(text(*worker, of("b", 5, -1)).empty());
  EXPECT_TRUE(eventually(*worker, [](const EngineHealth& health) { return health.stats.preemptions > 0; }));
  const auto whole = collect(*patient, kLong);
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_TRUE(expected.ends_with(whole->content)) << "its text so far stands, and it goes on where it was";
  EXPECT_EQ(whole->finish.usage.completion_tokens, 400);
}

TEST_F(WorkerScheduling, AModestTenantWaitsNotForAllOfAGreedyOne) {
  const auto worker = of_four_places();
  const auto greedy = fill_places(*worker, 100, 400);
  EXPECT_FALSE(text(*worker, of("modest", 20)).empty());
  int unfinished = 0;
  EXPECT_TRUE(eventually(*worker, [&](const EngineHealth& health) {
    unfinished = health.stats.active_sequences + health.stats.waiting_requests;
    return health.stats.preemptions > 0;
  }));
  EXPECT_GT(unfinished, 50);
  for (const auto& one : greedy) EXPECT_TRUE(collect(*one, kLong)) << "those that gave way go on";
}

TEST_F(WorkerScheduling, WhoWasServedBeforeWaitsNotForAWholeAnswer) {
  const auto worker = of_four_places();
  EXPECT_FALSE(text(*worker, of("early", 300)).empty());
  const auto greedy = fill_places(*worker, 8, 450);
  EXPECT_FALSE(text(*worker, of("early", 20)).empty());  // it has got a little more, until they have run some steps
  EXPECT_TRUE(eventually(*worker, [](const EngineHealth& health) { return health.stats.preemptions > 0; }));
  for (const auto& one : greedy) EXPECT_TRUE(collect(*one, kLong));
}

TEST_F(WorkerScheduling, TenantsThatPushEachOtherOutAllComeToTheirEnd) {
  const auto worker = stories({.parallel = 4});
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(text(*worker, of("early", 300)).empty());
  std::vector<std::unique_ptr<GenerationStream>> streams;
  for (int i = 0; i < 48; ++i) streams.push_back(*worker->generate(of(i % 8 == 0 ? "early" : i % 3 == 0 ? "second" : "third", 20 + 10 * (i % 7))));
  for (const auto& one : streams) EXPECT_TRUE(collect(*one, kLong));
}

TEST_F(WorkerScheduling, WhoIsLateIsToldSoWhetherRunningOrWaiting) {
  const auto worker = stories({.parallel = 1});
  auto first = *worker->generate(of("a", 450));
  await_begin(*first);
  auto waiting = of("a", 450);
  waiting.time_limit_ms = 1;
  EXPECT_EQ(run(*worker, waiting).error().code, ErrorCode::kDeadlineExceeded);
  const auto whole = collect(*first, kLong);
  ASSERT_TRUE(whole) << whole.error().message;
  auto running = of("a", 450);
  running.time_limit_ms = 5;
  EXPECT_EQ(run(*worker, running).error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_TRUE(eventually(*worker, [](const EngineHealth& health) { return health.stats.active_sequences + health.stats.waiting_requests == 0; }));
}

TEST_F(WorkerScheduling, AnUnknownAdapterIsNamed) {
  const auto worker = stories();
  auto request = of("a", 5);
  request.adapter = "legal";
  const auto answer = run(*worker, request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(answer.error().message, testing::HasSubstr("legal"));
}

TEST_F(WorkerScheduling, OddValuesAreRefused) {
  const auto worker = stories();
  EXPECT_EQ(run(*worker, of("a", 5, 101)).error().code, ErrorCode::kInvalidArgument);
  auto request = of("a", 5);
  request.time_limit_ms = 0;
  EXPECT_EQ(run(*worker, request).error().code, ErrorCode::kInvalidArgument);
  request = of("a", 5);
  request.reasoning_tokens = -1;
  EXPECT_EQ(run(*worker, request).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace siyu::engine
