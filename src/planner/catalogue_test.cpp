#include "planner/catalogue.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

namespace siyu::planner {
namespace {

class CatalogueFolder : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/siyu-catalogue-XXXXXX";
    folder_ = ::mkdtemp(path);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  Result<Catalogue> with(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return load_catalogue(folder_);
  }
  std::filesystem::path folder_;
};

TEST(Catalogue, TravelsWithTheProgramAndIsWhole) {
  const auto catalogue = builtin_catalogue();
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  EXPECT_GE(catalogue->models.size(), 60U);
  EXPECT_GE(catalogue->accelerators.size(), 60U);
  EXPECT_EQ(catalogue->industries.size(), 10U);
  EXPECT_GE(catalogue->published.size(), 15U);
}

TEST(Catalogue, EveryFigureHasASourceAndADate) {
  const auto catalogue = builtin_catalogue().value();
  const auto check = [](const auto& entries) {
    for (const auto& entry : entries) {
      EXPECT_FALSE(entry.source.empty());
      EXPECT_GE(entry.date.size(), 7U);
    }
  };
  check(catalogue.models), check(catalogue.accelerators), check(catalogue.networks), check(catalogue.storage), check(catalogue.appliances), check(catalogue.token_prices);
  check(catalogue.published), check(catalogue.efficiencies), check(catalogue.industries), check(catalogue.purchases), check(catalogue.tariffs);
}

TEST(Catalogue, TheNarrowestFactorsOfAnEngineCount) {
  Catalogue catalogue;
  catalogue.efficiencies = {{.name = "all"}, {.name = "card", .accelerators = Strings{"H200"}}, {.name = "engine", .engine = "vLLM"}, {.name = "both", .engine = "vLLM", .accelerators = Strings{"H20", "H200"}}};
  const auto name = [&](std::optional<std::string> engine, std::string_view card) { return (*catalogue.efficiency(engine, card))->name; };
  EXPECT_EQ(name({}, "H100-SXM"), "all");
  EXPECT_EQ(name({}, "h200"), "card");
  EXPECT_EQ(name("vllm", "H100-SXM"), "engine");
  EXPECT_EQ(name("vLLM", "H20"), "both");
  EXPECT_THAT(catalogue.efficiency("MindIE", "H20").error().message, testing::AllOf(testing::HasSubstr("`MindIE`"), testing::HasSubstr("of: vLLM.")));
  catalogue.efficiencies.clear();
  EXPECT_THAT(catalogue.efficiency({}, "H20").error().message, testing::HasSubstr("efficiency.yaml has no entry that stands for all"));
}

TEST(Catalogue, NamesInItLeadSomewhere) {
  const auto catalogue = builtin_catalogue().value();
  for (const auto& one : catalogue.published) {
    EXPECT_TRUE(catalogue.model(one.model)) << one.id;
    EXPECT_TRUE(catalogue.accelerator(one.accelerator)) << one.id;
  }
  for (const auto& one : catalogue.efficiencies)
    for (const auto& card : one.accelerators.value_or(Strings{})) EXPECT_TRUE(catalogue.accelerator(card)) << one.name;
  for (const auto& one : catalogue.appliances) {
    EXPECT_TRUE(catalogue.accelerator(one.cards.model)) << one.name;
    EXPECT_TRUE(catalogue.accelerator(one.cpu.model)) << one.name;
    for (const auto& other : one.cards.alternatives) EXPECT_TRUE(catalogue.accelerator(other)) << one.name << " " << other;
    for (const auto& model : one.models) EXPECT_TRUE(catalogue.model(model)) << one.name << " " << model;
  }
  for (const auto& industry : catalogue.industries)
    for (const auto& scenario : industry.scenarios)
      for (const auto& model : scenario.models) EXPECT_TRUE(catalogue.model(model)) << scenario.name << " " << model;
}

TEST(Catalogue, SaysWhichUsesAnswerThePublic) {
  Strings names;
  for (const auto& industry : builtin_catalogue().value().industries)
    for (const auto& scenario : industry.scenarios)
      if (scenario.public_answers.value_or(false)) names.push_back(industry.name + ": " + scenario.name);
  EXPECT_THAT(names, testing::UnorderedElementsAre("finance: customer service", "medical: triage and patient service", "retail: shop assistant", "retail: copy and pictures",
                                                   "government: policy questions of citizens", "education: tutoring", "agriculture: crop and pest advice",
                                                   "agriculture: voice service for farmers", "agriculture: subsidy and policy questions", "media: drafts and headlines",
                                                   "logistics: customer service"));
}

TEST(Catalogue, FindsByAliasWhateverTheSpelling) {
  const auto catalogue = builtin_catalogue().value();
  EXPECT_EQ((*catalogue.model("deepseek-ai/DeepSeek-R1"))->name, "DeepSeek-R1");
  EXPECT_EQ((*catalogue.model("qwen3_8b"))->name, "Qwen3-8B");
  EXPECT_EQ((*catalogue.industry("金融"))->name, "finance");
  const auto missing = catalogue.model("Qwen3-9B");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, testing::AllOf(testing::HasSubstr("Qwen3-9B"), testing::HasSubstr("did you mean `Qwen3-")));
}

TEST_F(CatalogueFolder, ReplacesAddsAndHides) {
  const auto catalogue = with("network.yaml", R"(format: 1
networks:
  - {name: Ethernet-10G, kind: ethernet, line_gbit_per_s: 10, gb_per_s: 1.25, usable: 0.5, latency_us: 30, use: [users], source: measured here, date: 2026-11}
  - {name: Our-Fabric, kind: ethernet, line_gbit_per_s: 50, gb_per_s: 6.25, usable: 0.9, latency_us: 9, use: [users], source: vendor, date: 2026-11}
  - {name: Ethernet-1G, hidden: true}
)");
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  EXPECT_EQ((*catalogue->network("Ethernet-10G"))->usable, 0.5);
  EXPECT_TRUE(catalogue->network("our fabric"));
  EXPECT_FALSE(catalogue->network("Ethernet-1G"));
}

TEST_F(CatalogueFolder, ErrorsNameFileEntryAndKey) {
  EXPECT_THAT(with("accelerators.yaml", "format: 1\naccelerators:\n  - {name: X, memory_gb: 3}\n").error().message, testing::HasSubstr("accelerators.yaml: accelerators[0]"));
  EXPECT_THAT(with("accelerators.yaml", "format: 1\ncards: []\n").error().message, testing::HasSubstr("`cards`"));
  EXPECT_THAT(with("accelerators.yaml", "accelerators: []\n").error().message, testing::HasSubstr("format: 1"));
  EXPECT_THAT(with("accelerators.yaml", "format: 1\naccelerators: [\n").error().message, testing::HasSubstr("not valid YAML"));
  EXPECT_THAT(with("accelerators.yaml", "format: 1\naccelerators:\n  - {name: Nope, hidden: true}\n").error().message, testing::HasSubstr("`Nope`"));
}

}  // namespace
}  // namespace siyu::planner
