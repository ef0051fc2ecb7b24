// Admission, and the stream that is counted: the meter is real, the engine a script.
#include "serving/admission.h"

#include <deque>

#include "policy/room_fixture.h"
#include "serving/metered_stream.h"

namespace siyu::serving {
namespace {

using Step = Result<std::optional<engine::Event>>;

/// Answers each pull with the next step; after the last one a pull stays open until the stream is dropped.
class ScriptedStream final : public engine::GenerationStream {
 public:
  explicit ScriptedStream(std::deque<Step> steps) : steps_(std::move(steps)) {}
  void pull(Ready ready) override {
    if (steps_.empty()) {
      open_ = std::move(ready);
      return;
    }
    auto step = std::move(steps_.front());
    steps_.pop_front();
    ready(std::move(step));
  }
  void cancel() noexcept override {}

 private:
  std::deque<Step> steps_;
  Ready open_;
};

class ScriptedEngine final : public engine::Engine {
 public:
  std::int32_t exact = 50, context = 1000;
  int counted = 0;

  Result<std::unique_ptr<engine::GenerationStream>> generate(engine::GenerateRequest) override { return internal("not asked here"); }
  Result<engine::EmbedResult> embed(const engine::EmbedRequest&) override { return internal("not asked here"); }
  Result<engine::RerankResult> rerank(const engine::RerankRequest&) override { return internal("not asked here"); }
  Result<std::vector<engine::Token>> tokenize(const std::string& text) override {
    ++counted;
    return std::vector<engine::Token>(text.size() / 4);
  }
  Result<std::int32_t> count_prompt_tokens(const engine::GenerateRequest&) override {
    ++counted;
    return exact;
  }
  engine::ModelInfo info() const override { return {.context_tokens = context}; }
  engine::EngineHealth health() const override { return {}; }
};

class AdmissionTest : public RoomTest {
 protected:
  AdmissionTest() : RoomTest({meter_migrations()}) { meter = Meter::open(*db, {.dir = dir / "meter"}, manual, *logger).value(); }

  void limit(const Limits& limits) { ASSERT_TRUE(meter->set_limits(*pass, Subject::of(caller.user), limits)); }
  static engine::GenerateRequest request(std::size_t bytes, std::optional<std::int32_t> max_tokens) {
    engine::GenerateRequest out{.prompt_kind = engine::PromptKind::kText, .prompt = std::string(bytes, 'x')};
    out.max_tokens = max_tokens;
    return out;
  }
  std::int64_t held() { return meter->snapshot(*pass, Subject::of(caller.user))->total.tokens_held; }
  UsageTotals used() {
    const auto rows = meter->usage(*pass, {.by = UsageBy::kModel, .first_day = 0, .last_day = 1 << 30});
    return rows->empty() ? UsageTotals{} : rows->front().totals;
  }
  /// Pulls until the script is over, then drops the stream.
  void play(std::deque<Step> steps) {
    auto stream = metered(std::make_unique<ScriptedStream>(std::move(steps)),
                          {.hold = meter->hold(caller, {.model = "m", .prompt = 50, .completion = 100}).value(), .record = {.model = "m"}, .prompt_estimate = 13,
                           .begun = manual.steady_now(), .clock = manual, .observer = nullptr, .keep = [this](const engine::Generation& whole) { kept = whole.content; }});
    for (bool more = true; more;) {
      more = false;
      stream->pull([&](const Step& step) { more = step && *step; });
    }
  }
  static Step delta(std::string text, engine::Usage usage) { return std::optional<engine::Event>(engine::Delta{.content = std::move(text), .usage = usage}); }
  static Step finish(engine::Usage usage) { return std::optional<engine::Event>(engine::Finish{.usage = usage}); }
  static Step end() { return std::optional<engine::Event>(); }

  ManualClock manual;
  const Caller caller{UserId("usr_1"), {}};
  std::unique_ptr<Meter> meter;
  ScriptedEngine engine;
  std::string kept;
};

TEST_F(AdmissionTest, FarFromALimitTheEngineIsNotAsked) {
  limit({.tokens_per_day = 10'000});
  auto asked = request(400, 100);
  const auto hold = admit(*meter, caller, "m", engine, asked);
  ASSERT_TRUE(hold);
  EXPECT_EQ(held(), 400 + 64 + 100);
  EXPECT_EQ(engine.counted, 0);
}

TEST_F(AdmissionTest, NearALimitThePromptIsCountedExactly) {
  limit({.tokens_per_day = 200});
  auto asked = request(400, 100);
  const auto hold = admit(*meter, caller, "m", engine, asked);
  ASSERT_TRUE(hold) << "50 and 100 tokens fit, whatever the prompt's bytes are";
  EXPECT_EQ(held(), 150);
  EXPECT_EQ(engine.counted, 1);
  auto more = request(400, 1);
  EXPECT_FALSE(admit(*meter, caller, "m", engine, more));
  EXPECT_EQ(meter->refused(LimitKind::kTokensPerDay), 1) << "one refusal, though two bounds were tried";
}

TEST_F(AdmissionTest, WhereNothingMayWaitARequestNearALimitIsLeftToAnotherThread) {
  limit({.tokens_per_day = 200});
  auto asked = request(400, 100);
  asked.at_once = true;
  EXPECT_EQ(admit(*meter, caller, "m", engine, asked).error().reason, engine::kWouldWait);
  EXPECT_EQ(engine.counted, 0);
  EXPECT_EQ(held(), 0);
  EXPECT_EQ(meter->refused(LimitKind::kTokensPerDay), 0) << "nothing has been decided yet";
  auto near = request(40, 10);
  near.at_once = true;
  EXPECT_TRUE(admit(*meter, caller, "m", engine, near));
}

TEST_F(AdmissionTest, ACallersAccountsAreInMemoryAfterTheFirstCall) {
  EXPECT_FALSE(meter->knows(caller));
  auto asked = request(10, 10);
  ASSERT_TRUE(admit(*meter, caller, "m", engine, asked));
  EXPECT_TRUE(meter->knows(caller));
  EXPECT_FALSE(meter->knows({caller.user, ApiKeyId("key_1")}));
}

TEST_F(AdmissionTest, AnswersWithoutANumberAreAsLongAsTheLimitAllows) {
  limit({.tokens_per_day = 200});
  auto asked = request(400, std::nullopt);
  ASSERT_TRUE(admit(*meter, caller, "m", engine, asked));
  EXPECT_EQ(asked.max_tokens, 150);
  ASSERT_TRUE(meter->remove_limits(*pass, Subject::of(caller.user)));
  auto free = request(400, std::nullopt);
  ASSERT_TRUE(admit(*meter, caller, "m", engine, free));
  EXPECT_EQ(free.max_tokens, std::nullopt);
}

TEST_F(AdmissionTest, PromptAndAnswerTogetherNeverHoldMoreThanTheContext) {
  auto asked = request(5000, 900);
  const auto hold = admit(*meter, caller, "m", engine, asked);
  ASSERT_TRUE(hold);
  EXPECT_EQ(held(), 1000);
}

TEST_F(AdmissionTest, ARequestTooManyCostsTheEngineNothing) {
  limit({.requests_per_minute = 0});
  auto asked = request(10, 10);
  EXPECT_EQ(admit(*meter, caller, "m", engine, asked).error().reason, "rate_limit_exceeded");
  EXPECT_EQ(engine.counted, 0);
  EXPECT_EQ(meter->refused(LimitKind::kRequestsPerMinute), 1);
}

TEST_F(AdmissionTest, TextsToEmbedAreCountedNearALimit) {
  limit({.tokens_per_day = 60});
  const auto hold = admit(*meter, caller, "m", engine, engine::EmbedRequest{.texts = {std::string(100, 'x'), std::string(100, 'x')}});
  ASSERT_TRUE(hold);
  EXPECT_EQ(held(), 2 * (25 + 2));
}

TEST_F(AdmissionTest, AFinishedAnswerIsChargedAsItSaysAndKept) {
  play({delta("one ", {50, 1, 20}), delta("two", {0, 1, 0}), finish({50, 3, 20}), end()});
  EXPECT_EQ(used(), (UsageTotals{.requests = 1, .prompt_tokens = 50, .cached_tokens = 20, .completion_tokens = 3}));
  EXPECT_EQ(kept, "one two");
  EXPECT_EQ(held(), 0);
}

TEST_F(AdmissionTest, AnAnswerThatIsLeftIsChargedForWhatCame) {
  play({delta("one ", {50, 1, 20}), delta("two three", {0, 2, 0})});
  EXPECT_EQ(used(), (UsageTotals{.requests = 1, .prompt_tokens = 50, .cached_tokens = 20, .completion_tokens = 3}));
  EXPECT_EQ(kept, "");
  EXPECT_EQ(held(), 0);
}

TEST_F(AdmissionTest, AnEngineThatDiesIsChargedForWhatCame) {
  play({delta("one ", {50, 1, 0}), fail(ErrorCode::kUnavailable, "gone")});
  EXPECT_EQ(used(), (UsageTotals{.requests = 1, .failed = 1, .prompt_tokens = 50, .completion_tokens = 1}));
}

TEST_F(AdmissionTest, NothingIsChargedBeforeTheFirstToken) {
  play({fail(ErrorCode::kInvalidArgument, "too long")});
  play({});
  EXPECT_EQ(used(), (UsageTotals{.requests = 2, .failed = 1}));
}

TEST_F(AdmissionTest, AnEngineThatTellsNoPromptTokensIsEstimated) {
  play({delta("one ", {0, 1, 0})});
  play({delta("one ", {0, 1, 0}), finish({}), end()});
  EXPECT_EQ(used(), (UsageTotals{.requests = 2, .prompt_tokens = 26, .completion_tokens = 2}));
}

}  // namespace
}  // namespace siyu::serving
