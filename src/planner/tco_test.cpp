#include "planner/tco.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "base/json.h"

namespace siyu::planner {
namespace {

using testing::HasSubstr;

const Catalogue& catalogue() {
  static const Catalogue kCatalogue = builtin_catalogue().value();
  return kCatalogue;
}

/// Two cards in one server, everything given.
CostQuestion question() {
  CostQuestion q;
  q.inputs.card_price = 100'000, q.inputs.server_price = 50'000, q.inputs.network_price = 10'000, q.inputs.storage_price = 40'000;
  q.inputs.price_per_kwh = 1, q.inputs.pue = 1.5, q.inputs.rack_per_unit_and_month = 100;
  q.inputs.staff_per_year = 200'000, q.inputs.staff_share = 0.5, q.inputs.support_share = 0.05;
  q.inputs.discount_rate = 0.1, q.inputs.depreciation_years = 5;
  q.inputs.cloud_input_per_million = 2, q.inputs.cloud_output_per_million = 8;
  q.hardware = {{.cards = 2, .servers = 1}};
  q.tokens = {.input = 300e6, .output = 30e6};
  q.years = 2;
  q.card_power_w = 500, q.server_power_w = 1000, q.utilisation = 0.5;
  return q;
}

CostPlan cost(const CostQuestion& q) {
  auto plan = total_cost(q, catalogue());
  EXPECT_TRUE(plan) << plan.error().message;
  return plan.value_or(CostPlan{});
}

std::string refusal(const CostQuestion& q) {
  const auto plan = total_cost(q, catalogue());
  return plan ? "accepted" : plan.error().message;
}

const Figure& figure(const CostPlan& plan, std::string_view id) {
  static const Figure kNone;
  for (const auto& one : plan.figures)
    if (one.id == id) return one;
  ADD_FAILURE() << "no figure " << id;
  return kNone;
}

CostQuestion random_question(std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  const auto from = [&](double low, double high) { return std::uniform_real_distribution<double>(low, high)(engine); };
  auto q = question();
  q.inputs.card_price = from(0, 300'000), q.inputs.staff_per_year = from(0, 300'000), q.inputs.residual_share = from(0, 0.3), q.inputs.discount_rate = from(0, 0.2);
  q.inputs.local_share = from(0, 1), q.inputs.price_per_kwh = from(0.1, 2), q.inputs.depreciation_years = from(1, 8);
  q.tokens = {.input = from(0, 1e9), .output = from(0, 3e8)};
  q.tokens.cached = from(0, 1) * q.tokens.input;
  q.growth_per_year = from(0, 1);
  q.years = from(0.2, 6);
  q.hardware.clear();
  for (double cards = from(1, 10), year = 0; year < 3; ++year, cards *= 1 + from(0, 1))
    q.hardware.push_back({.cards = std::ceil(cards), .servers = std::ceil(cards / 8)});
  return q;
}

TEST(TotalCost, IsWhatAHandComputes) {
  const auto plan = cost(question());
  ASSERT_EQ(plan.years.size(), 2U);
  const auto& first = plan.years[0].on_premise;
  EXPECT_DOUBLE_EQ(*first.purchase, 300'000);
  EXPECT_DOUBLE_EQ(*first.power, 2.0 * 8760 * 0.5 * 1.5);  // 2 kW rated
  EXPECT_DOUBLE_EQ(*first.rack, 4800);
  EXPECT_DOUBLE_EQ(*first.staff, 100'000);
  EXPECT_DOUBLE_EQ(*first.support, 15'000);
  EXPECT_DOUBLE_EQ(*first.depreciation, 60'000);
  EXPECT_NEAR(*plan.on_premise.total.base, 300'000 + 2 * 132'940, 1e-6);
  EXPECT_NEAR(*plan.years[0].cloud, 306'600, 1e-6) << "840 a day";
  EXPECT_EQ(plan.break_even_month, 21U) << "300,000 / (25,550 − 11,078.33)";
  const auto q = std::pow(1.1, -1.0 / 12), annuity = q * (1 - std::pow(q, 24)) / (1 - q);
  EXPECT_NEAR(*plan.on_premise.npv.base, 300'000 + 132'940.0 / 12 * annuity, 1e-6);
  EXPECT_NEAR(*plan.cloud.npv.base, 25'550 * annuity, 1e-6);
  EXPECT_NEAR(*plan.advantage, 25'550 * annuity - 300'000 - 132'940.0 / 12 * annuity, 1e-6);
  EXPECT_NEAR(*plan.cloud.per_million_tokens, 840 / 330.0, 1e-9);
  EXPECT_THAT(plan.break_even.en, HasSubstr("month 21"));
  EXPECT_TRUE(plan.missing.empty());
}

TEST(TotalCost, SumsEqualTheirParts) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const auto plan = cost(random_question(seed));
    double owned = 0, cloud = 0, hybrid = 0;
    for (const auto& year : plan.years) {
      const auto& parts = year.on_premise;
      EXPECT_NEAR(*parts.cash, *parts.purchase + *parts.power + *parts.rack + *parts.staff + *parts.support - *parts.sold, 1e-6);
      EXPECT_NEAR(*parts.book, *parts.depreciation + *parts.power + *parts.rack + *parts.staff + *parts.support, 1e-6);
      owned += *parts.cash, cloud += *year.cloud, hybrid += *year.hybrid;
    }
    const auto close = [](double a, double b) { EXPECT_NEAR(a, b, 1e-9 * (1 + std::abs(b))); };
    close(*plan.on_premise.total.base, owned), close(*plan.cloud.total.base, cloud), close(*plan.hybrid.total.base, hybrid);
    for (const auto* mode : {&plan.on_premise, &plan.cloud, &plan.hybrid}) {
      EXPECT_EQ(mode->cumulative.size(), plan.months + 1);
      close(*mode->cumulative.back(), *mode->total.base);
    }
  }
}

TEST(TotalCost, BreakEvenIsWhereTheCurvesCrossForGood) {
  int never = 0, some = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto plan = cost(random_question(seed));
    const auto dearer = [&](std::size_t month) { return *plan.on_premise.cumulative[month] > *plan.cloud.cumulative[month]; };
    if (!plan.break_even_month) {
      ++never;
      EXPECT_TRUE(dearer(plan.months));
      EXPECT_EQ(plan.break_even.en, "Never within " + std::to_string(plan.months) + " months.");
      continue;
    }
    ++some;
    for (std::size_t month = *plan.break_even_month; month <= plan.months; ++month) EXPECT_FALSE(dearer(month)) << seed << " " << month;
    if (*plan.break_even_month > 0) EXPECT_TRUE(dearer(*plan.break_even_month - 1)) << seed;
  }
  EXPECT_GT(never, 5);
  EXPECT_GT(some, 5);
}

TEST(TotalCost, WhatIsDearerNeverCostsLess) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto q = random_question(seed);
    const auto base = cost(q);
    const auto owned = [&](auto change) {
      auto other = q;
      change(other.inputs);
      return *cost(other).on_premise.npv.base;
    };
    EXPECT_GT(owned([](CostInputs& in) { *in.price_per_kwh *= 2; }), *base.on_premise.npv.base);
    EXPECT_GE(owned([](CostInputs& in) { *in.card_price *= 2; }), *base.on_premise.npv.base);
    EXPECT_GT(owned([](CostInputs& in) { *in.pue += 0.5; }), *base.on_premise.npv.base);
    EXPECT_LE(owned([](CostInputs& in) { in.residual_share = 1; }), *base.on_premise.npv.base);
    EXPECT_DOUBLE_EQ(owned([](CostInputs& in) { *in.cloud_input_per_million *= 2; }), *base.on_premise.npv.base);
  }
}

TEST(TotalCost, DepreciationWritesOffThePurchaseAndNoMore) {
  auto q = question();
  q.years = 10;
  q.inputs.depreciation_years = 4.5, q.inputs.residual_share = 0.1;
  q.hardware = {{.cards = 2, .servers = 1}, {.cards = 4, .servers = 1}};
  const auto plan = cost(q);
  double bought = 0, written = 0;
  for (const auto& year : plan.years) bought += *year.on_premise.purchase, written += *year.on_premise.depreciation;
  EXPECT_NEAR(bought, 500'000, 1e-6) << "two cards more in the second year";
  EXPECT_NEAR(written, 0.9 * bought, 1e-6);
  EXPECT_EQ(*plan.years[8].on_premise.depreciation, 0);
  EXPECT_NEAR(*plan.years[9].on_premise.sold, 0.1 * bought, 1e-6);
  EXPECT_THAT(plan.notes.front().en, HasSubstr("replacing"));
}

TEST(TotalCost, UnknownPricesStayUnknown) {
  CostQuestion q;
  q.card = "H100-SXM";
  q.hardware = {{.cards = 8, .servers = 1}};
  q.tokens = {.input = 1e8, .output = 1e7};
  q.inputs.cloud_model = "Zhipu (BigModel)/glm-4.7";
  auto plan = cost(q);
  EXPECT_FALSE(plan.on_premise.total.base);
  EXPECT_FALSE(plan.advantage);
  EXPECT_TRUE(plan.cloud.total.base);
  EXPECT_FALSE(plan.years[0].on_premise.purchase);
  EXPECT_TRUE(plan.years[0].on_premise.power) << "power and tariff are in the catalogue";
  EXPECT_THAT(plan.break_even.en, HasSubstr("Not known"));
  EXPECT_TRUE(plan.sensitivities.empty());
  EXPECT_TRUE(figure(plan, "cost.card_price").note);
  EXPECT_FALSE(figure(plan, "on_premise.total").value);
  std::vector<std::string> names;
  for (const auto& one : plan.missing) names.push_back(one.input);
  EXPECT_THAT(names, testing::UnorderedElementsAre("card_price", "server_price", "network_price", "storage_price", "rack_per_unit_and_month", "staff_per_year"));
  q.inputs.server_price = q.inputs.network_price = q.inputs.storage_price = q.inputs.rack_per_unit_and_month = q.inputs.staff_per_year = 0;
  plan = cost(q);
  ASSERT_EQ(plan.missing.size(), 1U);
  EXPECT_EQ(plan.missing[0].input, "card_price");
  ASSERT_TRUE(plan.affordable_purchase) << "what the cards may cost is known before what they cost";
  q.inputs.card_price = *plan.affordable_purchase / 8;
  EXPECT_NEAR(*cost(q).advantage, 0, 1e-6 * *plan.affordable_purchase);
}

TEST(TotalCost, TheAffordablePurchaseIsWhereBothCostTheSame) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    auto q = random_question(seed);
    q.inputs.server_price = q.inputs.network_price = q.inputs.storage_price = 0;
    const auto plan = cost(q);
    ASSERT_TRUE(plan.affordable_purchase);
    if (*plan.affordable_purchase < 0) continue;
    q.inputs.card_price = *plan.affordable_purchase / q.hardware[0].cards;
    EXPECT_NEAR(*cost(q).advantage, 0, 1e-6 * (1 + *plan.cloud.npv.base)) << seed;
  }
}

TEST(TotalCost, AFigureThatIsUnknownIsNoZeroWhereItIsAnInput) {
  auto q = question();
  q.inputs.staff_per_year.reset();
  const auto plan = cost(q);
  const auto& staff = figure(plan, "on_premise.year1.staff");
  EXPECT_FALSE(staff.value);
  const auto& given = *staff.input("staff_per_year");
  EXPECT_FALSE(given.value);
  EXPECT_EQ(given.figure, "cost.staff_per_year");
  EXPECT_THAT(to_json_text(given), testing::Not(HasSubstr("\"value\"")));
}

TEST(TotalCost, NothingIsConvertedSilently) {
  auto q = question();
  q.inputs.card_price.reset();
  q.card = "RTX-5090";
  const auto unpriced = [&](auto words) {
    const auto plan = cost(q);
    EXPECT_FALSE(plan.on_premise.total.base) << "not known, and the rest of the plan stands";
    EXPECT_TRUE(plan.cloud.total.base);
    ASSERT_EQ(plan.missing.size(), 1U);
    EXPECT_EQ(plan.missing[0].input, "card_price");
    EXPECT_THAT(plan.missing[0].what.en, words);
    ASSERT_EQ(plan.notes.size(), 1U);
    EXPECT_THAT(plan.notes[0].en, words);
    EXPECT_THAT(plan.notes[0].zh, HasSubstr(q.card));
  };
  unpriced(testing::AllOf(HasSubstr("exchange_rate (CNY for one USD)"), HasSubstr("RTX-5090")));
  q.inputs.exchange_rate = 7;
  EXPECT_NEAR(*cost(q).years[0].on_premise.purchase, 2 * 1999 * 7 + 100'000, 1e-6);
  q.inputs.currency = "USD";
  EXPECT_THAT(refusal(q), HasSubstr("exchange_rate"));
  q.inputs.exchange_rate.reset();
  EXPECT_NEAR(*cost(q).years[0].on_premise.purchase, 2 * 1999 + 100'000, 1e-6);
  q.card = "Ascend-910B3";
  unpriced(testing::AllOf(HasSubstr("in USD"), HasSubstr("or plan in CNY")));
  q = question();
  q.inputs.currency = "EUR", q.inputs.cloud_input_per_million.reset(), q.inputs.cloud_model = "OpenAI/gpt-5.4";
  EXPECT_THAT(refusal(q), HasSubstr("EUR for one USD"));
}

TEST(TotalCost, ThePriceListIsReadByModelAndPeriod) {
  auto q = question();
  q.inputs.cloud_input_per_million.reset(), q.inputs.cloud_output_per_million.reset();
  q.inputs.cloud_model = "deepseek/deepseek-flash";
  q.tokens.cached = 100e6;
  q.cloud_period = "off peak";
  auto plan = cost(q);
  EXPECT_NEAR(*plan.years[0].cloud, (200 * 1.5 + 100 * 0.05 + 30 * 4.5) * 365, 1e-6) << "the price in CNY before the one in USD";
  EXPECT_THAT(figure(plan, "cost.cloud_input_per_million").inputs[0].source.value_or("").en, HasSubstr("off peak"));
  q.cloud_period.reset();
  plan = cost(q);
  EXPECT_THAT(plan.notes.at(0).en, HasSubstr("cloud_period"));
  EXPECT_NEAR(*plan.cloud.total.low, (200 * 1.5 + 100 * 0.05 + 30 * 4.5) * 365 * 2, 1e-6) << "all of it off peak, cached tokens too";
  EXPECT_NEAR(*plan.cloud.total.high, (200 * 3 + 100 * 0.1 + 30 * 9) * 365 * 2, 1e-6);
  EXPECT_TRUE(std::ranges::any_of(plan.sensitivities, [](const Sensitivity& one) { return one.input == "cloud_cached_per_million"; }));
  q.cloud_period = "full moon";
  EXPECT_THAT(refusal(q), HasSubstr("full moon"));
  q.inputs.cloud_model = "DeepSeek/deepseek-flesh";
  EXPECT_THAT(refusal(q), HasSubstr("did you mean"));
}

TEST(TotalCost, PublishedRangesAreKept) {
  auto q = question();
  q.inputs.card_price.reset(), q.inputs.price_per_kwh.reset();
  q.card = "Ascend-910C";
  const auto plan = cost(q);
  EXPECT_NEAR(*plan.on_premise.total.high - *plan.on_premise.total.low, (2 * 5000) * (1 + 2 * 0.05) + 2 * 13'140 * 0.7, 1e-6)
      << "cards 140 to 145 thousand, power 0.4 to 1.1";
  EXPECT_NEAR(*figure(plan, "cost.card_price").value, 142'500, 1e-9);
  EXPECT_THAT(figure(plan, "cost.card_price").inputs[0].source.value_or("").en, HasSubstr("unverified"));
}

TEST(TotalCost, HybridIsBetweenItsEnds) {
  auto q = question();
  q.hardware = {{.cards = 8, .servers = 2}};
  q.inputs.local_share = 1;
  auto plan = cost(q);
  EXPECT_DOUBLE_EQ(*plan.hybrid.total.base, *plan.on_premise.total.base);
  q.inputs.local_share = 0;
  plan = cost(q);
  EXPECT_DOUBLE_EQ(*plan.hybrid.total.base, *plan.cloud.total.base);
  q.inputs.local_share = 0.3, q.cards_per_replica = 2;
  plan = cost(q);
  const auto& hybrid = figure(plan, "hybrid.year1");
  EXPECT_EQ(hybrid.inputs[0].value, 4) << "2.4 cards are two replicas of two";
  EXPECT_EQ(hybrid.inputs[1].value, 1);
}

TEST(TotalCost, GrowthBuysWhenItIsNeededAndPaysForMoreTokens) {
  auto q = question();
  q.years = 3, q.growth_per_year = 0.5;
  q.hardware = {{.cards = 2, .servers = 1}, {.cards = 3, .servers = 1}, {.cards = 9, .servers = 2}};
  const auto plan = cost(q);
  EXPECT_DOUBLE_EQ(*plan.years[1].on_premise.purchase, 100'000);
  EXPECT_DOUBLE_EQ(*plan.years[2].on_premise.purchase, 660'000);
  EXPECT_NEAR(*plan.years[2].cloud, 306'600 * 2.25, 1e-6);
  EXPECT_NEAR(*plan.on_premise.cumulative[12] - *plan.on_premise.cumulative[11], 132'940.0 / 12 + 100'000, 1e-6) << "bought as the second year begins";
  EXPECT_NEAR(plan.years[1].input_tokens, 300e6 * 365 * 1.5, 1);
}

TEST(TotalCost, SensitivitiesAreWhatOneWouldGetByAsking) {
  auto q = question();
  q.tokens.cached = 100e6;
  const auto plan = cost(q);
  ASSERT_GT(plan.sensitivities.size(), 10U);
  const auto width = [](const Sensitivity& one) { return std::abs(one.advantage_high - one.advantage_low); };
  for (std::size_t i = 1; i < plan.sensitivities.size(); ++i) EXPECT_GE(width(plan.sensitivities[i - 1]), width(plan.sensitivities[i]));
  const auto check = [&](std::string_view name, auto change) {
    const auto found = std::ranges::find(plan.sensitivities, name, &Sensitivity::input);
    ASSERT_NE(found, plan.sensitivities.end()) << name;
    auto low = q, high = q;
    change(low, found->low), change(high, found->high);
    EXPECT_NEAR(found->advantage_low, *cost(low).advantage, 1e-6) << name;
    EXPECT_NEAR(found->advantage_high, *cost(high).advantage, 1e-6) << name;
    EXPECT_EQ(found->break_even_low, cost(low).break_even_month) << name;
    EXPECT_EQ(found->break_even_high, cost(high).break_even_month) << name;
  };
  check("card_price", [](CostQuestion& one, double value) { one.inputs.card_price = value; });
  check("price_per_kwh", [](CostQuestion& one, double value) { one.inputs.price_per_kwh = value; });
  check("staff_per_year", [](CostQuestion& one, double value) { one.inputs.staff_per_year = value; });
  check("discount_rate", [](CostQuestion& one, double value) { one.inputs.discount_rate = value; });
  check("tokens.output", [](CostQuestion& one, double value) { one.tokens.output = value; });
  check("growth_per_year", [](CostQuestion& one, double value) { one.growth_per_year = value; });
  check("cloud_input_per_million", [](CostQuestion& one, double value) { one.inputs.cloud_input_per_million = value; });
  check("cloud_output_per_million", [](CostQuestion& one, double value) { one.inputs.cloud_output_per_million = value; });
}

TEST(TotalCost, TakesTheFleetAsItGrows) {
  FleetPlan fleet;
  for (std::uint32_t year = 0; year < 4; ++year) fleet.years.push_back({.year = year, .cards = 8 * (year + 1), .servers = year + 1});
  const auto hardware = hardware_of(fleet, 5);
  ASSERT_EQ(hardware.size(), 5U);
  EXPECT_EQ(hardware[0].cards, 16) << "the first year's end must be served by what is bought at its beginning";
  EXPECT_EQ(hardware[4].servers, 4);
  EXPECT_FALSE(tokens_of(fleet)) << "a peak is no day";
  fleet.requests_per_day = 1000, fleet.mean_prompt = 500, fleet.mean_cached = 100, fleet.mean_output = 50;
  EXPECT_DOUBLE_EQ(tokens_of(fleet)->input, 500'000);
  EXPECT_DOUBLE_EQ(tokens_of(fleet)->cached, 100'000);
  EXPECT_DOUBLE_EQ(tokens_of(fleet)->output, 50'000);
}

TEST(TotalCost, AFleetThatShrinksIsBoughtForItsBeginning) {
  FleetPlan fleet;
  for (const auto cards : {32U, 16U, 8U}) fleet.years.push_back({.year = static_cast<std::uint32_t>(fleet.years.size()), .cards = cards, .servers = cards / 8});
  auto q = question();
  q.hardware = hardware_of(fleet, 2), q.years = 2, q.growth_per_year = -0.5;
  EXPECT_EQ(q.hardware[0].cards, 32);
  EXPECT_EQ(q.hardware[1].cards, 16);
  const auto plan = cost(q);
  EXPECT_DOUBLE_EQ(*plan.years[1].on_premise.purchase, 0);
  EXPECT_LT(*plan.years[1].on_premise.power, *plan.years[0].on_premise.power) << "what is not needed is switched off";
  EXPECT_NEAR(plan.years[1].input_tokens, plan.years[0].input_tokens / 2, 1);
  for (const auto& one : plan.sensitivities) EXPECT_LE(one.low, one.high) << one.input;
}

TEST(TotalCost, GoesFromUsersToMoney) {
  FleetQuestion users;
  users.users = {.daily_active = 30'000, .growth_per_year = 0.4};
  users.replica = {.overhead_s = 1e-3, .dense_s = 6e-3, .kv_token_s = 4e-8, .token_s = 4e-5, .kv_tokens = 300'000};
  users.curves = false;
  users.effort = {.runs = 2, .requests = 2000};
  const auto fleet = plan_fleet(users).value();
  auto q = question();
  q.years = 3;
  q.hardware = hardware_of(fleet, q.years);
  q.tokens = tokens_of(fleet).value();
  q.growth_per_year = 0.4;
  const auto plan = cost(q);
  double bought = 0;
  for (const auto& year : plan.years) bought += *year.on_premise.purchase;
  EXPECT_DOUBLE_EQ(bought, 100'000 * fleet.years[3].cards + 60'000 * fleet.years[3].servers + 40'000);
  EXPECT_NEAR(plan.years[0].input_tokens, 30'000 * 8 * 1155.0 * 365, 1);
  EXPECT_NEAR(plan.years[2].output_tokens, 30'000 * 8 * 211.0 * 365 * 1.96, 1);
}

TEST(TotalCost, NonsenseIsRefusedByTheNameOfItsField) {
  const auto message = [](auto change) {
    auto q = question();
    change(q);
    return refusal(q);
  };
  EXPECT_THAT(message([](auto& q) { q.hardware.clear(); }), HasSubstr("hardware"));
  EXPECT_THAT(message([](auto& q) { q.hardware[0].cards = -1; }), HasSubstr("hardware"));
  EXPECT_THAT(message([](auto& q) { q.years = 0; }), HasSubstr("years"));
  EXPECT_THAT(message([](auto& q) { q.years = std::nan(""); }), HasSubstr("years"));
  EXPECT_THAT(message([](auto& q) { q.inputs.card_price = -5; }), HasSubstr("card_price"));
  EXPECT_THAT(message([](auto& q) { q.inputs.card_price = std::nan(""); }), HasSubstr("card_price"));
  EXPECT_THAT(message([](auto& q) { q.inputs.pue = 0.5; }), HasSubstr("pue"));
  EXPECT_THAT(message([](auto& q) { q.inputs.local_share = 1.5; }), HasSubstr("local_share"));
  EXPECT_THAT(message([](auto& q) { q.inputs.depreciation_years = 0; }), HasSubstr("depreciation_years"));
  EXPECT_THAT(message([](auto& q) { q.inputs.discount_rate = 3; }), HasSubstr("discount_rate"));
  EXPECT_THAT(message([](auto& q) { q.inputs.currency = "yuan"; }), HasSubstr("currency"));
  EXPECT_THAT(message([](auto& q) { q.inputs.exchange_rate = -7; }), HasSubstr("exchange_rate"));
  EXPECT_THAT(message([](auto& q) { q.tokens.input = -1; }), HasSubstr("tokens"));
  EXPECT_THAT(message([](auto& q) { q.tokens.cached = 1e12; }), HasSubstr("tokens.cached"));
  EXPECT_THAT(message([](auto& q) { q.utilisation = 1.1; }), HasSubstr("utilisation"));
  EXPECT_THAT(message([](auto& q) { q.growth_per_year = -2; }), HasSubstr("growth_per_year"));
  EXPECT_THAT(message([](auto& q) { q.inputs.card_price.reset(), q.card_power_w.reset(), q.card = "H100-SXN"; }), HasSubstr("did you mean"));
  EXPECT_THAT(message([](auto& q) { q.inputs.price_per_kwh.reset(), q.tariff = "moon"; }), HasSubstr("moon"));
}

TEST(TotalCost, EveryFigureSaysWhereItIsFrom) {
  const auto plan = cost(question());
  for (const auto& one : plan.figures) {
    EXPECT_FALSE(one.label.en.empty() || one.label.zh.empty()) << one.id;
    EXPECT_FALSE(one.formula.empty()) << one.id;
    EXPECT_FALSE(one.inputs.empty()) << one.id;
    for (const auto& input : one.inputs) {
      EXPECT_TRUE(input.figure || input.source) << one.id << " " << input.name.en;
      if (input.figure) EXPECT_TRUE(std::ranges::any_of(plan.figures, [&](const Figure& other) { return other.id == *input.figure; })) << one.id << " " << *input.figure;
    }
  }
  EXPECT_THAT(to_json_text(plan), HasSubstr("\"break_even_month\":21"));
}

TEST(DiminishingReturns, ThirteenIsEnoughUnlessAPointIsWorthMore) {
  const auto curve = diminishing_returns(catalogue().quality).value();
  ASSERT_EQ(curve.steps.size(), 2U);
  EXPECT_DOUBLE_EQ(*curve.steps[1].gain, 2);
  EXPECT_DOUBLE_EQ(*curve.steps[1].gain_per_cost, 0.5) << "92 % to 94 % for four times more";
  EXPECT_TRUE(curve.steps[0].knee);
  EXPECT_THAT(curve.advice.en, HasSubstr("13B is large enough"));
  EXPECT_TRUE(diminishing_returns(catalogue().quality, 0.4)->steps[1].knee);
}

TEST(DiminishingReturns, TheKneeOfAFlatteningCurveIsItsLastStepWorthTheCost) {
  std::vector<QualityPoint> points;
  for (int i = 5; i >= 0; --i) {
    QualityPoint one;
    one.name = std::to_string(i), one.parameters = std::pow(4, i) * 1e9, one.quality = 95 - 40 / std::pow(2, i), one.relative_cost = 1 + i;
    points.push_back(one);
  }
  for (const double worth : {0.9, 2.0, 4.0, 9.0, 30.0}) {
    const auto curve = diminishing_returns(points, worth).value();
    std::size_t last = 0;
    for (std::size_t i = 1; i < curve.steps.size(); ++i)
      if (*curve.steps[i].gain_per_cost >= worth) last = i;
    for (std::size_t i = 0; i < curve.steps.size(); ++i) EXPECT_EQ(curve.steps[i].knee, i == last) << worth;
  }
}

TEST(DiminishingReturns, NonsenseIsRefusedInWords) {
  QualityPoint a, b;
  a.name = "a", a.parameters = 1e9, a.quality = 80, a.relative_cost = 1;
  b.name = "b", b.parameters = 1e10, b.quality = 90, b.relative_cost = 1;
  EXPECT_THAT(diminishing_returns({a, b}).error().message, HasSubstr("cost the same"));
  b.relative_cost = 0.5;
  EXPECT_THAT(diminishing_returns({a, b}).error().message, HasSubstr("smaller"));
  b.relative_cost = 2, b.quality = 101;
  EXPECT_THAT(diminishing_returns({a, b}).error().message, HasSubstr("percent"));
  b.quality = std::nan("");
  EXPECT_FALSE(diminishing_returns({a, b}));
  EXPECT_FALSE(diminishing_returns({}));
  b.quality = 90;
  EXPECT_FALSE(diminishing_returns({a, b}, -1));
}

}  // namespace
}  // namespace siyu::planner
