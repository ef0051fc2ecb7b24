#include "planner/plan.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <stop_token>

#include "planner/catalogue_fixture.h"

namespace siyu::planner {
namespace {

using testing::HasSubstr;

const Catalogue& kCatalogue = the_catalogue();
const ShapeFinder kFind = find_in_catalogue;

constexpr const char* kBank = R"(
name: 投研问答
organisation: {name: 某银行, industry: finance}
model: {name: Qwen3-32B, weights: int8}
users: {daily_active: 2000, growth_per_year: 0.3}
tokens: {prompt: 2000, output: 400}
latency: {ttft_p95_s: 2.5, tpot_p95_ms: 100}
constraints: {edition: domestic, data_class: confidential, cloud_allowed: false}
)";

Scenario bank() { return parse_scenario(kBank, "bank.yaml").value(); }

TEST(Plan, GoesFromAScenarioToCardsThatMeetTheGoals) {
  const auto plan = make_plan(bank(), kCatalogue, kFind);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_TRUE(plan->hardware.front().chosen);
  EXPECT_EQ(plan->hardware.front().accelerator, plan->accelerator);
  EXPECT_EQ((*kCatalogue.accelerator(plan->accelerator))->edition, "domestic");
  EXPECT_LE(plan->hardware.front().ttft_p95_s, 2.5);
  EXPECT_LE(plan->hardware.front().tpot_p95_ms, 100);
  EXPECT_EQ(plan->cards, plan->replicas * plan->split.cards());
  EXPECT_EQ(plan->fleet.years.size(), 4U);
  EXPECT_EQ(plan->advice.mode.mode, Mode::kOnPremise);
  EXPECT_FALSE(plan->bill.empty());
}

TEST(Plan, MoreUsersNeverNeedFewerCards) {
  std::uint32_t last = 0;
  for (const double users : {200.0, 2000.0, 20'000.0, 200'000.0}) {
    auto scenario = bank();
    scenario.users->daily_active = users;
    scenario.accelerator = "Ascend-910B3";
    const auto plan = make_plan(scenario, kCatalogue, kFind, {.curves = false});
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_GE(plan->cards, last) << users;
    last = plan->cards;
  }
}

TEST(Plan, MakesADayOfAPeakWithTheFactorsThatAreGiven) {
  const auto tokens = [](std::optional<double> share, std::optional<double> factor) {
    auto scenario = bank();
    scenario.accelerator = "Ascend-910B3";
    scenario.users = UserLoad{.peak_hour_share = share, .peak_factor = factor, .requests_per_second = 2};
    return make_plan(scenario, kCatalogue, kFind, {.curves = false}).value().cost.years.front().output_tokens;
  };
  const auto usual = tokens({}, {});
  EXPECT_NEAR(usual, 2 / 1.5 * 3600 / 0.2 * 400 * 365, usual * 1e-6);
  EXPECT_NEAR(tokens(0.1, 3.0), usual, usual * 1e-6);
}

TEST(Plan, PriceAndPowerOfTheChosenCardAreThoseOfTheCardsThatItTakes) {
  for (const double users : {2000.0, 50'000.0, 150'000.0}) {  // more than one card, so that the quick and the whole simulation may differ
    auto scenario = bank();
    scenario.users->daily_active = users;
    scenario.accelerator = "Ascend-910B3";
    const auto plan = make_plan(scenario, kCatalogue, kFind, {.curves = false});
    ASSERT_TRUE(plan) << plan.error().message;
    const auto& chosen = plan->hardware.front();
    EXPECT_EQ(chosen.cards, plan->cards);
    EXPECT_DOUBLE_EQ(*chosen.purchase, 90'000.0 * plan->cards) << users;
    EXPECT_DOUBLE_EQ(chosen.power_w, *(*kCatalogue.accelerator("Ascend-910B3"))->power_w * plan->cards) << users;
  }
}

TEST(Plan, TheTableOfCardsAndTheCostReckonWithTheSamePrice) {
  const auto plan_with = [](auto change) {
    auto scenario = bank();
    scenario.constraints = Constraints{.accelerators = std::vector<std::string>{"RTX-5090"}};
    scenario.cost = CostInputs{};
    change(scenario);
    return make_plan(scenario, kCatalogue, kFind, {.curves = false}).value();
  };
  const auto price_of_a_card = [](const Plan& plan) {
    for (const auto& figure : plan.cost.figures)
      if (figure.id == "cost.card_price") return figure.value.value_or(-1);
    return -1.0;
  };
  const auto says = [](const Plan& plan, std::string_view words) {
    return std::ranges::any_of(plan.assumptions, [&](const Words& one) { return one.en.contains(words); });
  };
  const auto fixed = plan_with([](Scenario& s) { s.accelerator = "RTX-5090", s.cost->card_price = 30'000; });
  EXPECT_DOUBLE_EQ(*fixed.hardware.front().purchase, 30'000.0 * fixed.cards);
  EXPECT_DOUBLE_EQ(price_of_a_card(fixed), 30'000);
  EXPECT_FALSE(says(fixed, "given price of a card"));
  const auto open = plan_with([](Scenario& s) { s.constraints->accelerators->push_back("Ascend-910B3"), s.cost->card_price = 30'000, s.cost->exchange_rate = 7; });
  EXPECT_DOUBLE_EQ(*open.hardware.front().purchase, 30'000.0 * open.cards) << "of the chosen one";
  EXPECT_DOUBLE_EQ(price_of_a_card(open), 30'000);
  EXPECT_NE(*open.hardware.back().purchase, 30'000.0 * open.hardware.back().cards) << "of no other one";
  EXPECT_TRUE(says(open, "given price of a card was taken for " + open.accelerator));
  const auto converted = plan_with([](Scenario& s) { s.cost->exchange_rate = 7; });
  EXPECT_DOUBLE_EQ(*converted.hardware.front().purchase, 1999.0 * 7 * converted.cards);
  EXPECT_DOUBLE_EQ(price_of_a_card(converted), 1999.0 * 7);
}

TEST(Plan, CountsServersByTheCardsThatTheApplianceTakes) {
  const auto servers = [](const Plan& plan) { return std::ranges::find(plan.fleet.figures, "fleet.year0.servers", &Figure::id)->input("cards_per_server")->value; };
  auto little = bank(), wide = bank();
  little.model = {.name = "Qwen3-8B", .weights = "int8"};  // for a workstation
  little.users->daily_active = 3000;
  little.accelerator = "Hygon-K100-AI";
  const auto small = make_plan(little, kCatalogue, kFind, {.curves = false});
  ASSERT_TRUE(small) << small.error().message;
  EXPECT_EQ(small->advice.tier.tier, "workstation");
  EXPECT_EQ(servers(*small), 4);
  EXPECT_EQ(small->fleet.years.front().servers, (small->cards + 3) / 4);
  EXPECT_EQ(small->servers, small->fleet.years.front().servers);

  wide.model = {.name = "DeepSeek-V3", .weights = "bf16"};  // does not fit into a server of eight
  wide.accelerator = "Ascend-910B3";
  wide.users->daily_active = 100;
  wide.latency = LatencyGoals{.ttft_p95_s = 20, .tpot_p95_ms = 500};
  const auto large = make_plan(wide, kCatalogue, kFind, {.curves = false});
  ASSERT_TRUE(large) << large.error().message;
  EXPECT_GT(large->split.cards(), 8U);
  EXPECT_EQ(large->fleet.years.front().servers, large->cards / 8);
  EXPECT_EQ(large->servers, large->cards / 8);
}

TEST(Plan, TakesOnlyCardsThatItsEngineRunsOn) {
  auto scenario = bank();
  scenario.constraints = Constraints{.accelerators = std::vector<std::string>{"Ascend-910B3", "H20"}};
  scenario.engine = "Siyu";
  scenario.model = {.name = "Qwen3-8B", .weights = "q8_0"};
  scenario.latency->ttft_p95_s = 4;
  scenario.users->daily_active = 200;
  const auto plan = make_plan(scenario, kCatalogue, kFind, {.curves = false});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->hardware.size(), 1U);
  EXPECT_EQ(plan->accelerator, "H20");
  EXPECT_TRUE(std::ranges::any_of(plan->assumptions, [](const Words& one) { return one.en.contains("Speeds on cards are those of Siyu: measured by this project"); }));
  scenario.model.name = "Qwen3-32B";
  EXPECT_THAT(make_plan(scenario, kCatalogue, kFind, {.curves = false}).error().message, HasSubstr("H20: No number of replicas gives the first token within 4 s"));
  scenario.cards_per_replica = 2;
  EXPECT_THAT(make_plan(scenario, kCatalogue, kFind, {.curves = false}).error().message, HasSubstr("takes a whole model on one card"));
  scenario.cards_per_replica.reset();
  const auto message = [&](std::string engine, std::vector<std::string> cards) {
    scenario.engine = std::move(engine), scenario.constraints->accelerators = std::move(cards);
    return make_plan(scenario, kCatalogue, kFind, {.curves = false}).error().message;
  };
  EXPECT_THAT(message("nobody's", {"H20"}), HasSubstr("no factors of the engine `nobody's`"));
  EXPECT_THAT(message("TensorRT-LLM", {"Ascend-910B3"}), HasSubstr("runs TensorRT-LLM"));
  scenario.accelerator = "Ascend-910B3";
  EXPECT_THAT(message("TensorRT-LLM", {}), HasSubstr("does not run on Ascend-910B3"));
  scenario.accelerator.reset(), scenario.constraints->accelerators.reset();
  const auto open = make_plan(scenario, kCatalogue, kFind, {.curves = false});
  ASSERT_TRUE(open) << open.error().message;
  EXPECT_EQ(open->advice.tier.edition, "international");
  EXPECT_TRUE(std::ranges::any_of(open->advice.tier.reasons, [](const Words& one) { return one.en.contains("TensorRT-LLM runs on no card of the domestic edition"); }));
}

TEST(Plan, IsGivenUpWhenItIsAskedToStop) {
  auto endless = bank();  // seconds of simulation, if it were let
  endless.users->daily_active = 1e6;
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(make_plan(endless, kCatalogue, kFind, {.stop = stop.get_token()}).error().code, ErrorCode::kCancelled);
  std::stop_source later;
  auto plan = std::async(std::launch::async, [&] { return make_plan(endless, kCatalogue, kFind, {.stop = later.get_token()}); });
  EXPECT_EQ(plan.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  later.request_stop();
  const auto ended = plan.get();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::kCancelled);
}

TEST(Plan, BillAndCostBuyTheSameServers) {
  auto usual = bank(), large = bank();
  large.model = {.name = "Qwen3-235B-A22B", .weights = "int4"};  // of a tier that begins with two servers
  large.users->daily_active = 100;
  for (auto* scenario : {&usual, &large}) {
    scenario->users->growth_per_year = 0, scenario->accelerator = "Ascend-910B3";
    const auto plan = make_plan(*scenario, kCatalogue, kFind, {.curves = false});
    ASSERT_TRUE(plan) << plan.error().message;
    const auto purchase = std::ranges::find(plan->cost.figures, "on_premise.year1.purchase", &Figure::id);
    ASSERT_NE(purchase, plan->cost.figures.end());
    EXPECT_EQ(purchase->input("servers")->value, plan->servers);
    EXPECT_EQ(std::ranges::find(plan->bill, "server", &BillRow::group)->quantity, plan->servers);
    EXPECT_EQ(plan->advice.tier.servers, plan->servers);
    EXPECT_EQ(plan->hardware.front().servers, plan->servers);
    EXPECT_EQ(plan->fleet.years.front().servers, 1U);
    EXPECT_EQ(plan->servers, scenario == &large ? 2U : 1U);
  }
}

TEST(Plan, WritesItsPapersInBothLanguages) {
  const auto plan = make_plan(bank(), kCatalogue, kFind).value();
  const auto input = paper_input(plan, {.date = "2026-11-26"});
  for (const auto paper : {Paper::kAlignment, Paper::kSizing, Paper::kBillOfMaterials, Paper::kResponsibilities, Paper::kProjectPlan, Paper::kRisks, Paper::kCost})
    for (const auto language : {report::Language::kZh, report::Language::kEn}) {
      const auto document = write_paper(paper, input, language);
      ASSERT_TRUE(document) << document.error().message;
      EXPECT_GT(document->blocks.size(), 3U);
    }
}

TEST(Plan, WhatCannotBeSaysWhy) {
  const auto message = [](auto change) {
    auto scenario = bank();
    change(scenario);
    return make_plan(scenario, kCatalogue, kFind, {.curves = false}).error().message;
  };
  EXPECT_THAT(message([](Scenario& s) { s.model.name = "Qwen99"; }), HasSubstr("did you mean"));
  EXPECT_THAT(message([](Scenario& s) { s.accelerator = "H200"; }), HasSubstr("edition"));
  EXPECT_THAT(message([](Scenario& s) { s.latency->ttft_p95_s = 0.001; }), HasSubstr("None of the cards can do it"));
  EXPECT_THAT(message([](Scenario& s) { s.model.context = 100; }), HasSubstr("shorter than a mean prompt"));
  EXPECT_THAT(message([](Scenario& s) { s.tokens->shared_prefix = 5000; }), HasSubstr("tokens.shared_prefix"));
  EXPECT_THAT(message([](Scenario& s) { s.constraints->accelerators = std::vector<std::string>{"H200"}; }), HasSubstr("names no card of the domestic edition"));
}

TEST(Scenario, FilesAreReadAsYamlOrJsonAndEveryNumberHasARange) {
  EXPECT_EQ(parse_scenario(R"({"name": "a", "model": {"name": "Qwen3-8B"}})", "a.json")->model.name, "Qwen3-8B");
  const auto message = [](const char* text) { return parse_scenario(text, "s.yaml").error().message; };
  EXPECT_THAT(message("name: x\nmodel: {name: y}\nuser: {}\n"), HasSubstr("user"));
  EXPECT_THAT(message("name: x\n"), HasSubstr("model"));
  EXPECT_THAT(message("name: x\nmodel: {name: y}\nusers: {daily_active: -4}\n"), HasSubstr("`users.daily_active` must be a number from"));
  EXPECT_THAT(message("name: x\nmodel: {name: y}\nusers: {daily_active: many}\n"), HasSubstr("daily_active"));
  EXPECT_THAT(message("name: x\nmodel: {name: y}\ncost: {pue: 0.5}\n"), HasSubstr("`cost.pue`"));
  EXPECT_THAT(message("name: x\nmodel: {name: y}\ncost: {pue: 7}\n"), HasSubstr("`cost.pue` must be a number from 1 to 5"));
  EXPECT_THAT(message("name: x\nmodel: {name: y}\nusers: {growth_per_year: -0.95}\n"), HasSubstr("`users.growth_per_year`"));
  EXPECT_THAT(message("name: x\nmodel: {name: y}\ncost: {currency: yuan}\n"), HasSubstr("three letters"));
  EXPECT_THAT(message("name: x\nmodel: {name: y}\nyears: .inf\n"), HasSubstr("years"));
  EXPECT_THAT(message("name: [\n"), HasSubstr("not valid YAML"));
}

TEST(Scenario, WhatItMayHaveTheWholePlanTakes) {
  auto scenario = bank();
  scenario.accelerator = "Ascend-910B3", scenario.years = 1;
  const auto accepted = [&](auto change) {
    auto changed = scenario;
    changed.cost = CostInputs{};
    change(changed);
    const auto plan = make_plan(changed, kCatalogue, kFind, {.curves = false});
    return plan ? std::string("accepted") : plan.error().message;
  };
  for (const double growth : {-0.9, 10.0}) EXPECT_EQ(accepted([&](Scenario& s) { s.users->daily_active = 200, s.users->growth_per_year = growth; }), "accepted") << growth;
  EXPECT_EQ(accepted([](Scenario& s) { s.users->peak_factor = 60; }), "accepted");
  EXPECT_EQ(accepted([](Scenario& s) { s.cost->pue = 5, s.cost->depreciation_years = 0.5, s.cost->discount_rate = 1, s.cost->staff_share = 1000; }), "accepted");
  EXPECT_EQ(accepted([](Scenario& s) { s.cost->pue = 5.5; }), "`cost.pue` must be a number from 1 to 5; 5.5 was given");
  EXPECT_EQ(accepted([](Scenario& s) { s.users->growth_per_year = -0.95; }), "`users.growth_per_year` must be a number from -0.9 to 10; -0.95 was given");
}

}  // namespace
}  // namespace siyu::planner
