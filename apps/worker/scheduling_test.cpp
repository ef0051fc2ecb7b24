// The parts that scheduling decides by: what a step costs, what is guessed, who has got how much.
#include <gtest/gtest.h>

#include <numeric>

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
