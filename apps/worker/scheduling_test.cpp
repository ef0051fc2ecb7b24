// The parts that scheduling decides by: what a step costs, what is guessed, who has got how much.
#include <gtest/gtest.h>

#include <numeric>

#include "draft_judge.h"
#include "lookup.h"
#include "step_cost.h"
#include "tenants.h"

namespace siyu::worker {
namespace {

StepCost proportional() {
  StepCost cost;
  for (std::size_t tokens : {1U, 4U, 16U, 64U, 256U}) cost.learn(tokens, 10.0 + 3.0 * static_cast<double>(tokens - 1));
  return cost;
}

TEST(StepCost, LongStepsArePartedWhereHalvesCostHardlyMore) {
  StepCost processor;
  for (const std::size_t tokens : {8, 16, 32, 64}) processor.learn(tokens, 3.0 * static_cast<double>(tokens));
  EXPECT_EQ(processor.at_once(64, 16, 120), 32U);
  EXPECT_EQ(processor.at_once(64, 16, 20), 16U);
  EXPECT_EQ(processor.at_once(30, 16, 20), 30U);
  EXPECT_EQ(processor.at_once(64, 16, 500), 64U);
  StepCost accelerator;
  for (const std::size_t tokens : {8, 16, 32, 64}) accelerator.learn(tokens, 150.0 + 0.1 * static_cast<double>(tokens));
  EXPECT_EQ(accelerator.at_once(64, 16, 120), 64U);
}

TEST(StepCost, InterpolatesBetweenSizesThatWereSeen) {
  const StepCost cost = proportional();
  EXPECT_NEAR(cost.ms(1), 10, 1e-9);
  EXPECT_NEAR(cost.ms(10), 37, 1e-9);
  EXPECT_NEAR(cost.ms(40), 127, 1e-9);
}

TEST(StepCost, NeverGetsCheaperWithMoreTokens) {
  StepCost cost;
  cost.learn(8, 30);
  cost.learn(16, 20);  // a measurement disturbed by something else
  cost.learn(300, 500);
  double before = 0;
  for (std::size_t tokens = 1; tokens < 2000; ++tokens) {
    EXPECT_GE(cost.ms(tokens), before) << tokens;
    before = cost.ms(tokens);
  }
}

TEST(StepCost, SaysWhatFitsBesideAStep) {
  const StepCost cost = proportional();
  EXPECT_EQ(cost.fits(1, 100, 30), 10U);
  EXPECT_EQ(cost.fits(1, 5, 30), 5U);
  EXPECT_EQ(cost.fits(1, 100, 0), 0U);
  EXPECT_EQ(cost.fits(0, 100, 10), 1U);
}

TEST(StepCost, FollowsAMachineThatBecomesSlower) {
  StepCost cost = proportional();
  for (int i = 0; i < 60; ++i) cost.learn(4, 40);
  EXPECT_NEAR(cost.ms(4), 40, 0.1);
}

TEST(StepCost, GivesAnAnswerBeforeAnythingWasSeen) {
  const StepCost cost;
  EXPECT_GT(cost.fits(0, 512, 200), 0U);
}

std::vector<Lookup::Token> numbers(int first, int count) {
  std::vector<Lookup::Token> tokens(static_cast<std::size_t>(count));
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

TEST(Lookup, GuessesWhatFollowedTheSameThreeTokens) {
  Lookup lookup;
  auto tokens = numbers(100, 50);
  for (int token : {7, 110, 111, 112}) tokens.push_back(token);
  EXPECT_EQ(lookup.guess(tokens, 5), numbers(113, 5));
}

TEST(Lookup, GuessesNothingWhereNothingRepeats) {
  Lookup lookup;
  EXPECT_TRUE(lookup.guess(numbers(1, 40), 8).empty());
  EXPECT_TRUE(lookup.guess(numbers(1, 2), 8).empty());
}

TEST(Lookup, TakesTheLatestOccurrence) {
  Lookup lookup;
  EXPECT_EQ(lookup.guess(std::vector<Lookup::Token>{1, 2, 3, 4, 9, 1, 2, 3, 5, 9, 1, 2, 3}, 1), (std::vector<Lookup::Token>{5}));
}

TEST(Lookup, GuessesAPredictionFromItsBeginning) {
  Lookup lookup;
  std::vector<Lookup::Token> tokens{1, 2, 3};
  lookup.predict(tokens, std::vector<Lookup::Token>{50, 51, 52, 53, 54});
  tokens.push_back(50);  // the answer begins as predicted
  EXPECT_EQ(lookup.guess(tokens, 3), (std::vector<Lookup::Token>{51, 52, 53}));
  EXPECT_TRUE(lookup.predicted());
  lookup.learn(3, 1);
  tokens.insert(tokens.end(), {51, 77});  // and goes another way
  EXPECT_TRUE(lookup.guess(tokens, 3).empty());
  EXPECT_FALSE(lookup.predicted());
  tokens.insert(tokens.end(), {51, 52, 53});  // comes back to it
  EXPECT_EQ(lookup.guess(tokens, 3), (std::vector<Lookup::Token>{54}));
}

TEST(Lookup, OfPlacesInAPredictionThatAreAlikeTheNextOneCounts) {
  Lookup lookup;
  std::vector<Lookup::Token> tokens{9, 9, 9};
  const std::vector<Lookup::Token> line{1, 2, 3};
  lookup.predict(tokens, std::vector<Lookup::Token>{1, 2, 3, 10, 1, 2, 3, 20, 1, 2, 3, 30});
  for (const Lookup::Token end : {10, 20, 30}) {
    tokens.insert(tokens.end(), line.begin(), line.end());
    EXPECT_EQ(lookup.guess(tokens, 1), (std::vector<Lookup::Token>{end}));
    lookup.learn(1, 1);
    tokens.push_back(end);
  }
}

TEST(Lookup, WhatTheTextItselfRepeatsIsGuessedWhereThePredictionSaysNothing) {
  Lookup lookup;
  std::vector<Lookup::Token> tokens{1, 2, 3, 4, 5};
  lookup.predict(tokens, std::vector<Lookup::Token>{60, 61, 62, 63});
  tokens.insert(tokens.end(), {1, 2, 3});
  EXPECT_EQ(lookup.guess(tokens, 2), (std::vector<Lookup::Token>{4, 5}));
  EXPECT_FALSE(lookup.predicted());
}

TEST(Lookup, GoesOnInCirclesPastTheEnd) {
  Lookup lookup;
  EXPECT_EQ(lookup.guess(std::vector<Lookup::Token>{1, 2, 3, 1, 2, 3}, 7), (std::vector<Lookup::Token>{1, 2, 3, 1, 2, 3, 1}));
}

TEST(Lookup, KnowsTokensThatCameSinceTheLastCall) {
  Lookup lookup;
  auto tokens = numbers(1, 20);
  EXPECT_TRUE(lookup.guess(tokens, 4).empty());
  for (int token : {50, 51, 52, 53, 60, 50, 51, 52}) tokens.push_back(token);
  EXPECT_EQ(lookup.guess(tokens, 2), (std::vector<Lookup::Token>{53, 60}));
}

TEST(Lookup, StopsGuessingWhenItIsWrongAndTriesAgainLater) {
  const StepCost cost = proportional();
  Lookup lookup;
  EXPECT_GT(lookup.worth(8, 1, 1, cost), 0U);
  for (int i = 0; i < 20; ++i) lookup.learn(4, 0);
  EXPECT_EQ(lookup.worth(8, 1, 1, cost), 0U);
  for (int i = 0; i < 2000; ++i) lookup.learn(0, 0);
  EXPECT_GT(lookup.worth(8, 1, 1, cost), 0U);
}

TEST(Lookup, GuessesMoreWhenItIsRight) {
  const StepCost cost = proportional();
  Lookup lookup;
  const auto before = lookup.worth(16, 1, 1, cost);
  for (int i = 0; i < 20; ++i) lookup.learn(8, 8);
  EXPECT_GT(lookup.worth(16, 1, 1, cost), before);
}

TEST(Lookup, GuessesLessInAFullBatchWhereTokensCostTheirPrice) {
  const StepCost cost = proportional();
  Lookup lookup;
  for (int i = 0; i < 6; ++i) lookup.learn(4, 2);
  EXPECT_LE(lookup.worth(16, 64, 64, cost), lookup.worth(16, 1, 1, cost));
}

/// An accelerator: many tokens take hardly longer than one.
StepCost flat(double ms) {
  StepCost cost;
  for (std::size_t tokens : {1U, 16U, 64U}) cost.learn(tokens, ms * (1 + 0.005 * static_cast<double>(tokens)));
  return cost;
}

TEST(DraftJudge, AsksASmallModelBesideALargeOneAndNotOneOfTheSameSize) {
  const DraftJudge judge;
  const StepCost model = flat(50), small = flat(3), same = flat(50);
  const DraftJudge::Step cheap{.model = model, .draft = small, .tokens = 1, .value_ms = 50};
  EXPECT_GT(judge.worth(cheap, 1, 1, 12, 3), 1U);
  const DraftJudge::Step dear{.model = model, .draft = same, .tokens = 1, .value_ms = 50};
  EXPECT_EQ(judge.worth(dear, 1, 1, 12, 50), 0U);
}

TEST(DraftJudge, StopsWhereTokensCostTheirPrice) {
  DraftJudge judge;
  for (int i = 0; i < 100; ++i) judge.learn(3, true);
  StepCost model;
  for (std::size_t tokens : {1U, 4U, 16U, 64U}) model.learn(tokens, 10.0 * static_cast<double>(tokens));
  const StepCost draft = flat(1);
  EXPECT_EQ(judge.worth({.model = model, .draft = draft, .tokens = 1, .value_ms = 10}, 1, 1, 12, 1), 0U);
}

TEST(DraftJudge, IsOffInABatchThatIsBigAlready) {
  DraftJudge judge;
  const StepCost draft = flat(3);
  StepCost model;  // beyond 32 tokens it computes no faster
  for (std::size_t tokens : {1U, 8U, 32U}) model.learn(tokens, 50);
  for (std::size_t tokens : {64U, 128U, 256U}) model.learn(tokens, 50.0 / 32 * static_cast<double>(tokens));
  EXPECT_GT(judge.worth({.model = model, .draft = draft, .tokens = 1, .value_ms = 50}, 1, 1, 12, 3), 0U);
  EXPECT_EQ(judge.worth({.model = model, .draft = draft, .tokens = 64, .value_ms = 100.0 / 64}, 16, 16, 4, 3), 0U);
}

TEST(DraftJudge, GuessesFurtherTheOftenerItIsRight) {
  const StepCost model = flat(50), draft = flat(3);
  DraftJudge judge;
  const auto worth = [&] { return judge.worth({.model = model, .draft = draft, .tokens = 1, .value_ms = 50}, 1, 1, 12, 3); };
  const auto before = worth();
  for (int i = 0; i < 100; ++i) judge.learn(2, true);
  EXPECT_GT(worth(), before);
  EXPECT_GT(judge.chance(2), 0.95);
  EXPECT_LT(judge.chance(1), 0.7) << "of other sureness";
  for (int i = 0; i < 200; ++i) judge.learn(2, false);
  EXPECT_EQ(worth(), 0U);
  for (int i = 0; i < 5000; ++i) judge.rest();
  EXPECT_GT(worth(), 0U) << "it is tried again";
}

TEST(DraftJudge, LosesNoMoreThanASmallShareOfAllTime) {
  const StepCost model = flat(50), draft = flat(10);
  DraftJudge judge;
  double time = 0, lost = 0;
  for (int step = 0; step < 20'000; ++step) {
    double spent = 0;
    if (judge.worth({.model = model, .draft = draft, .tokens = 1, .value_ms = 50}, 1, 1, 12, 10) > 0 && judge.affords(10)) {
      spent = 12;
      judge.learn(4, false);  // always wrong
    } else {
      judge.rest();
    }
    judge.settle(50 + spent, spent, 0);
    time += 50 + spent;
    lost += spent;
  }
  EXPECT_GT(lost, 0);
  EXPECT_LT(lost / time, 0.03);
}

TEST(DraftJudge, ALongPromptIsReadWhenGuessesHaveWonEnough) {
  DraftJudge judge;
  EXPECT_FALSE(judge.affords(100));
  for (int step = 0; step < 100; ++step) judge.settle(50, 10, 40);
  EXPECT_TRUE(judge.affords(300));
  for (int step = 0; step < 100; ++step) judge.settle(50, 10, 0);
  EXPECT_FALSE(judge.affords(10)) << "what was won long ago pays for no loss today";
}

TEST(Tenants, ANewcomerIsJustBehindThoseWithWork) {
  Tenants tenants;
  Tenant* greedy = tenants.enter("greedy");
  greedy->got = 10'000;
  Tenant* modest = tenants.enter("modest");
  EXPECT_LT(modest->got, greedy->got - Tenants::kMargin);
  EXPECT_GT(modest->got, greedy->got - 3 * Tenants::kMargin);
}

TEST(Tenants, WhoWasAwayCannotSaveUpAndWhoGotMuchDoesNotForget) {
  Tenants tenants;
  tenants.enter("a")->got = 500;
  Tenant* b = tenants.enter("b");
  b->got = 5'000;
  tenants.leave(b);
  EXPECT_EQ(tenants.enter("b")->got, 5'000);
}

TEST(Tenants, WhatWasGotWhileAloneIsNotHeldAgainstAnyone) {
  Tenants tenants;
  Tenant* modest = tenants.enter("modest");
  modest->got = 3'000;
  tenants.leave(modest);
  Tenant* greedy = tenants.enter("greedy");
  EXPECT_LE(tenants.enter("modest")->got, greedy->got + 3 * Tenants::kMargin);
}

TEST(Tenants, WhoRunsLittleAtOneTimeIsChargedLess) {
  Tenants tenants;
  Tenant* greedy = tenants.enter("greedy");
  Tenant* modest = tenants.enter("modest");
  const double before = modest->got;
  greedy->got = 0;
  greedy->running = 63;
  modest->running = 1;
  tenants.charge(*greedy, 100, 64);
  tenants.charge(*modest, 100, 64);
  EXPECT_EQ(greedy->got, 100);
  EXPECT_EQ(modest->got - before, 25);
  modest->running = 16;
  tenants.charge(*modest, 100, 64);
  EXPECT_EQ(modest->got - before, 75);
}

TEST(Tenants, SharesPlacesAmongThoseWithWork) {
  Tenants tenants;
  EXPECT_EQ(tenants.share_of(64), 64U);
  tenants.enter("a");
  tenants.enter("b");
  Tenant* c = tenants.enter("c");
  EXPECT_EQ(tenants.share_of(64), 21U);
  tenants.leave(c);
  EXPECT_EQ(tenants.share_of(64), 32U);
  EXPECT_EQ(tenants.share_of(1), 1U);
}

}  // namespace
}  // namespace siyu::worker
