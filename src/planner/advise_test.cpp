#include "planner/advise.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "planner/advise/facts.h"

namespace siyu::planner {
namespace {

using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const Catalogue& catalogue() {
  static const auto one = builtin_catalogue().value();
  return one;
}

AdviceQuestion question(const std::string& industry, DataClass data_class, const std::string& model) {
  AdviceQuestion out;
  out.scenario.name = "test";
  out.scenario.organisation = Organisation{.name = "Test", .industry = industry, .use = {}, .employees = 2000, .it_staff = 6};
  out.scenario.model.name = model;
  out.scenario.users = UserLoad{.daily_active = 3000};
  out.scenario.tokens = TokenLoad{.prompt = 2000, .output = 400};
  out.scenario.constraints = Constraints{.data_class = data_class};
  return out;
}

Advice advised(const AdviceQuestion& asked) {
  auto advice = advise(asked, catalogue());
  EXPECT_TRUE(advice) << advice.error().message;
  return advice.value_or(Advice{});
}

bool excluded(const Advice& advice, Mode mode) {
  return std::ranges::any_of(advice.mode.ranking, [&](const RankedMode& one) { return one.mode == mode && one.excluded; });
}
bool ruled(const Advice& advice, const std::string& rule) {
  return std::ranges::any_of(advice.mode.exclusions, [&](const Exclusion& one) { return one.rule == rule; });
}
int tier_rank(const std::string& tier) { return tier == "workstation" ? 0 : tier == "single server" ? 1 : 2; }

const std::vector<DataClass> kGrades{DataClass::kPublic, DataClass::kInternal, DataClass::kConfidential, DataClass::kCore};

// --- scenarios with stated expectations ---------------------------------------------------------------------------------------------

TEST(AdviceFor, BankWithConfidentialDataIsOnPremiseWithoutCloud) {
  auto asked = question("finance", DataClass::kConfidential, "Qwen3-32B");
  asked.scenario.organisation->use = "投研与制度问答";
  asked.scenario.constraints->edition = Edition::kDomestic;
  const auto advice = advised(asked);
  EXPECT_EQ(advice.mode.mode, Mode::kOnPremise);
  EXPECT_TRUE(excluded(advice, Mode::kCloud));
  EXPECT_TRUE(ruled(advice, "regulated_industry"));
  EXPECT_FALSE(excluded(advice, Mode::kHybrid));
  EXPECT_EQ(advice.model.model_class, "10B");
  EXPECT_EQ(advice.model.openness, "open");
  EXPECT_EQ(advice.tier.appliance, "server-domestic");
  EXPECT_EQ(advice.storage.rule, "from_10b_to_100b");
  EXPECT_THAT(advice.risks, Contains(Field(&ComplianceRisk::id, "cryptography")));
  EXPECT_THAT(advice.risks, Contains(Field(&ComplianceRisk::id, "human_review")));
}

TEST(AdviceFor, HospitalBehindAnAirGapNeverSeesACloud) {
  auto asked = question("medical", DataClass::kConfidential, "Qwen3-14B");
  asked.scenario.constraints->air_gapped = true;
  const auto advice = advised(asked);
  EXPECT_EQ(advice.mode.mode, Mode::kOnPremise);
  EXPECT_TRUE(excluded(advice, Mode::kCloud));
  EXPECT_TRUE(excluded(advice, Mode::kHybrid));
  EXPECT_TRUE(ruled(advice, "air_gap"));
  EXPECT_THAT(advice.risks, Contains(Field(&ComplianceRisk::id, "personal_information")));
  EXPECT_THAT(advice.model.candidates, Contains(testing::AllOf(Field(&Candidate::model, "Qwen3-32B"), Field(&Candidate::suggested, true))));
}

TEST(AdviceFor, FactoryAsksForVisionModelsWhereTheUseDoes) {
  auto asked = question("manufacturing", DataClass::kInternal, "Qwen2.5-VL-7B");
  asked.scenario.organisation->use = "defect description from images";
  asked.scenario.users->daily_active = 500;
  const auto advice = advised(asked);
  EXPECT_THAT(advice.model.abilities, Contains(Field(&Ability::id, "vision")));
  for (const auto& one : advice.model.candidates)
    if (!one.suggested) EXPECT_EQ(one.kind, "vision") << one.model;
  EXPECT_EQ(advice.tier.tier, "workstation");
  EXPECT_EQ(advice.storage.rule, "below_10b");
  EXPECT_FALSE(advice.model.goals.empty());
}

TEST(AdviceFor, SchoolWithPublicDataAndNoTeamMayUseTheCloud) {
  auto asked = question("education", DataClass::kPublic, "Qwen3-8B");
  asked.scenario.organisation->it_staff = 0;
  asked.scenario.organisation->employees = 80;
  asked.scenario.users->daily_active = 300;
  const auto advice = advised(asked);
  EXPECT_EQ(advice.mode.mode, Mode::kCloud);
  EXPECT_THAT(advice.mode.exclusions, IsEmpty());
  EXPECT_THAT(advice.risks, Contains(Field(&ComplianceRisk::id, "minors")));
}

TEST(AdviceFor, GovernmentDataAboveInternalRulesHybridOut) {
  const auto advice = advised(question("government", DataClass::kConfidential, "Qwen3-32B"));
  EXPECT_TRUE(excluded(advice, Mode::kHybrid));
  EXPECT_TRUE(ruled(advice, "government_data"));
  for (const auto& one : advice.mode.exclusions) EXPECT_FALSE(one.norm.en.empty() || one.norm.zh.empty());
}

// --- properties ---------------------------------------------------------------------------------------------------------------------

TEST(Advice, AHigherGradeNeverMovesTowardsThePublicCloud) {
  for (const auto& industry : catalogue().industries)
    for (const double staff : {0.0, 3.0, 40.0})
      for (const double users : {50.0, 5000.0, 500000.0})
        for (const double security : {0.0, 20.0, 80.0}) {
          auto closest = Mode::kCloud;
          bool cloud_out = false;
          for (const auto grade : kGrades) {
            auto asked = question(industry.name, grade, "Qwen3-8B");
            asked.scenario.organisation->it_staff = staff;
            asked.scenario.users->daily_active = users;
            asked.scenario.criteria = Criteria{.security = security};
            const auto facts = facts_of(asked, catalogue()).value();
            const auto verdict = judge(facts, weights_of(facts));
            EXPECT_GE(verdict.first(), closest) << industry.name << " " << static_cast<int>(grade) << " staff " << staff << " users " << users;
            const auto out = std::ranges::any_of(verdict.exclusions, [](const Exclusion& one) { return one.mode == Mode::kCloud; });
            EXPECT_TRUE(out || !cloud_out);
            closest = verdict.first();
            cloud_out = out;
          }
        }
}

TEST(Advice, TheDomesticEditionNeverNamesAnInternationalCard) {
  for (const auto* model : {"Qwen3-4B", "Qwen3-32B", "DeepSeek-R1"})
    for (const double users : {100.0, 20000.0, 300000.0}) {
      auto asked = question("government", DataClass::kInternal, model);
      asked.scenario.constraints->edition = Edition::kDomestic;
      asked.scenario.users->daily_active = users;
      const auto advice = advised(asked);
      ASSERT_FALSE(advice.tier.cards.empty());
      for (const auto& card : advice.tier.cards) EXPECT_EQ((*catalogue().accelerator(card))->edition, "domestic") << card;
      const auto text = json::serialize(to_json(advice));
      for (const auto& card : catalogue().accelerators)
        if (card.edition == "international" && card.name.size() > 3) EXPECT_THAT(text, Not(HasSubstr(card.name))) << card.name;
      for (const auto& one : advice.tier.alternatives) EXPECT_THAT(one.appliance, Not(HasSubstr("international")));
    }
}

TEST(Advice, AnAirGapNeverProposesACloud) {
  for (const auto& industry : catalogue().industries)
    for (const auto grade : kGrades) {
      auto asked = question(industry.name, grade, "Qwen3-8B");
      asked.scenario.constraints->air_gapped = true;
      asked.scenario.criteria = Criteria{.cost = 100, .operations = 100, .elasticity = 100};
      const auto advice = advised(asked);
      EXPECT_EQ(advice.mode.mode, Mode::kOnPremise);
      EXPECT_EQ(advice.model.openness, "open");
    }
}

TEST(Advice, LargerModelsNeverGetSmallerTiersOrWeakerStorage) {
  for (const auto edition : {Edition::kDomestic, Edition::kInternational}) {
    int tier = 0, storage = 0;
    double servers = 0;
    for (const double parameters : {5e8, 4e9, 9.9e9, 1e10, 3.2e10, 7e10, 9.9e10, 1.1e11, 6.7e11}) {
      auto asked = question("finance", DataClass::kInternal, "own");
      asked.parameters = parameters;
      asked.scenario.constraints->edition = edition;
      const auto advice = advised(asked);
      const auto& rules = catalogue().storage_rules;
      const auto rank = static_cast<int>(std::ranges::find(rules, advice.storage.rule, &StorageRule::name) - rules.begin());
      EXPECT_GE(tier_rank(advice.tier.tier), tier) << parameters;
      EXPECT_GE(rank, storage) << parameters;
      EXPECT_GE(advice.tier.servers, servers) << parameters;
      tier = tier_rank(advice.tier.tier), storage = rank, servers = advice.tier.servers;
    }
    EXPECT_EQ(tier, 2);
    EXPECT_EQ(storage, 2);
  }
}

TEST(Advice, ContributionsAddUpToTheScores) {
  const auto advice = advised(question("retail", DataClass::kInternal, "Qwen3-8B"));
  for (const auto& ranked : advice.mode.ranking) {
    double sum = 0;
    for (const auto& one : advice.mode.criteria) sum += one.contributions.of(ranked.mode);
    EXPECT_NEAR(sum, ranked.score, 1e-9);
  }
  double weights = 0;
  for (const auto& one : advice.mode.criteria) {
    weights += one.weight;
    EXPECT_FALSE(one.reasons.empty()) << one.criterion;
  }
  EXPECT_NEAR(weights, 1, 1e-12);
}

TEST(Advice, ACloudThatCostsNothingIsSaidInWordsAndNotAsARatio) {
  auto asked = question("retail", DataClass::kInternal, "Qwen3-8B");
  asked.local_cost = 3.1e6, asked.cloud_cost = 0;
  const auto criteria = advised(asked).mode.criteria;
  const auto cost = std::ranges::find(criteria, "cost", &CriterionScore::criterion);
  ASSERT_NE(cost, criteria.end());
  EXPECT_EQ(cost->scores.cloud, 100);
  EXPECT_THAT(cost->reasons.front().en, testing::AllOf(HasSubstr("given as free"), Not(HasSubstr("times"))));
  EXPECT_THAT(cost->reasons.front().zh, testing::AllOf(HasSubstr("为零"), Not(HasSubstr("倍"))));
}

TEST(Advice, AFlipIsWhereTheAnswerChanges) {
  auto asked = question("retail", DataClass::kInternal, "Qwen3-8B");
  asked.local_cost = 4e5, asked.cloud_cost = 9e5;
  const auto advice = advised(asked);
  int tried = 0;
  for (const auto& flip : advice.mode.flips) {
    if (!flip.to_value) continue;
    auto facts = facts_of(asked, catalogue()).value();
    auto weights = weights_of(facts);
    const auto judge_at = [&](double value) {
      auto moved = facts;
      auto shares = weights;
      for (std::size_t i = 0; i < advice.mode.criteria.size(); ++i)
        if (flip.name == "weight." + advice.mode.criteria[i].criterion) {
          for (std::size_t k = 0; k < shares.size(); ++k) shares[k] = k == i ? value : weights[k] / (1 - weights[i]) * (1 - value);
          return judge(moved, shares).first();
        }
      if (flip.name == "input.users.daily_active") moved.daily_active = value;
      else if (flip.name == "input.organisation.it_staff") moved.it_staff = value;
      else if (flip.name == "input.organisation.employees") moved.employees = value;
      else if (flip.name == "input.peak_to_mean") moved.peak_to_mean = value;
      else if (flip.name == "input.cost_ratio") moved.local_cost = *moved.cloud_cost * value;
      else return advice.mode.mode;
      return judge(moved, weights).first();
    };
    EXPECT_EQ(judge_at(*flip.to_value), flip.mode) << flip.name << " " << flip.text.en;
    EXPECT_NE(*flip.mode, advice.mode.mode);
    ++tried;
  }
  EXPECT_GE(tried, 3);
}

TEST(Advice, EverythingPeopleReadIsInBothLanguages) {
  for (const auto& industry : catalogue().industries)
    for (const auto& use : industry.scenarios) {
      auto asked = question(industry.name, DataClass::kConfidential, "DeepSeek-R1");
      asked.scenario.organisation->use = use.name;
      asked.training = Training::kAdapters;
      asked.weights_bytes = 7e11, asked.kv_bytes_per_token = 7e4;
      const auto advice = advised(asked);
      const auto both = [&](const Words& words) {
        EXPECT_FALSE(words.en.empty() || words.zh.empty()) << use.name << ": " << words.en << words.zh;
        EXPECT_NE(words.en, words.zh) << words.en;
      };
      for (const auto& one : advice.mode.criteria)
        for (const auto& reason : one.reasons) both(reason);
      for (const auto& one : advice.mode.exclusions) both(one.reason), both(one.norm);
      for (const auto& one : advice.mode.flips) both(one.text);
      for (const auto& one : advice.mode.assumptions) both(one);
      for (const auto& one : advice.model.abilities) both(one.name);
      for (const auto& one : advice.model.goals) both(one.name);
      for (const auto& one : advice.model.candidates) both(one.note);
      both(advice.model.class_reason), both(advice.model.openness_reason);
      if (advice.model.note) both(*advice.model.note);
      for (const auto& one : advice.tier.reasons) both(one);
      for (const auto& one : advice.tier.doubts) both(one);
      for (const auto& one : advice.tier.alternatives) both(one.reason);
      for (const auto& one : advice.storage.needs) both(one.name), both(one.pattern), both(one.reason), both(one.class_name);
      for (const auto& one : advice.network.needs) both(one.name), both(one.reason);
      both(advice.network.tail);
      for (const auto& one : advice.risks) both(one.title), both(one.why), both(one.mitigation);
      for (const auto& one : advice.reminders) both(one);
      for (const auto& one : advice.figures) {
        both(one.label);
        EXPECT_TRUE(one.value || one.note) << one.id;
        if (one.value) EXPECT_FALSE(one.formula.empty() || one.inputs.empty()) << one.id;
        for (const auto& input : one.inputs) EXPECT_TRUE(input.figure || input.source) << one.id << " " << input.name.en;
      }
    }
}

TEST(Advice, TheRulesForThePublicAreAskedOfTheUsesThatTheCatalogueMarks) {
  auto own = catalogue();
  for (const bool open : {true, false}) {
    auto& use = own.industries.front().scenarios.front();
    use.public_answers = open;
    auto asked = question(own.industries.front().name, DataClass::kInternal, "Qwen3-8B");
    asked.scenario.organisation->use = use.name;
    const auto risks = advise(asked, own).value().risks;
    EXPECT_EQ(std::ranges::find(risks, "content_safety", &ComplianceRisk::id) != risks.end(), open);
  }
}

// --- figures ------------------------------------------------------------------------------------------------------------------------

TEST(StoragePlan, LoadsTheWeightsInTheStagesTimeOnEveryServer) {
  auto asked = question("finance", DataClass::kInternal, "Qwen3-32B");
  asked.weights_bytes = 66e9;
  const auto advice = advised(asked);
  const auto* read = advice.figure("storage.serve.read");
  ASSERT_TRUE(read != nullptr && read->value);
  EXPECT_NEAR(*read->value, 66e9 * advice.tier.servers / 120 / 1e9, 1e-9);
  EXPECT_NEAR(*advice.figure("storage.serve.capacity")->value, 66e9 * 2 * 2, 1);
  EXPECT_EQ(*advice.figure("storage.serve.units")->value, 1);  // a node of the disk class reads 3 GB/s
}

TEST(StoragePlan, AnUnknownWritingSpeedStaysUnknown) {
  auto asked = question("finance", DataClass::kInternal, "DeepSeek-R1");
  asked.training = Training::kAll;
  const auto advice = advised(asked);
  EXPECT_NEAR(*advice.figure("storage.train_and_checkpoint.write")->value, 14 * static_cast<double>((*catalogue().model("DeepSeek-R1"))->parameters) / 120 / 1e9,
              1e-6);
  const auto* units = advice.figure("storage.train_and_checkpoint.units");
  ASSERT_NE(units, nullptr);
  EXPECT_FALSE(units->value);
  EXPECT_THAT(units->note->en, HasSubstr("not published"));
}

TEST(NetworkPlan, TheCacheOfAPromptAddsItsTransferToTheFirstToken) {
  auto asked = question("finance", DataClass::kInternal, "Qwen3-32B");
  asked.kv_bytes_per_token = 262144;
  const auto advice = advised(asked);
  EXPECT_NEAR(*advice.figure("network.kv.bytes")->value, 262144.0 * 2000, 1);
  EXPECT_NEAR(*advice.figure("network.kv.minimum")->value, 262144.0 * 2000 / (12.5e9 * 0.9) + 4e-6, 1e-9);
  EXPECT_NEAR(*advice.figure("network.kv.recommended")->value, 262144.0 * 2000 / (50e9 * 0.95) + 2e-6, 1e-9);
}

TEST(NetworkPlan, ARingMovesTwiceTheGradientsLessOneShare) {
  auto asked = question("finance", DataClass::kInternal, "own");
  asked.parameters = 7e9;
  asked.training = Training::kAll;
  asked.servers = 4;
  const auto advice = advised(asked);
  EXPECT_NEAR(*advice.figure("network.training.bytes")->value, 2 * 7e9 * 2 * 3 / 4, 1);
  EXPECT_THAT(advice.network.needs,
              Contains(testing::AllOf(Field(&NetworkNeed::scenario, "data-parallel training of all parameters"), Field(&NetworkNeed::needed, true))));
}

TEST(TierAdvice, SaysWhichFiguresOfTheCardsAreInDoubt) {
  auto asked = question("government", DataClass::kInternal, "DeepSeek-R1");
  asked.scenario.constraints->edition = Edition::kDomestic;
  const auto advice = advised(asked);
  EXPECT_EQ(advice.tier.appliance, "rack-domestic");
  EXPECT_THAT(advice.tier.doubts, Contains(Field(&Words::en, testing::AllOf(HasSubstr("MTT-S5000"), HasSubstr("memory bandwidth")))));
}

TEST(TierAdvice, ManyRequestsInFlightAskForALargerTierThanTheModelDoes) {
  auto asked = question("finance", DataClass::kInternal, "Qwen3-8B");
  asked.concurrency = 200;
  EXPECT_EQ(advised(asked).tier.tier, "single server");
  asked.concurrency = 5000;
  const auto many = advised(asked);
  EXPECT_EQ(many.tier.tier, "rack cluster");
  EXPECT_GE(many.tier.servers, 3);
  EXPECT_THAT(many.tier.reasons, Contains(Field(&Words::en, HasSubstr("5,000 requests in flight: an appliance of the domestic edition takes up to 2048."))));
}

TEST(TierAdvice, TakesTheServersOfTheFleetUnlessTheTierBeginsWithMore) {
  auto asked = question("government", DataClass::kInternal, "DeepSeek-R1");
  asked.scenario.constraints->edition = Edition::kDomestic;
  asked.replicas = 1, asked.cards_per_replica = 8, asked.servers = 1;
  const auto least = advised(asked).tier;
  EXPECT_EQ(least.appliance, "rack-domestic");
  EXPECT_EQ(least.servers, 2) << "sixteen cards, eight to a server";
  EXPECT_THAT(least.reasons, Contains(Field(&Words::en, HasSubstr("Servers that the load needs: 1. This tier takes at least 2 for 8 cards"))));
  asked.replicas = 4, asked.servers = 5, asked.concurrency = 100'000;
  const auto many = advised(asked).tier;
  EXPECT_EQ(many.servers, 5) << "the fleet was simulated; what the tier is said to carry is guidance";
  EXPECT_THAT(many.reasons, Not(Contains(Field(&Words::en, HasSubstr("This tier takes at least")))));
}

TEST(TierAdvice, ServersHoldTheirCards) {
  const auto& all = catalogue().appliances;
  const auto& workstation = *std::ranges::find(all, "workstation-domestic", &Appliance::name);
  EXPECT_EQ(servers_for(workstation, 1), 1);
  EXPECT_EQ(servers_for(workstation, 6), 2);
  const auto& rack = *std::ranges::find(all, "rack-domestic", &Appliance::name);
  EXPECT_EQ(servers_for(rack, 0), 2);
  EXPECT_EQ(servers_for(rack, 17), 3);
}

TEST(TierAdvice, SaysWhenNothingSuffices) {
  auto small = catalogue();
  std::erase_if(small.appliances, [](const Appliance& one) { return one.tier != "workstation"; });
  auto asked = question("finance", DataClass::kInternal, "DeepSeek-R1");
  asked.scenario.users->daily_active = 300'000;
  asked.concurrency = 20;
  const auto tier = advise(asked, small).value().tier;
  EXPECT_EQ(tier.tier, "workstation");
  EXPECT_THAT(tier.reasons, Contains(Field(&Words::en, testing::AllOf(HasSubstr("B parameters: no appliance"), HasSubstr("does not suffice")))));
  EXPECT_THAT(tier.reasons, Contains(Field(&Words::zh, testing::AllOf(HasSubstr("参数的模型：国产版没有"), HasSubstr("不足以承担")))));
  EXPECT_THAT(tier.reasons, Contains(Field(&Words::en, testing::StartsWith("300,000 daily users: no appliance"))));
  EXPECT_THAT(tier.reasons, Contains(Field(&Words::en, "20 requests in flight ask for at least: workstation.")));
}

// --- refusals -----------------------------------------------------------------------------------------------------------------------

TEST(Advice, AnUnknownIndustryOrUseNamesTheKnownOnes) {
  const auto industry = advise(question("shipbuilding", DataClass::kInternal, "Qwen3-8B"), catalogue());
  ASSERT_FALSE(industry);
  EXPECT_EQ(industry.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(industry.error().message, testing::AllOf(HasSubstr("shipbuilding"), HasSubstr("finance (金融)"), HasSubstr("logistics (物流)")));
  auto asked = question("finance", DataClass::kInternal, "Qwen3-8B");
  asked.scenario.organisation->use = "chess";
  EXPECT_THAT(advise(asked, catalogue()).error().message, HasSubstr("customer service"));
}

TEST(Advice, ACardOfTheOtherEditionIsAContradiction) {
  auto asked = question("finance", DataClass::kInternal, "Qwen3-8B");
  asked.scenario.constraints->edition = Edition::kDomestic;
  asked.scenario.accelerator = "H20";
  EXPECT_THAT(advise(asked, catalogue()).error().message, testing::AllOf(HasSubstr("H20"), HasSubstr("change one of the two")));
  asked.scenario.accelerator = {};
  asked.scenario.constraints->accelerators = std::vector<std::string>{"H100-SXM"};
  EXPECT_EQ(advise(asked, catalogue()).error().code, ErrorCode::kInvalidArgument);
}

TEST(Advice, NumbersThatSayNothingAreRefused) {
  auto asked = question("finance", DataClass::kInternal, "Qwen3-8B");
  asked.weights_bytes = -1;
  EXPECT_EQ(advise(asked, catalogue()).error().param, "weights_bytes");
  asked.weights_bytes = std::nan("");
  EXPECT_FALSE(advise(asked, catalogue()));
}

TEST(Advice, WithNothingButANameItSaysWhatItLacks) {
  AdviceQuestion asked;
  asked.scenario.name = "empty";
  const auto advice = advised(asked);
  EXPECT_GE(advice.missing.size(), 7U);
  EXPECT_EQ(advice.tier.tier, "workstation");
  EXPECT_EQ(advice.model.model_class, "10B");
  EXPECT_THAT(advice.mode.assumptions, Contains(Field(&Words::en, HasSubstr("data grade"))));
}

TEST(PlainNumber, KeepsTheDigitsThatTellSomething) {
  EXPECT_EQ(plain_number(12000), "12,000");
  EXPECT_EQ(plain_number(1234567.8), "1,234,568");
  EXPECT_EQ(plain_number(-1500), "-1,500");
  EXPECT_EQ(plain_number(-100), "-100");
  EXPECT_EQ(plain_number(0.03), "0.03");
  EXPECT_EQ(plain_number(4.567), "4.57");
  EXPECT_EQ(plain_number(0), "0");
  EXPECT_EQ(plain_number(1.50), "1.5");
  EXPECT_EQ(plain_number(0.0123456), "0.0123");
}

}  // namespace
}  // namespace siyu::planner
