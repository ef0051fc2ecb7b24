#include "serving/answer_cache.h"

#include <gtest/gtest.h>

namespace siyu::serving {
namespace {

TEST(SemanticIndex, FindsTheNearestThatIsNearEnough) {
  SemanticIndex index(0.9);
  index.add("p", {{1, 0}, ""}, "east");
  index.add("p", {{0.8F, 0.6F}, ""}, "north-east");
  EXPECT_EQ(index.find("p", {{0.995F, 0.0999F}, ""}), "east");
  EXPECT_EQ(index.find("p", {{0.8F, 0.6F}, ""}), "north-east");
  EXPECT_EQ(index.find("p", {{0, 1}, ""}), std::nullopt);
  EXPECT_EQ(index.find("other", {{1, 0}, ""}), std::nullopt);
  EXPECT_EQ(index.find("p", {{1, 0, 0}, ""}), std::nullopt) << "another embedding model was loaded meanwhile";
  index.remove("p", "east");
  EXPECT_EQ(index.find("p", {{1, 0}, ""}), std::nullopt);
}

TEST(SemanticIndex, OtherNumbersAreOtherQuestions) {
  EXPECT_EQ(numbers_in("In 2023, room 4b"), "2023 4");
  EXPECT_NE(numbers_in("revenue of 2023"), numbers_in("revenue of 2024"));
  SemanticIndex index(0.9);
  index.add("p", {{1, 0}, numbers_in("revenue of 2023")}, "k");
  EXPECT_EQ(index.find("p", {{1, 0}, numbers_in("revenue of 2024")}), std::nullopt);
  EXPECT_EQ(index.find("p", {{1, 0}, numbers_in("the revenue for 2023?")}), "k");
}

TEST(SemanticIndex, StaysWithinItsBounds) {
  SemanticIndex index(0.9);
  for (std::size_t i = 0; i < SemanticIndex::kMaxOfPartition + 10; ++i) index.add("p", {{1, 0}, std::to_string(i)}, "k" + std::to_string(i));
  EXPECT_EQ(index.size(), SemanticIndex::kMaxOfPartition);
  EXPECT_EQ(index.find("p", {{1, 0}, "3"}), std::nullopt);
  for (std::size_t i = 0; i < SemanticIndex::kMaxEntries + 100; ++i) index.add("q" + std::to_string(i), {{1, 0}, ""}, "k");
  EXPECT_LE(index.size(), SemanticIndex::kMaxEntries);
}

class AnswerCacheTest : public ::testing::Test {
 protected:
  AnswerCacheTest() { reset({.exact = "chat, other", .semantic = "near"}); }
  void reset(CacheConfig config) {
    cache = std::make_unique<AnswerCache>(config, store::memory_cache(1 << 20, clock), [this](const std::string& text) -> std::optional<std::vector<float>> {
      ++embedded;
      return text.starts_with("How") ? std::vector<float>{1, 0} : std::vector<float>{0, 1};
    });
  }
  static engine::GenerateRequest request(std::string question, double temperature = 0) {
    engine::GenerateRequest out;
    out.messages = {{.role = engine::Role::kSystem, .content = "Be brief."}, {.role = engine::Role::kUser, .content = std::move(question)}};
    out.sampling.temperature = temperature;
    return out;
  }
  AnswerCache::Lookup look(const engine::GenerateRequest& asked, const CallOptions& options = {}, const std::string& user = "u1", const CachedModel& model = {"chat", "v1"}) {
    return cache->look_up({UserId(user), {}}, model, asked, options);
  }
  /// As a call does: looks, and keeps what the engine says.
  CacheUse ask(const engine::GenerateRequest& asked, const CallOptions& options = {}, const std::string& user = "u1", const CachedModel& model = {"chat", "v1"}) {
    const auto found = look(asked, options, user, model);
    if (found.ticket)
      cache->keep(*found.ticket, {.content = "answer to " + asked.messages.back().content, .finish = {.reason = reason, .usage = {.prompt_tokens = 9, .completion_tokens = 3}}});
    return found.use;
  }
  static CallOptions from(std::vector<KnowledgeVersion> knowledge) { return {.knowledge = std::move(knowledge)}; }
  static CallOptions want(CacheMode mode) { return {.cache = {.mode = mode}}; }

  ManualClock clock;
  engine::FinishReason reason = engine::FinishReason::kStop;
  int embedded = 0;
  std::unique_ptr<AnswerCache> cache;
};

TEST_F(AnswerCacheTest, TheSameRequestIsAnsweredOnce) {
  EXPECT_EQ(ask(request("How?")), CacheUse::kMiss);
  const auto again = look(request("How?"), {}, "u2");
  EXPECT_EQ(again.use, CacheUse::kExact) << "the whole prompt is the same, whoever asks";
  EXPECT_EQ(again.answer->content, "answer to How?");
  EXPECT_EQ(again.answer->finish.usage.completion_tokens, 3);
  auto urgent = request("How?");
  urgent.priority = 5;
  urgent.tenant = "someone";
  urgent.time_limit_ms = 100;
  EXPECT_EQ(ask(urgent), CacheUse::kExact) << "when it is computed does not matter for what it says";
}

TEST_F(AnswerCacheTest, WhateverDecidesTheTextDecidesTheKey) {
  EXPECT_EQ(ask(request("How?")), CacheUse::kMiss);
  EXPECT_EQ(ask(request("Now?")), CacheUse::kMiss);
  auto other = request("How?");
  other.max_tokens = 7;
  EXPECT_EQ(ask(other), CacheUse::kMiss);
  other = request("How?");
  other.messages[0].content = "Be long.";
  EXPECT_EQ(ask(other), CacheUse::kMiss);
  other = request("How?");
  other.adapter = "law";
  EXPECT_EQ(ask(other), CacheUse::kMiss);
  EXPECT_EQ(ask(request("How?"), {}, "u1", {"chat", "v2"}), CacheUse::kMiss) << "another version of the model";
  EXPECT_EQ(ask(request("How?"), {}, "u1", {"other", "v1"}), CacheUse::kMiss);
  EXPECT_EQ(ask(request("How?"), {}, "u1", {"unnamed", "v1"}), CacheUse::kNone);
}

TEST_F(AnswerCacheTest, OnlyRepeatableRequestsUnlessAskedFor) {
  EXPECT_EQ(ask(request("How?", 0.7)), CacheUse::kNone);
  auto seeded = request("How?", 0.7);
  seeded.sampling.seed = 4;
  EXPECT_EQ(ask(seeded), CacheUse::kMiss);
  EXPECT_EQ(ask(request("How?", 0.7), want(CacheMode::kExact)), CacheUse::kMiss);
  EXPECT_EQ(ask(request("How?", 0.7), want(CacheMode::kExact)), CacheUse::kExact);
  EXPECT_EQ(ask(request("How?"), want(CacheMode::kOff)), CacheUse::kNone);
  auto detailed = request("How?");
  detailed.logprobs = true;
  EXPECT_EQ(ask(detailed), CacheUse::kNone);
}

TEST_F(AnswerCacheTest, NoStoreAndNoCacheAreHeeded) {
  EXPECT_EQ(ask(request("How?"), {.cache = {.no_store = true}}), CacheUse::kMiss);
  EXPECT_EQ(ask(request("How?")), CacheUse::kMiss) << "it was not kept";
  EXPECT_EQ(ask(request("How?"), {.cache = {.no_cache = true}}), CacheUse::kMiss);
  EXPECT_EQ(ask(request("How?")), CacheUse::kExact);
}

TEST_F(AnswerCacheTest, OnlyWholeAnswersAreKept) {
  reason = engine::FinishReason::kLength;
  EXPECT_EQ(ask(request("How?")), CacheUse::kMiss);
  EXPECT_EQ(ask(request("How?")), CacheUse::kMiss) << "cut by a budget or the context, not by the caller's own limit";
  auto bounded = request("How?");
  bounded.max_tokens = 3;
  EXPECT_EQ(ask(bounded), CacheUse::kMiss);
  EXPECT_EQ(ask(bounded), CacheUse::kExact);
}

TEST_F(AnswerCacheTest, AnswersFromDocumentsEndWithTheirVersionAndTheirBase) {
  EXPECT_EQ(ask(request("How?"), from({{"kb1", 4}})), CacheUse::kMiss);
  EXPECT_EQ(ask(request("How?"), from({{"kb1", 4}})), CacheUse::kExact);
  EXPECT_EQ(ask(request("How?")), CacheUse::kMiss) << "who names no base gets no answer from one";
  EXPECT_EQ(ask(request("How?"), from({{"kb2", 4}})), CacheUse::kMiss);
  EXPECT_EQ(ask(request("How?"), from({{"kb1", 5}})), CacheUse::kMiss) << "a document changed";
  EXPECT_EQ(ask(request("How?"), from({{"kb1", 5}, {"kb2", 4}})), CacheUse::kMiss);
  ASSERT_TRUE(cache->forget_base("kb1"));
  EXPECT_EQ(ask(request("How?"), from({{"kb1", 5}})), CacheUse::kMiss);
  EXPECT_EQ(ask(request("How?"), from({{"kb2", 4}})), CacheUse::kExact);
}

TEST_F(AnswerCacheTest, ADeletedUsersAnswersGo) {
  EXPECT_EQ(ask(request("How?"), {}, "u1"), CacheUse::kMiss);
  EXPECT_EQ(ask(request("Now?"), {}, "u2"), CacheUse::kMiss);
  ASSERT_TRUE(cache->forget_user(UserId("u1")));
  EXPECT_EQ(ask(request("How?"), {}, "u3"), CacheUse::kMiss);
  EXPECT_EQ(ask(request("Now?"), {}, "u3"), CacheUse::kExact);
}

TEST_F(AnswerCacheTest, AQuestionInOtherWordsGetsTheSameUsersAnswer) {
  const CachedModel near{"near", "v1"};
  EXPECT_EQ(ask(request("How long is leave?"), {}, "u1", near), CacheUse::kMiss);
  EXPECT_EQ(ask(request("How much leave is there?"), {}, "u1", near), CacheUse::kSemantic);
  EXPECT_EQ(ask(request("How much leave is there?"), {}, "u2", near), CacheUse::kMiss) << "another user's words may be in the answer";
  EXPECT_EQ(ask(request("Who pays?"), {}, "u1", near), CacheUse::kMiss);
  EXPECT_EQ(ask(request("How much leave in 2025?"), {}, "u1", near), CacheUse::kMiss);
  EXPECT_EQ(ask(request("How much leave is there?"), from({{"kb1", 1}}), "u1", near), CacheUse::kMiss);
  auto other = request("How much leave is there?");
  other.messages[0].content = "Be long.";
  EXPECT_EQ(ask(other, {}, "u1", near), CacheUse::kMiss) << "another conversation";
  ASSERT_TRUE(cache->forget_user(UserId("u1")));
  EXPECT_EQ(ask(request("How long?"), {}, "u1", near), CacheUse::kMiss) << "the vector is known, the answer is gone";
}

TEST_F(AnswerCacheTest, QuestionsAreSharedBetweenUsersWhenConfiguredSo) {
  reset({.semantic = "*", .semantic_shared = true});
  EXPECT_EQ(ask(request("How long is leave?"), {}, "u1"), CacheUse::kMiss);
  EXPECT_EQ(ask(request("How much leave is there?"), {}, "u2"), CacheUse::kSemantic);
}

TEST_F(AnswerCacheTest, AKeptAnswerStreamsInPiecesOfWholeCharacters) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "年假十天";
  const auto stream = replay({.content = text, .reasoning = "thinking", .tool_calls = {{"call_1", "f", "{}"}}, .finish = {.usage = {.prompt_tokens = 9, .completion_tokens = 3}}});
  int pieces = 0;
  engine::Generation whole;
  for (bool more = true; more;) {
    stream->pull([&](Result<std::optional<engine::Event>> event) {
      more = event->has_value();
      if (!more) return;
      if (const auto* delta = std::get_if<engine::Delta>(&**event)) {
        ++pieces;
        if (!delta->content.empty()) EXPECT_NE(static_cast<unsigned char>(delta->content[0]) & 0xc0, 0x80);
        engine::append(whole, *delta);
      } else {
        whole.finish = std::get<engine::Finish>(**event);
      }
    });
  }
  EXPECT_GT(pieces, 20);
  EXPECT_EQ(whole.content, text);
  EXPECT_EQ(whole.reasoning, "thinking");
  EXPECT_EQ(whole.tool_calls, (std::vector<engine::ToolCall>{{"call_1", "f", "{}"}}));
  EXPECT_EQ(whole.finish.usage.cached_tokens, 9);
}

}  // namespace
}  // namespace siyu::serving
