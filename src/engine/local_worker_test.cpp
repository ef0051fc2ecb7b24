// Real siyu-worker processes with real small models.
#include "engine/local_worker_fixture.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <set>

#include "base/json.h"
#include "base/text.h"

namespace siyu::engine {
namespace {

using testing::HasSubstr;

TEST_F(LocalWorkerTest, TellsAStory) {
  const auto worker = stories();
  const auto whole = run(*worker, completion("Once upon a time", 60));
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_THAT(whole->content, HasSubstr("there was"));
  EXPECT_EQ(whole->finish.reason, FinishReason::kLength);
  EXPECT_EQ(whole->finish.usage.completion_tokens, 60);
  EXPECT_GT(whole->finish.usage.prompt_tokens, 3);
  EXPECT_EQ(worker->info().architecture, "llama");
  EXPECT_EQ(worker->info().context_tokens, 512);
  EXPECT_FALSE(worker->info().chat_template);
  EXPECT_THAT(worker->health().sandbox, testing::Contains("seccomp"));
  EXPECT_GT(worker->health().stats.resident_bytes, 1 << 20);
}

TEST_F(LocalWorkerTest, ChatsPlainlyWithoutATemplate) {
  const auto worker = stories();
  GenerateRequest request;
  request.messages = {{.role = Role::kUser, .content = "Once upon a time"}};
  request.max_tokens = 40;
  request.sampling.temperature = 0;
  EXPECT_EQ(text(*worker, request), text(*worker, completion("Once upon a time", 40)));
}

TEST_F(LocalWorkerTest, EchoesThePromptWhenAsked) {
  const auto worker = stories();
  auto request = completion("Once upon a time", 5);
  request.echo = true;
  EXPECT_THAT(text(*worker, request), testing::StartsWith("Once upon a time,"));
  auto tokens = worker->tokenize("Once upon a time");
  ASSERT_TRUE(tokens);
  EXPECT_GT(tokens->size(), 3U);
  request.prompt_kind = PromptKind::kTokens;
  request.prompt_tokens = *tokens;
  EXPECT_THAT(text(*worker, request), HasSubstr("upon a time"));
  request.prompt_tokens = {99999};
  EXPECT_EQ(run(*worker, request).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(LocalWorkerTest, TheSameSeedGivesTheSameText) {
  const auto worker = stories();
  auto request = completion("One day", 60);
  request.sampling.temperature = 1.2;
  request.sampling.seed = 7;
  const std::string first = text(*worker, request);
  EXPECT_EQ(text(*worker, request), first);
  request.sampling.seed = 8;
  EXPECT_NE(text(*worker, request), first);
}

TEST_F(LocalWorkerTest, SixteenAtOnceSayWhatEachSaysAlone) {
  const auto worker = stories();
  const std::vector<std::string> beginnings = {"Once upon a time", "One day", "Lily", "The dog", "Tom and", "A cat", "The sun", "Mom said",
                                               "In the park", "There was", "Ben", "The bird", "She was", "He had", "They went", "Sue"};
  std::vector<std::string> alone;
  for (const auto& beginning : beginnings) alone.push_back(text(*worker, completion(beginning, 48)));
  std::vector<std::unique_ptr<GenerationStream>> streams;
  for (const auto& beginning : beginnings) {
    auto stream = worker->generate(completion(beginning, 48));
    ASSERT_TRUE(stream);
    streams.push_back(*std::move(stream));
  }
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const auto whole = collect(*streams[i], kLong);
    ASSERT_TRUE(whole) << whole.error().message;
    EXPECT_EQ(whole->content, alone[i]) << beginnings[i];
  }
}

TEST_F(LocalWorkerTest, ASmallCacheIsSharedByWaitingAndRecomputing) {
  // 512 places for 8 answers of up to 200 tokens: some must wait or give their place up, and none may fail or change.
  const auto worker = stories({.context_tokens = 512, .kv_tokens = 512, .parallel = 8});
  const std::string alone = text(*worker, completion("Once upon a time", 200));
  std::vector<std::unique_ptr<GenerationStream>> streams;
  for (int i = 0; i < 8; ++i) streams.push_back(worker->generate(completion("Once upon a time", 200)).value());
  for (const auto& stream : streams) {
    const auto whole = collect(*stream, kLong);
    ASSERT_TRUE(whole) << whole.error().message;
    EXPECT_EQ(whole->content, alone);
  }
}

TEST_F(LocalWorkerTest, CancelFreesItsPlace) {
  const auto worker = stories({.parallel = 1});
  auto endless = worker->generate(completion("Once upon a time", 500));
  ASSERT_TRUE(endless);
  std::atomic<bool> first{false};
  (*endless)->pull([&](auto) { first = true; });
  ASSERT_TRUE(eventually(*worker, [&](const auto&) { return first.load(); }));
  (*endless)->cancel();
  std::atomic<int> code{-1};
  (*endless)->pull([&](auto event) { code = event ? 0 : static_cast<int>(event.error().code); });
  ASSERT_TRUE(eventually(*worker, [&](const auto&) { return code.load() >= 0; }));
  EXPECT_FALSE(text(*worker, completion("One day", 10)).empty()) << "the only place is free again";
  ASSERT_TRUE(eventually(*worker, [](const auto& health) { return health.stats.active_sequences == 0 && health.stats.waiting_requests == 0; }));
}

TEST_F(LocalWorkerTest, StopStringsEndTheTextBeforeThem) {
  const auto worker = stories();
  const std::string free_text = text(*worker, completion("Once upon a time", 80));
  const auto period = free_text.find(". ");
  ASSERT_NE(period, std::string::npos);
  auto request = completion("Once upon a time", 80);
  request.stop = {free_text.substr(period - 3, 6)};  // crosses tokens
  const auto whole = run(*worker, request);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->content, free_text.substr(0, free_text.find(request.stop.front())));
  EXPECT_EQ(whole->finish.reason, FinishReason::kStop);
}

TEST_F(LocalWorkerTest, LogprobsAreThoseOfTheModel) {
  const auto worker = stories();
  auto request = completion("Once upon a time", 12);
  request.logprobs = true;
  request.top_logprobs = 5;
  const auto whole = run(*worker, request);
  ASSERT_TRUE(whole);
  ASSERT_EQ(whole->logprobs.size(), 12U);
  std::string joined;
  for (const auto& one : whole->logprobs) {
    joined += one.token;
    ASSERT_EQ(one.top.size(), 5U);
    EXPECT_LE(one.logprob, 0);
    EXPECT_EQ(one.top.front().token, one.token) << "greedy takes the most likely token";
    EXPECT_GE(one.top[0].logprob, one.top[1].logprob);
    double sum = 0;
    for (const auto& other : one.top) sum += std::exp(other.logprob);
    EXPECT_LE(sum, 1.0001);
  }
  EXPECT_EQ(joined, whole->content);
}

TEST_F(LocalWorkerTest, LogitBiasForbidsAToken) {
  const auto worker = stories();
  auto request = completion("Once upon a time", 1);
  request.logprobs = true;
  const auto free_choice = run(*worker, request);
  ASSERT_TRUE(free_choice);
  const auto tokens = worker->tokenize(free_choice->content);
  ASSERT_TRUE(tokens);
  for (const auto token : *tokens) request.sampling.logit_bias[std::to_string(token)] = -100;
  EXPECT_NE(text(*worker, request), free_choice->content);
  request.sampling.logit_bias = {{"4000", 1}};
  EXPECT_THAT(run(*worker, request).error().message, HasSubstr("0 to 511"));
}

TEST_F(LocalWorkerTest, AnswersInTheAskedJsonSchema) {
  const auto worker = stories();
  auto request = completion("Once upon a time", 200);
  request.response_format = ResponseFormat::kJsonSchema;
  request.json_schema = R"({"type":"object","properties":{"name":{"type":"string","maxLength":12},"age":{"enum":[1,2,3]},
      "tags":{"type":"array","items":{"enum":["red","blue"]},"maxItems":2,"minItems":1}},"required":["name","age","tags"],
      "additionalProperties":false})";
  for (int seed = 1; seed <= 5; ++seed) {
    request.sampling.temperature = 1;
    request.sampling.seed = static_cast<std::uint32_t>(seed);
    const auto whole = run(*worker, request);
    ASSERT_TRUE(whole) << whole.error().message;
    ASSERT_EQ(whole->finish.reason, FinishReason::kStop);
    const auto value = parse_json(whole->content);
    ASSERT_TRUE(value) << whole->content;
    const auto age = value->at("age").as_int64();
    EXPECT_TRUE(age >= 1 && age <= 3);
    EXPECT_LE(utf8_length(value->at("name").as_string()), 12U);
  }
  request.json_schema = R"({"type":"no such type"})";
  EXPECT_EQ(run(*worker, request).error().code, ErrorCode::kInvalidArgument);
  request.json_schema = "{ not json";
  EXPECT_EQ(run(*worker, request).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(LocalWorkerTest, TooLongAPromptIsRefusedWithNumbers) {
  const auto worker = stories();
  std::string prompt;
  for (int i = 0; i < 600; ++i) prompt += "dog ";
  const auto whole = run(*worker, completion(prompt, 5));
  ASSERT_FALSE(whole);
  EXPECT_EQ(whole.error().code, ErrorCode::kInvalidArgument);
  const auto count = worker->count_prompt_tokens(completion(prompt, 5));
  ASSERT_TRUE(count);
  EXPECT_GT(*count, 512);
  EXPECT_THAT(whole.error().message, HasSubstr("maximum context length is 512 tokens; the request has " + std::to_string(*count) + " tokens"));
}

TEST_F(LocalWorkerTest, AnAnswerEndsAtTheContextsEnd) {
  const auto worker = stories({.context_tokens = 64});
  auto request = completion("Once upon a time", 500);
  const auto whole = run(*worker, request);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->finish.reason, FinishReason::kLength);
  EXPECT_EQ(whole->finish.usage.prompt_tokens + whole->finish.usage.completion_tokens, 64);
}

TEST_F(LocalWorkerTest, ToolsNeedATemplate) {
  const auto worker = stories();
  GenerateRequest request;
  request.messages = {{.role = Role::kUser, .content = "hi"}};
  request.tools = {{"clock", "", ""}};
  EXPECT_EQ(run(*worker, request).error().code, ErrorCode::kUnsupported);
}

TEST_F(LocalWorkerTest, AFullQueueIsToldAtOnce) {
  const auto worker = stories({.parallel = 1, .queue_limit = 2});
  std::vector<std::unique_ptr<GenerationStream>> streams;
  for (int i = 0; i < 12; ++i) streams.push_back(worker->generate(completion("Once upon a time", 400)).value());
  int refused = 0;
  for (const auto& stream : streams) {
    const auto whole = collect(*stream, kLong);
    if (whole) continue;
    EXPECT_EQ(whole.error().code, ErrorCode::kUnavailable);
    ++refused;
  }
  EXPECT_GT(refused, 0);
  EXPECT_LT(refused, 12);
}

TEST_F(LocalWorkerTest, EmbedsManyTextsAtOnce) {
  const auto worker = started(options("static-embed-enzh-q4_0.gguf"));
  EXPECT_TRUE(worker->info().can_embed);
  EXPECT_FALSE(worker->info().can_generate);
  EXPECT_EQ(worker->info().embedding_dimensions, 320);
  EmbedRequest request;
  for (int i = 0; i < 100; ++i) request.texts.push_back(i % 2 == 0 ? "The weather in Beijing" : "知识库里的文档");
  const auto result = worker->embed(request);
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->vectors.size(), 100U);
  EXPECT_GT(result->prompt_tokens, 100);
  const auto dot = [](const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
    return sum;
  };
  for (const auto& vector : result->vectors) {
    ASSERT_EQ(vector.size(), 320U);
    EXPECT_NEAR(dot(vector, vector), 1.0, 1e-4);
  }
  EXPECT_NEAR(dot(result->vectors[0], result->vectors[98]), 1.0, 1e-4) << "the same text has the same vector";
  EXPECT_LT(dot(result->vectors[0], result->vectors[1]), 0.95);
  EXPECT_EQ(run(*worker, completion("hello", 3)).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(worker->embed({.texts = {""}}).has_value(), true) << "begin and end marks are a text too";
}

TEST_F(LocalWorkerTest, ALanguageModelEmbedsToo) {
  const auto worker = stories();
  const auto result = worker->embed({.texts = {"Once upon a time", "The end"}});
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->vectors.size(), 2U);
  EXPECT_EQ(result->vectors[0].size(), 64U);
}

TEST_F(LocalWorkerTest, AKilledWorkerIsReplacedAndOthersAreUnharmed) {
  const auto worker = stories();
  const auto other = stories();
  const std::string expected = text(*other, completion("Once upon a time", 300));
  auto bystander = other->generate(completion("Once upon a time", 300));
  auto stream = worker->generate(completion("Once upon a time", 500));
  ASSERT_TRUE(stream && bystander);
  std::mutex mu;
  std::condition_variable changed;
  bool first = false;
  (*stream)->pull([&](auto event) {
    EXPECT_TRUE(event);
    const std::lock_guard lock(mu);
    first = true;
    changed.notify_one();
  });
  {
    std::unique_lock lock(mu);
    ASSERT_TRUE(changed.wait_for(lock, kLong, [&] { return first; }));
  }
  const auto old_pid = worker->health().pid;
  // Stopped first, so that it cannot finish before the kill.
  ASSERT_GT(old_pid, 0);  // 0 would be this process group
  ASSERT_EQ(::kill(old_pid, SIGSTOP), 0);
  ASSERT_EQ(::kill(old_pid, SIGKILL), 0);
  const auto killed = std::chrono::steady_clock::now();
  const auto whole = collect(**stream, kLong);
  ASSERT_FALSE(whole);
  EXPECT_EQ(whole.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(whole.error().message, HasSubstr("stopped"));
  ASSERT_TRUE(eventually(*worker, [&](const auto& health) { return health.state == EngineState::kReady && health.pid != old_pid; }));
  const auto replaced = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - killed);
  RecordProperty("replaced_ms", static_cast<int>(replaced.count()));
  EXPECT_LT(replaced, std::chrono::seconds(2));
  EXPECT_EQ(worker->health().restarts, 1);
  EXPECT_EQ(text(*worker, completion("Once upon a time", 300)), expected);
  const auto undisturbed = collect(**bystander, kLong);
  ASSERT_TRUE(undisturbed);
  EXPECT_EQ(undisturbed->content, expected);
}

TEST_F(LocalWorkerTest, RequestsOfWhichNothingCameAreRetriedOnce) {
  const auto worker = stories();
  const auto pid = worker->health().pid;
  ASSERT_GT(pid, 0);  // 0 would be this process group
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  auto stream = worker->generate(completion("Once upon a time", 20));
  ASSERT_TRUE(stream);
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  const auto whole = collect(**stream, kLong);
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_THAT(whole->content, HasSubstr("there was"));
}

TEST_F(LocalWorkerTest, ASilentWorkerIsReplaced) {
  auto with = options("stories260K-f16.gguf");
  with.heartbeat_interval = Millis(50);
  with.heartbeat_timeout = Millis(400);
  const auto worker = started(with);
  const auto pid = worker->health().pid;
  ASSERT_GT(pid, 0);  // 0 would be this process group
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  ASSERT_TRUE(eventually(*worker, [&](const auto& health) { return health.state == EngineState::kReady && health.pid != pid; }));
  EXPECT_FALSE(text(*worker, completion("One day", 5)).empty());
}

TEST_F(LocalWorkerTest, AReaderThatDoesNotReadIsPausedThenDropped) {
  auto with = options("stories260K-f16.gguf");
  with.stream_high_water = 64;
  with.heartbeat_interval = Millis(20);
  with.slow_reader_limit = Millis(200);
  const auto worker = started(with);
  const auto lazy = worker->generate(completion("Once upon a time", 500));
  ASSERT_TRUE(lazy);
  // Paused: the answer stays unfinished although 500 tokens take a fraction of a second.
  ASSERT_TRUE(eventually(*worker, [](const auto& health) { return health.stats.generated_tokens > 5 && health.stats.active_sequences == 0; }));
  const auto whole = collect(**lazy, kLong);
  ASSERT_FALSE(whole);
  EXPECT_EQ(whole.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_LT(worker->health().stats.generated_tokens, 400);
}

TEST_F(LocalWorkerTest, ASlowReaderGetsEverything) {
  auto with = options("stories260K-f16.gguf");
  with.stream_high_water = 64;
  const auto worker = started(with);
  const std::string expected = text(*worker, completion("Once upon a time", 300));
  const auto slow = worker->generate(completion("Once upon a time", 300));
  ASSERT_TRUE(slow);
  ASSERT_TRUE(eventually(*worker, [](const auto& health) { return health.stats.active_sequences == 1; }));
  const auto whole = collect(**slow, kLong);
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ(whole->content, expected);
}

TEST_F(LocalWorkerTest, HostileFilesAreRefusedAndHarmNothing) {
  const auto folder = std::filesystem::temp_directory_path() / ("siyu-hostile-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::ifstream in(models_ / "stories260K-f16.gguf", std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(in)), {});
  std::vector<std::string> files = {"", "GGUF", good.substr(0, 24), good.substr(0, good.size() / 10), good.substr(0, good.size() / 2),
                                    good.substr(0, good.size() - 1), std::string(100'000, '\xff'), "GGUF" + std::string(5000, '\xff')};
  for (const std::size_t at : {4UL, 8UL, 16UL, 24UL, 40UL, 200UL, 1000UL}) {
    std::string broken = good;
    for (std::size_t i = 0; i < 8; ++i) broken[at + i] = '\xfe';
    files.push_back(broken);
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto path = folder / (std::to_string(i) + ".gguf");
    std::ofstream(path, std::ios::binary) << files[i];
    auto with = options("stories260K-f16.gguf");
    with.model_file = path;
    auto worker = LocalWorker::start(with, clock_, *log_);
    ASSERT_TRUE(worker);
    const auto ready = (*worker)->wait_ready(kLong);
    if (ready) continue;  // a changed byte in a string may leave a usable model
    EXPECT_EQ((*worker)->health().state, EngineState::kFailed) << i;
    EXPECT_THAT(ready.error().message, HasSubstr("tiny")) << i;
    EXPECT_EQ((*worker)->generate(completion("x", 1)).error().code, ErrorCode::kUnavailable) << i;
  }
  std::filesystem::remove_all(folder);
}

TEST_F(LocalWorkerTest, AMissingFileIsNamedAtOnce) {
  const auto worker = LocalWorker::start(options("no-such.gguf"), clock_, *log_);
  ASSERT_FALSE(worker);
  EXPECT_EQ(worker.error().code, ErrorCode::kNotFound);
}

TEST_F(LocalWorkerTest, StreamsMayOutliveTheWorker) {
  auto worker = stories();
  auto stream = worker->generate(completion("Once upon a time", 500));
  ASSERT_TRUE(stream);
  worker.reset();
  const auto whole = collect(**stream, kLong);
  if (!whole) {
    EXPECT_EQ(whole.error().code, ErrorCode::kUnavailable);
  }
}

}  // namespace
}  // namespace siyu::engine
