#include "planner/papers.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <set>

#include "planner/advise/facts.h"
#include "planner/paper_parts.h"
#include "planner/plan.h"
#include "planner/shapes.h"
#include "planner/papers/pen.h"
#include "planner/papers/sample_fixture.h"
#include "report/render.h"

namespace siyu::planner {
namespace {

using report::Document;
using report::Language;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr Paper kPapers[] = {Paper::kAlignment, Paper::kSizing, Paper::kBillOfMaterials, Paper::kResponsibilities, Paper::kProjectPlan, Paper::kRisks, Paper::kCost};

const Catalogue& catalogue() {
  static const auto one = builtin_catalogue().value();
  return one;
}
/// A plan from end to end: hardware compared, fleet simulated, cost reckoned.
PaperInput planned_paper() {
  auto scenario = bank_question().scenario;
  scenario.name = "病历质控";
  scenario.organisation = Organisation{.name = "某三甲医院", .industry = "medical", .use = "病历质控", .employees = 2600, .it_staff = 18};
  scenario.goals = std::vector<std::string>{"减少病历返修"};
  scenario.model = {.name = "Qwen3-14B", .weights = "int8"};
  scenario.constraints->air_gapped = true;
  scenario.years = 2;
  scenario.cost = CostInputs{.cloud_input_per_million = 2, .cloud_output_per_million = 8};
  const auto find = [](const std::string& model) { return find_shape(catalogue(), model); };
  auto plan = make_plan(scenario, catalogue(), find).value();
  return paper_input(plan, {.date = "2026-11-26"});
}

const std::vector<PaperInput>& inputs() {
  static const std::vector<PaperInput> all{bank_paper(catalogue()), school_paper(catalogue()), planned_paper()};
  return all;
}

template <class T>
std::vector<T> blocks_of(const Document& document) {
  std::vector<T> out;
  for (const auto& block : document.blocks)
    if (const auto* one = std::get_if<T>(&block)) out.push_back(*one);
  return out;
}

std::vector<std::string> headings(const Document& document, int level = 1) {
  std::vector<std::string> out;
  for (const auto& one : blocks_of<report::Heading>(document))
    if (one.level == level) out.push_back(one.text.plain());
  return out;
}

/// Everything that is read as prose: what stands in code (names of figures, models, cards) is left out.
std::string prose(const Document& document) {
  std::string out = document.title + "\n";
  const auto rich = [&](const report::Rich& text) {
    for (const auto& run : text.runs)
      if (!run.code) out += run.text;
    out += '\n';
  };
  const std::function<void(const report::ListItem&)> item = [&](const report::ListItem& one) {
    rich(one.text);
    for (const auto& inner : one.items) item(inner);
  };
  for (const auto& block : document.blocks) {
    if (const auto* one = std::get_if<report::Heading>(&block)) rich(one->text);
    if (const auto* one = std::get_if<report::Paragraph>(&block)) rich(one->text);
    if (const auto* one = std::get_if<report::Callout>(&block)) out += one->title + "\n", rich(one->text);
    if (const auto* one = std::get_if<report::List>(&block)) std::ranges::for_each(one->items, item);
    if (const auto* one = std::get_if<report::KeyFigures>(&block))
      for (const auto& figure : one->figures) out += figure.label + "\n" + figure.value + "\n" + figure.note + "\n";
    if (const auto* one = std::get_if<report::ChartBlock>(&block)) out += one->caption + "\n" + report::describe_chart(one->chart, document.language) + "\n";
    if (const auto* one = std::get_if<report::Table>(&block)) {
      out += one->caption + "\n";
      for (const auto& column : one->columns) out += column.title + "\n";
      for (const auto& row : one->rows) std::ranges::for_each(row.cells, rich);
    }
  }
  return out;
}

/// Words in Latin letters that Chinese technicians write as they are.
const std::set<std::string>& usual_terms() {
  static const std::set<std::string> all{"LoRA", "RACI", "RoCE", "TLS",   "SHA",     "PFC",     "ECN",      "GiB",    "FP8",    "BF16", "INT8", "TiB",
                                         "INT4", "FP16", "FP32", "TF32",  "FP64",    "PCIe",    "PUE",      "vLLM", "token", "TFLOPS", "GFLOPS", "PFLOPS",   "Apache", "MIT",  "Siyu",
                                         "NVMe", "Why",  "What", "Scope", "Roadmap", "Benefit", "DeepSeek", "reduce", "all",    "TTFT"};
  return all;
}

/// Three letters and more, with the digits behind them, and where each stands.
std::vector<std::pair<std::string, std::size_t>> latin_words(const std::string& text) {
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  std::vector<std::pair<std::string, std::size_t>> out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto begin = i;
    while (i < text.size() && letter(text[i])) ++i;
    if (i - begin < 3) continue;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    out.emplace_back(text.substr(begin, i - begin), begin);
  }
  return out;
}

std::string without_names(std::string text) {
  std::vector<std::string> names;
  for (const auto& one : catalogue().models) names.push_back(one.name), names.push_back(one.licence);
  for (const auto& one : catalogue().accelerators) names.push_back(one.name);
  for (const auto& one : catalogue().networks) names.push_back(one.name);
  for (const auto& one : catalogue().storage) names.push_back(one.name);
  for (const auto& one : catalogue().appliances) {
    names.push_back(one.name);
    names.insert(names.end(), one.operating_system.begin(), one.operating_system.end());
  }
  std::ranges::sort(names, std::ranges::greater{}, &std::string::size);
  for (const auto& name : names)
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at)) text.replace(at, name.size(), " ");
  return text;
}

TEST(Papers, HaveTheirSectionsInBothLanguages) {
  const std::map<Paper, std::pair<std::vector<std::string>, std::vector<std::string>>> expected{
      {Paper::kAlignment,
       {{"Why", "What", "Scope", "Roadmap", "Benefit", "What would change the decision", "Agreement"},
        {"为什么做（Why）", "做什么（What）", "做到哪里（Scope）", "如何推进（Roadmap）", "收益如何（Benefit）", "会签"}}},
      {Paper::kSizing,
       {{"In short", "What was given", "Memory", "Latency and replicas", "Appliance", "Storage", "Network", "Appendix: all figures"},
        {"结论摘要", "方案输入", "显存", "时延与副本数", "机型", "存储", "网络", "附录：全部指标"}}},
      {Paper::kBillOfMaterials, {{"What to order"}, {"采购内容"}}},
      {Paper::kResponsibilities, {{"Roles", "Matrix", "When people do not agree"}, {"角色", "责任矩阵", "争议处理"}}},
      {Paper::kProjectPlan, {{"In short", "Critical path", "Schedule", "Steps and tasks"}, {"概要", "关键路径", "进度计划", "步骤与任务"}}},
      {Paper::kRisks, {{"In short", "Register", "Early signs", "Compliance, self-assessed"}, {"概要", "风险登记", "早期信号", "合规自评"}}},
      {Paper::kCost, {{"In short"}, {"结论摘要"}}}};
  for (const auto& input : inputs())
    for (const auto paper : kPapers) {
      const auto english = write_paper(paper, input, Language::kEn).value(), chinese = write_paper(paper, input, Language::kZh).value();
      for (const auto& heading : expected.at(paper).first) EXPECT_THAT(headings(english), Contains(heading)) << input.scenario.name;
      for (const auto& heading : expected.at(paper).second) EXPECT_THAT(headings(chinese), Contains(heading)) << input.scenario.name;
      EXPECT_THAT(headings(english), Contains("Basis and limits"));
      EXPECT_EQ(english.blocks.size(), chinese.blocks.size()) << file_stem(paper);
      EXPECT_EQ(english.title, name_of(paper).en);
      EXPECT_EQ(chinese.title, name_of(paper).zh);
    }
}

TEST(Papers, HaveNoEmptyCellsNorRows) {
  for (const auto& input : inputs())
    for (const auto paper : kPapers)
      for (const auto language : {Language::kEn, Language::kZh}) {
        const auto document = write_paper(paper, input, language).value();
        for (const auto& table : blocks_of<report::Table>(document)) {
          EXPECT_FALSE(table.rows.empty()) << file_stem(paper) << ": " << table.caption << " " << table.columns.front().title;
          for (const auto& row : table.rows) {
            EXPECT_EQ(row.cells.size(), table.columns.size());
            for (const auto& cell : row.cells)
              EXPECT_TRUE(!cell.plain().empty() || std::ranges::any_of(cell.runs, [](const report::Run& run) { return run.source > 0; }))
                  << file_stem(paper) << " " << table.caption;
          }
        }
        EXPECT_TRUE(report::prepare(document)) << file_stem(paper);
      }
}

TEST(Papers, InChineseHaveNoEnglishButNamesAndUsualTerms) {
  for (const auto& input : inputs())
    for (const auto paper : kPapers) {
      const auto text = without_names(prose(write_paper(paper, input, Language::kZh).value()));
      for (const auto& [word, at] : latin_words(text))
        EXPECT_TRUE(usual_terms().contains(word)) << file_stem(paper) << ": " << word << " in: " << text.substr(at > 60 ? at - 60 : 0, 160);
    }
}

TEST(Papers, InEnglishHaveNoChineseButTheOrganisationsOwnWords) {
  for (const auto& input : inputs())
    for (const auto paper : kPapers) {
      auto text = prose(write_paper(paper, input, Language::kEn).value());
      auto own = input.scenario.goals.value_or(std::vector<std::string>{});
      own.insert(own.end(), {input.scenario.name, input.scenario.organisation->name, "＿"});
      for (const auto& words : own)
        for (auto at = text.find(words); at != std::string::npos; at = text.find(words)) text.erase(at, words.size());
      // Chinese characters begin with E4 to E9 in UTF-8.
      const auto at = std::ranges::find_if(text, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte >= 0xE4 && byte <= 0xE9;
      });
      EXPECT_EQ(at, text.end()) << file_stem(paper) << ": " << text.substr(static_cast<std::size_t>(at - text.begin()), 60);
    }
}

TEST(Papers, EveryFigureStandsInTheAppendixWithItsValueAndFormula) {
  const auto& input = inputs().front();
  const auto document = write_paper(Paper::kSizing, input, Language::kEn).value();
  std::map<std::string, std::vector<std::string>> rows;
  for (const auto& table : blocks_of<report::Table>(document))
    if (table.columns.front().title == "Figure")
      for (const auto& row : table.rows) rows[row.cells[0].runs.back().text] = {row.cells[1].plain(), row.cells[2].plain(), row.cells[3].plain()};
  std::size_t figures = 0;
  for (const auto& section : all_sections(input))
    for (const auto& figure : section.figures) {
      ++figures;
      ASSERT_TRUE(rows.contains(figure.id)) << figure.id;
      EXPECT_EQ(rows[figure.id][0], capitalised(show_value(figure.value, figure.unit, Language::kEn))) << figure.id;
      EXPECT_THAT(rows[figure.id][1], HasSubstr(figure.value ? figure.formula.en : figure.note->en)) << figure.id;
      for (const auto& one : figure.inputs) EXPECT_THAT(rows[figure.id][2], HasSubstr(one.name.en)) << figure.id;
    }
  EXPECT_EQ(rows.size(), figures);
  EXPECT_GT(figures, 20U);
  EXPECT_EQ(rows["memory.weights"][0], "33.1 GB");
  EXPECT_EQ(rows["memory.bandwidth"][0], "Unknown");
  EXPECT_THAT(document.sources, Contains(testing::Field(&report::Source::text, "Qwen, model card of Qwen3-32B")));
}

TEST(Papers, ShowAnInputThatIsAnUnknownFigureAsUnknown) {
  auto input = inputs().front();
  input.sections = {{{"Cost", "成本"},
                     {{.id = "cost.price", .label = {"Price", "价格"}, .value = {}, .unit = "CNY", .note = Words{"Nobody named it.", "未给出。"}},
                      {.id = "cost.sum", .label = {"Sum", "合计"}, .value = {}, .unit = "CNY", .formula = "price", .inputs = {{.name = "price", .value = 0, .unit = "CNY", .figure = "cost.price"}}}}}};
  EXPECT_THAT(prose(write_paper(Paper::kCost, input, Language::kEn).value()), testing::AllOf(HasSubstr(" = unknown, see"), Not(HasSubstr(" = CNY 0"))));
}

TEST(Papers, NameTheRulesThatStandAgainstAMode) {
  const auto text = prose(write_paper(Paper::kAlignment, inputs().back(), Language::kEn).value());
  EXPECT_THAT(text, HasSubstr("Before hybrid could be considered at all, these would have to fall together: the air gap; the organisation's rule against public clouds."));
}

TEST(Papers, SayUnknownWhereNothingIsKnown) {
  const auto& school = inputs()[1];
  const auto cost = prose(write_paper(Paper::kCost, school, Language::kEn).value());
  EXPECT_THAT(cost, HasSubstr("Not reckoned"));
  const auto bill = prose(write_paper(Paper::kBillOfMaterials, school, Language::kZh).value());
  EXPECT_THAT(bill, HasSubstr("暂无条目"));
  const auto sizing = prose(write_paper(Paper::kSizing, school, Language::kEn).value());
  EXPECT_THAT(sizing, HasSubstr("The size of the weights was not given."));
  const auto alignment = prose(write_paper(Paper::kAlignment, school, Language::kZh).value());
  EXPECT_THAT(alignment, HasSubstr("尚缺目标"));
}

TEST(BillOfMaterials, SumsWhatIsKnownAndCountsWhatIsNot) {
  auto input = inputs().front();
  input.bill = {{.group = "server",
                 .item = {"Server", "服务器"},
                 .specification = {"4 U", "4 U"},
                 .quantity = 2,
                 .unit = "server",
                 .price_low = 100000,
                 .price_high = 120000,
                 .power_w = 5600,
                 .source = "offer"},
                {.group = "server", .item = {"Other", "其他"}, .specification = {"2 U", "2 U"}, .quantity = 1, .unit = "server", .source = ""}};
  const auto text = prose(write_paper(Paper::kBillOfMaterials, input, Language::kEn).value());
  EXPECT_THAT(text, HasSubstr("CNY 200,000 – CNY 240,000"));
  EXPECT_THAT(text, HasSubstr("Rows without a price: 1."));
  EXPECT_THAT(text, HasSubstr("11.2 kW"));
  EXPECT_THAT(prose(write_paper(Paper::kBillOfMaterials, input, Language::kZh).value()), HasSubstr("20 万元 – 24 万元"));
}

TEST(BillOfMaterials, OfTheDomesticEditionNamesNoInternationalCard) {
  for (const auto& row : inputs().front().bill) {
    if (row.edition) EXPECT_EQ(*row.edition, "domestic") << row.item.en;
    EXPECT_FALSE(row.source.empty());
  }
  EXPECT_THAT(inputs().front().bill, Contains(testing::AllOf(testing::Field(&BillRow::group, "card"), testing::Field(&BillRow::quantity, 6))));
}

TEST(BillOfMaterials, TakesThePricesThatWereGiven) {
  auto question = bank_question();
  question.scenario.cost = CostInputs{.card_price = 90000, .server_price = 250000};
  const auto price = [&](const std::string& group, const std::string& currency) {
    const auto bill = bill_of(advise(question, catalogue()).value(), question, catalogue(), currency);
    return std::ranges::find(bill, group, &BillRow::group)->price_low;
  };
  EXPECT_EQ(price("card", "CNY"), 90000);
  EXPECT_EQ(price("server", "CNY"), 250000);
  EXPECT_EQ(price("server", "USD"), std::nullopt) << "what was given in yuan is no price in dollars";
}

TEST(BillOfMaterials, ConvertsAListedPriceAsTheCostDoes) {
  auto question = bank_question();
  question.scenario.constraints->edition = Edition::kInternational;
  question.scenario.accelerator = "RTX-5090";
  const auto card = [&] {
    const auto bill = bill_of(advise(question, catalogue()).value(), question, catalogue(), "CNY");
    return *std::ranges::find(bill, "card", &BillRow::group);
  };
  EXPECT_EQ(card().price_low, std::nullopt) << "listed in dollars";
  question.scenario.cost = CostInputs{.exchange_rate = 7};
  EXPECT_EQ(card().price_low, 1999.0 * 7);
  EXPECT_THAT(card().note->en, HasSubstr("Converted from USD at the given rate."));
}

TEST(BillOfMaterials, ComesToWhatTheCostPaysForTheGivenPrices) {
  auto question = bank_question();
  question.scenario.cost = CostInputs{.card_price = 90000, .server_price = 250000, .network_price = 30000, .storage_price = 400000};
  const auto bill = bill_of(advise(question, catalogue()).value(), question, catalogue(), "CNY");
  double sum = 0;
  for (const auto& row : bill) {
    EXPECT_EQ(row.price_low, row.price_high);
    EXPECT_TRUE(row.price_low || row.group == "software" || row.group == "service") << row.item.en;
    sum += row.price_low.value_or(0) * row.quantity;
  }
  EXPECT_EQ(sum, 6 * 90000 + 1 * (250000 + 30000) + 400000);
  const auto port = std::ranges::find(bill, "port", &BillRow::unit);
  ASSERT_NE(port, bill.end());
  EXPECT_THAT(port->note->en, HasSubstr("part of the given one"));
  const auto in_dollars = bill_of(advise(question, catalogue()).value(), question, catalogue(), "USD");
  EXPECT_EQ(std::ranges::find(in_dollars, "port", &BillRow::unit)->price_low, std::nullopt);
}

TEST(BillOfMaterials, CountsStorageByCapacityWhereThatOfOneIsKnown) {
  auto question = bank_question();
  question.documents_bytes = 1e15;
  auto own = catalogue();
  const auto disks = [&] {
    const auto bill = bill_of(advise(question, own).value(), question, own, "CNY");
    return *std::ranges::find_if(bill, [](const BillRow& row) { return row.item.en == "disk-parallel"; });
  };
  EXPECT_EQ(disks().quantity, 2) << "3.3 GB/s of nodes that read 3";
  EXPECT_THAT(disks().note->en, HasSubstr("Capacity not counted"));
  EXPECT_THAT(disks().note->zh, HasSubstr("未按容量计数"));
  std::ranges::find(own.storage, "disk-parallel", &StorageClass::name)->capacity_tib = 100;
  EXPECT_EQ(disks().quantity, 19) << "two copies of a petabyte, and the weights";
  EXPECT_THAT(disks().note->en, HasSubstr("Capacity counted with 100 TiB each"));
  question.documents_bytes.reset();
  EXPECT_EQ(disks().quantity, 2);
  EXPECT_THAT(disks().note->en, HasSubstr("For at least")) << "the documents come on top of the weights";
}

TEST(BillOfMaterials, OrdersTheTiersMinimumOfServersAndSaysThatTheLoadNeedsFewer) {
  auto question = bank_question();
  const auto server = [&] {
    const auto bill = bill_of(advise(question, catalogue()).value(), question, catalogue(), "CNY");
    return *std::ranges::find(bill, "server", &BillRow::group);
  };
  EXPECT_EQ(server().quantity, 1);
  EXPECT_THAT(server().note->en, Not(HasSubstr("The load needs")));
  question.scenario.model.name = "DeepSeek-R1";
  question.replicas = 1, question.cards_per_replica = 8;
  EXPECT_EQ(server().quantity, 2);
  EXPECT_THAT(server().note->en, HasSubstr("The load needs 1; 2 are this tier's minimum"));
  EXPECT_THAT(server().note->zh, HasSubstr("按负载需 1 台"));
}

TEST(BillOfMaterials, SaysWhenTheCostBuysForMoreUseThanTodays) {
  auto input = inputs().front();
  const auto text = [&](double cards) {
    input.sections = {{{"Cost", "成本"},
                       {{.id = "on_premise.year1.purchase",
                         .label = {"Purchase", "采购"},
                         .value = 1e6,
                         .unit = "CNY",
                         .formula = "cards, servers",
                         .inputs = {{.name = "cards", .value = cards, .unit = "cards", .source = "the fleet"}, {.name = "servers", .value = 1, .unit = "servers", .source = "the fleet"}}}}}};
    return prose(write_paper(Paper::kBillOfMaterials, input, Language::kEn).value());
  };
  EXPECT_THAT(text(8), HasSubstr("8 cards in 1 server."));
  EXPECT_THAT(text(6), Not(HasSubstr("The cost report buys")));
}

TEST(BillOfMaterials, IsInItsOwnCurrency) {
  auto input = inputs().front();
  input.currency = "USD";
  input.bill = {{.group = "server", .item = {"Server", "服务器"}, .specification = {"4 U", "4 U"}, .quantity = 2, .unit = "server", .price_low = 1000, .price_high = 1000, .source = "offer"}};
  EXPECT_THAT(prose(write_paper(Paper::kBillOfMaterials, input, Language::kEn).value()), testing::AllOf(HasSubstr("USD 2,000"), Not(HasSubstr("CNY 2,000"))));
}

TEST(Budget, IsHeldAgainstThePricesOfTheBill) {
  auto input = inputs().front();
  const BillRow server{.group = "server", .item = {"Server", "服务器"}, .specification = {"4 U", "4 U"}, .quantity = 2, .unit = "server", .price_low = 100000, .price_high = 120000, .source = "offer"};
  const BillRow support{.group = "service", .item = {"Support", "维保"}, .specification = {"a year", "一年"}, .quantity = 1, .unit = "set", .source = ""};
  auto unpriced = server;
  unpriced.price_low = unpriced.price_high = std::nullopt;
  const struct {
    double budget;
    std::vector<BillRow> bill;
    Budget verdict;
    const char *english, *chinese;
  } cases[] = {{300000, {server, support}, Budget::kKept, "within its budget of CNY 300,000: the prices of the bill of materials come to at most CNY 240,000. Rows without a price come on top: 1.", "采购在预算之内"},
               {220000, {server}, Budget::kDoubtful, "may exceed its budget of CNY 220,000", "采购可能超出预算"},
               {150000, {server, unpriced}, Budget::kExceeded, "come to at least CNY 200,000. Rows without a price come on top: 1.", "采购超出预算：预算为 15 万元"},
               {300000, {server, unpriced}, Budget::kUnknown, "rows of hardware without a price: 1; what is known comes to CNY 200,000 – CNY 240,000", "是否足够无法判断"},
               {300000, {}, Budget::kUnknown, "no price that is known", "没有已知价格"}};
  for (const auto& one : cases) {
    input.scenario.constraints->budget = one.budget, input.bill = one.bill;
    EXPECT_EQ(check_budget(input)->verdict, one.verdict) << one.english;
    for (const auto paper : {Paper::kAlignment, Paper::kCost}) {
      EXPECT_THAT(prose(write_paper(paper, input, Language::kEn).value()), HasSubstr(one.english)) << file_stem(paper);
      EXPECT_THAT(prose(write_paper(paper, input, Language::kZh).value()), HasSubstr(one.chinese)) << file_stem(paper);
    }
    const auto risks = project_risks(input);
    const auto risk = std::ranges::find(risks, "budget", &ProjectRisk::id);
    EXPECT_EQ(risk != risks.end(), one.verdict != Budget::kKept) << one.english;
    if (risk != risks.end()) EXPECT_EQ(risk->severity, one.verdict == Budget::kExceeded ? Severity::kHigh : Severity::kMedium);
  }
  input.scenario.constraints->budget.reset();
  EXPECT_FALSE(check_budget(input));
}

TEST(Risks, CallTheDeliveryCriticalOnlyWhereItIs) {
  auto input = inputs().front();
  const auto why = [&] {
    const auto risks = project_risks(input);
    return std::ranges::find(risks, "delivery", &ProjectRisk::id)->why.en;
  };
  input.project.critical_path = {"goals", "order"};
  EXPECT_THAT(why(), HasSubstr("critical path"));
  input.project.critical_path = {"goals", "grading"};
  EXPECT_THAT(why(), Not(HasSubstr("critical path")));
}

TEST(Risks, CountWhatIsMissingOnce) {
  auto input = inputs().front();
  input.advice.missing = {{"The volume.", "总量。"}, {"The load.", "负载。"}};
  input.missing = {{"The load.", "负载。"}};
  EXPECT_EQ(not_given(input).size(), 2U);
}

TEST(Risks, StandByProbabilityTimesImpactAndTakeInTheRules) {
  for (const auto& input : inputs()) {
    const auto risks = project_risks(input);
    EXPECT_GE(risks.size(), input.advice.risks.size() + 4);
    for (std::size_t i = 1; i < risks.size(); ++i) EXPECT_GE(risks[i - 1].probability * risks[i - 1].impact, risks[i].probability * risks[i].impact);
    std::set<std::string> ids;
    for (const auto& one : risks) {
      EXPECT_TRUE(ids.insert(one.id).second) << one.id;
      EXPECT_TRUE(one.probability >= 1 && one.probability <= 5 && one.impact >= 1 && one.impact <= 5) << one.id;
      EXPECT_EQ(one.severity, one.probability * one.impact >= 15  ? Severity::kHigh
                              : one.probability * one.impact >= 8 ? Severity::kMedium
                                                                  : Severity::kLow)
          << one.id;
      EXPECT_FALSE(one.sign.zh.empty() || one.mitigation.zh.empty()) << one.id;
    }
  }
}

TEST(ProjectPlan, WeekendsLieBetweenWorkingDaysOfTheChart) {
  auto input = inputs().front();
  const auto first_bar = [&](const std::string& begins) {
    input.begins = begins;
    const auto charts = blocks_of<report::ChartBlock>(write_paper(Paper::kProjectPlan, input, Language::kEn).value());
    return std::get<report::GanttChart>(charts.back().chart).tasks;
  };
  // Tasks of five working days each, one after another.
  const auto monday = first_bar("2026-12-07");
  EXPECT_EQ(monday[0].start, 0);
  EXPECT_EQ(monday[0].end, 5);
  EXPECT_EQ(monday[1].start, 7);
  EXPECT_EQ(monday[1].end, 12);
  const auto wednesday = first_bar("2026-12-09");
  EXPECT_EQ(wednesday[0].start, 0);
  EXPECT_EQ(wednesday[0].end, 7);
  const auto sunday = first_bar("2026-12-06");
  EXPECT_EQ(sunday[0].start, 1);
  EXPECT_EQ(sunday[0].end, 6);
  const auto none = first_bar("");
  EXPECT_EQ(none[1].start, 5);
}

TEST(Papers, RefuseWhatIsNotANumberAndPlansWithoutAName) {
  auto input = inputs().front();
  input.memory.push_back({{"x", "x"}, std::numeric_limits<double>::infinity()});
  EXPECT_FALSE(write_paper(Paper::kSizing, input, Language::kEn));
  input = inputs().front();
  input.cost->advantage = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(write_paper(Paper::kCost, input, Language::kEn));
  input = inputs().front();
  input.begins = "2026-02-30";
  EXPECT_EQ(write_paper(Paper::kProjectPlan, input, Language::kEn).error().param, "begins");
  input = inputs().front();
  input.scenario.name.clear();
  EXPECT_EQ(write_paper(Paper::kRisks, input, Language::kZh).error().param, "scenario.name");
}

TEST(Papers, BecomeMarkdownAndHtml) {
  for (const auto paper : kPapers)
    for (const auto format : {report::Format::kMarkdown, report::Format::kHtml}) {
      const auto document = write_paper(paper, inputs().front(), Language::kZh).value();
      const auto rendered = report::render(document, format, file_stem(paper), nullptr);
      ASSERT_TRUE(rendered) << rendered.error().message;
      EXPECT_THAT(rendered->bytes(), HasSubstr("某城市商业银行"));
    }
}

TEST(PaperParts, AreWhatFleetAndCostSay) {
  const auto& input = inputs().back();
  ASSERT_TRUE(input.cost);
  EXPECT_FALSE(input.cost->parts.empty());
  ASSERT_EQ(input.cost->years.size(), 3U);  // at the beginning, and after each year
  EXPECT_EQ(input.cost->years[0].cloud, 0);
  EXPECT_GT(*input.cost->years[2].cloud, *input.cost->years[1].cloud);
  EXPECT_FALSE(input.load.empty());
  EXPECT_EQ(input.replicas.size(), 3U);
  ASSERT_FALSE(input.hardware.empty());
  EXPECT_TRUE(input.hardware.front().chosen);
  const auto sizing = write_paper(Paper::kSizing, input, Language::kEn).value();
  EXPECT_THAT(headings(sizing, 2), Contains("Cards that were compared"));
  // The server's price is in no catalogue: what needs it is unknown, on the page too.
  EXPECT_FALSE(input.cost->total);
  EXPECT_THAT(prose(write_paper(Paper::kCost, input, Language::kZh).value()), HasSubstr("总成本未知"));
}

TEST(PaperParts, ComeToTheTotalWhenTheHardwareIsSoldAtTheEnd) {
  CostYear year{.year = 1};
  year.on_premise.purchase = 100, year.on_premise.power = 20, year.on_premise.rack = 0, year.on_premise.staff = 30, year.on_premise.support = 5;
  year.on_premise.sold = 15;
  CostPlan plan;
  plan.currency = "CNY", plan.months = 12, plan.years = {year};
  double sum = 0;
  for (const auto& part : paper_cost(plan).parts) sum += part.value.value_or(1e9);
  EXPECT_EQ(sum, 140);
}

TEST(Papers, CallASumOfNothingThatIsKnownUnknown) {
  auto input = inputs().front();
  input.cost->parts = {{{"Purchase", "采购"}, std::nullopt, ""}};
  EXPECT_THAT(prose(write_paper(Paper::kCost, input, Language::kEn).value()), HasSubstr("Sum of what is known\nUnknown"));
}

TEST(ShowValue, UsesTheUnitThatReadsBest) {
  EXPECT_EQ(show_value(3e-6, "s per token", Language::kEn), "3 µs/token");
  EXPECT_EQ(show_value(66e9, "B", Language::kEn), "66 GB");
  EXPECT_EQ(show_value(0.0432, "s", Language::kZh), "43.2 ms");
  EXPECT_EQ(show_value(2, "s", Language::kZh), "2 秒");
  EXPECT_EQ(show_value(1, "servers", Language::kEn), "1 server");
  EXPECT_EQ(show_value(3, "servers", Language::kZh), "3 台");
  EXPECT_EQ(show_value(std::nullopt, "s", Language::kZh), "未知");
  EXPECT_EQ(show_value(32.8e9, "parameters", Language::kZh), "328 亿参数");
  EXPECT_EQ(show_money(1234567, "CNY", Language::kZh), "123.5 万元");
  EXPECT_EQ(show_money(1234567, "CNY", Language::kEn), "CNY 1,234,567");
  EXPECT_EQ(show_value(90000, "CNY/card", Language::kZh), "9 万元/张");
  EXPECT_EQ(show_value(0.7, "CNY/kWh", Language::kEn), "CNY 0.7 / kWh");
  EXPECT_EQ(show_value(8, "CNY/1M tokens", Language::kZh), "8 元/百万词元");
  EXPECT_EQ(show_value(1200, "CNY/U/month", Language::kZh), "1,200 元/U/月");
  EXPECT_EQ(show_value(8.6e8, "tokens/day", Language::kZh), "8.6 亿词元/天");
  EXPECT_EQ(show_value(8.6e8, "tokens/day", Language::kEn), "860 M tokens/day");
  EXPECT_EQ(show_money(2.5e8, "USD", Language::kZh), "2.5 亿美元");
}

}  // namespace
}  // namespace siyu::planner
