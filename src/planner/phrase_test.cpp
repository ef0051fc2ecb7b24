#include "planner/phrase.h"

#include <gmock/gmock.h>

#include <regex>
#include <set>

#include "planner/catalogue_fixture.h"
#include "planner/plan.h"

namespace siyu::planner {
namespace {

/// What was left in English: a word of three letters and more that is no type of weights and no acronym that engineers say in any language.
std::string english_in(const Phrase& phrase) {
  static const std::regex kWord("[A-Za-z_]{3,}");
  static const std::set<std::string> kSaid{"max", "min", "logits", "PUE", "KV"};
  for (std::sregex_iterator at(phrase.zh.begin(), phrase.zh.end(), kWord), end; at != end; ++at)
    if (!kSaid.contains(at->str())) return at->str();
  return {};
}

void expect_chinese(const std::vector<Figure>& figures, std::set<std::string>& seen) {
  for (const auto& figure : figures) {
    EXPECT_EQ(english_in(figure.formula), "") << figure.id << ": " << figure.formula.en << " → " << figure.formula.zh;
    seen.insert(figure.formula.en);
    for (const auto& input : figure.inputs)
      if (!sizing::weight_format(input.name.en)) EXPECT_EQ(english_in(input.name), "") << figure.id << ": " << input.name.en;
  }
}

TEST(Phrase, IsPutTogetherFromTheNamesOfAFormula) {
  EXPECT_EQ(Phrase("replicas × cards_per_replica").zh, "副本数 × 每副本卡数");
  EXPECT_EQ(Phrase("peak × (1 + growth)^year").zh, "峰值 × (1 + 年增长率)^年数");
  EXPECT_EQ(Phrase("bits per weight").zh, "每权重位数") << "the longest name, not bits";
  EXPECT_EQ(Phrase("max(⌈read / read_each⌉, ⌈write / write_each⌉)").zh, "max(⌈读吞吐 / 单台读吞吐⌉, ⌈写吞吐 / 单台写吞吐⌉)");
  EXPECT_EQ(Phrase("100 × bytes / (gb_per_s × 1e9 × usable)").zh, "100 × 字节数 / (网络带宽（GB/s） × 1e9 × 可用比例)");
}

TEST(Phrase, SaysWhatWasTakenForWantOfSomethingGiven) {
  EXPECT_EQ(Phrase("given; default 0.6, guidance of this project").zh, "给定值，默认 0.6，本项目经验值");
  EXPECT_EQ(Phrase("default 8 unless given").zh, "给定值，默认 8");
  EXPECT_EQ(Phrase("guidance of this project (data sheets vary)").zh, "本项目经验值");
}

TEST(Phrase, LeavesTitlesOfDocumentsAsTheyAre) {
  for (const auto* title : {"NVIDIA, H100 data sheet, memory bandwidth 3.35 TB/s", "read: SATA line rate; write: guidance of this project", "tokens of Qwen", ""}) {
    EXPECT_EQ(Phrase(title).zh, title);
    EXPECT_FALSE(Phrase(title).translated());
  }
}

TEST(Phrase, EveryFormulaOfAPlanIsThereInChinese) {
  std::set<std::string> seen;
  for (const auto* text : {"name: a\nmodel: {name: Qwen3-32B, weights: int8}\nusers: {daily_active: 2000, growth_per_year: 0.3}\norganisation: {name: b, industry: finance}\ndocuments_gb: 100\ntraining: adapters\n"
                           "tokens: {prompt: 1000, output: 300}\ncost: {card_price: 90000, server_price: 100000, network_price: 0, storage_price: 0, staff_per_year: 200000, rack_per_unit_and_month: 0, "
                           "cloud_input_per_million: 4, cloud_output_per_million: 16}\nconstraints: {edition: domestic}\n",
                           "name: a\nmodel: {name: DeepSeek-V3, weights: fp8}\nusers: {requests_per_second: 3}\ntraining: all\n"}) {
    const auto scenario = parse_scenario(text, "test.yaml");
    ASSERT_TRUE(scenario) << scenario.error().message;
    const auto plan = make_plan(*scenario, the_catalogue(), find_in_catalogue, {.curves = false});
    ASSERT_TRUE(plan) << plan.error().message;
    for (const auto* figures : {&plan->memory.figures, &plan->speed.figures, &plan->fleet.figures, &plan->cost.figures, &plan->advice.figures, &plan->quality.figures}) expect_chinese(*figures, seen);
  }
  for (const auto engine : {EngineKind::kSiyu, EngineKind::kSiyuCard, EngineKind::kLlamaServer, EngineKind::kCards})
    for (const auto* model : {"Qwen3-8B", "DeepSeek-V3"}) {
      MemoryQuestion question;
      question.shape = find_in_catalogue(model).value();
      question.engine = engine;
      const auto plan = plan_memory(question);
      ASSERT_TRUE(plan) << plan.error().message;
      expect_chinese(plan->figures, seen);
    }
  EXPECT_GT(seen.size(), 60U);
}

}  // namespace
}  // namespace siyu::planner
