// Where to run: eight criteria scored by stated rules, hard constraints that rule modes out, and the ranking of what remains.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "planner/advise/facts.h"

namespace siyu::planner {
namespace {

double bounded(double points) { return std::clamp(points, 0.0, 100.0); }

void score(CriterionScore& criterion, ModeValues points, Words reason) {
  criterion.scores = {bounded(points.cloud), bounded(points.hybrid), bounded(points.on_premise)};
  criterion.reasons.push_back(std::move(reason));
}
void move(CriterionScore& criterion, ModeValues points, Words reason) {
  const auto& old = criterion.scores;
  score(criterion, {old.cloud + points.cloud, old.hybrid + points.hybrid, old.on_premise + points.on_premise}, std::move(reason));
}

void cost(const Facts& facts, CriterionScore& out) {
  if (facts.local_cost && facts.cloud_cost && *facts.local_cost + *facts.cloud_cost > 0) {
    const auto local = *facts.local_cost / (*facts.local_cost + *facts.cloud_cost);
    const ModeValues points{100 * local, 45, 100 * (1 - local)};
    if (*facts.cloud_cost == 0)
      return score(out, points,
                   {"The cloud's tokens were given as free, so it takes all the points that cost has; hybrid 45, for it pays for its own part. Check the price of the cloud.",
                    "所给云端词元费用为零，成本得分全归云端；混合部署仍需承担自有部分，计 45 分。请核对云端价格。"});
    const auto times = plain_number(*facts.local_cost / *facts.cloud_cost);
    return score(out, points,
                 {fmt::format("Over the horizon, running it yourself costs {} times what the cloud's tokens cost; each way scores the other's share of the sum; hybrid 45, for it pays for both.",
                              times),
                  fmt::format("在测算期内，自建总成本是云端按词元计费的 {} 倍；两种方式各按对方在合计中的占比得分，混合部署两边付费，计 45 分。", times)});
  }
  if (!facts.daily_active)
    return score(out, {55, 55, 55}, {"Neither a cost comparison nor daily users were given: all modes score alike.", "既无成本测算也无日活用户数：各方式同分。"});
  const auto decades = std::log10(std::max(*facts.daily_active, 1.0) / 1000);  // above a thousand users
  score(out, {bounded(60 - 10 * decades), bounded(57 - 2 * decades), bounded(55 + 10 * decades)},
        {fmt::format("No cost comparison was given; {} daily users: own hardware pays the more, the more it is used (ten points each tenfold).",
                     plain_number(*facts.daily_active)),
         fmt::format("未给出成本测算；日活 {} 人：使用量越大，自建越划算（每增十倍计十分）。", plain_number(*facts.daily_active))});
}

/// Rows by grade. From row to row neither cloud − hybrid nor hybrid − on-premise grows: a higher grade never speaks for the cloud.
constexpr std::array<ModeValues, 4> kSecurity{{{80, 80, 85}, {55, 70, 85}, {25, 55, 90}, {0, 30, 95}}};
constexpr std::array<ModeValues, 4> kCompliance{{{85, 80, 80}, {70, 75, 85}, {40, 60, 90}, {5, 35, 95}}};

void security(const Facts& facts, CriterionScore& out) {
  const auto grade = name_of(facts.data_class);
  score(out, kSecurity[static_cast<std::size_t>(facts.data_class)],
        {fmt::format("The highest grade of the data is \"{}\": what leaves the house is out of one's hands.", grade.en),
         fmt::format("数据最高级别为“{}”：数据一旦出域即不再受控。", grade.zh)});
  if (facts.personal_data) move(out, {-10, -5, 0}, {"Personal data is part of the industry's work.", "该行业业务涉及个人信息。"});
}

void compliance(const Facts& facts, CriterionScore& out) {
  const auto grade = name_of(facts.data_class);
  score(out, kCompliance[static_cast<std::size_t>(facts.data_class)],
        {fmt::format("Duties of evidence for \"{}\" data are met the easier, the fewer parties handle it (GB/T 43697-2024).", grade.en),
         fmt::format("处理“{}”数据的参与方越少，举证责任越容易落实（GB/T 43697-2024）。", grade.zh)});
  if (facts.industry != nullptr && facts.industry->regulation)
    move(out, {-20, -10, 0},
         {fmt::format("The industry is regulated: {}.", *facts.industry->regulation),
          fmt::format("行业受监管：{}。", facts.industry->regulation_zh.value_or(*facts.industry->regulation))});
  if (facts.edition == Edition::kDomestic)
    move(out, {-5, 0, 5}, {"Domestic hardware is asked for, which is easiest to prove with hardware of one's own.", "要求国产化（信创），自有硬件最易举证。"});
}

void latency(const Facts& facts, CriterionScore& out) {
  constexpr double kEasy = 2;  // seconds to the first token that a public network reaches without effort
  if (!facts.ttft_s || *facts.ttft_s >= kEasy)
    return score(out, {75, 75, 78}, {"No goal below two seconds to the first token: every mode can meet it.", "首词元时延目标不低于两秒或未给出：各方式均可满足。"});
  const auto halvings = std::log2(kEasy / std::max(*facts.ttft_s, 0.01));
  score(out, {75 - 10 * halvings, 75 - 5 * halvings, 78 + 3 * halvings},
        {fmt::format("First token within {} s at the 95th percentile: the public network and shared queues take their part of it.", plain_number(*facts.ttft_s)),
         fmt::format("首词元时延 P95 不超过 {} 秒：公网传输与共享排队会占用其中一部分。", plain_number(*facts.ttft_s))});
}

void operations(const Facts& facts, CriterionScore& out) {
  if (!facts.it_staff) return score(out, {80, 55, 50}, {"The size of the IT team was not given: a small one was taken.", "未给出信息技术人员数，按小团队考虑。"});
  const auto own = 30 + 15 * std::log2(*facts.it_staff + 1);
  score(out, {80, std::min(own, 100.0) - 8, own},
        {fmt::format("{} people in IT: own hardware asks for people who run it; two worlds ask for more.", plain_number(*facts.it_staff)),
         fmt::format("信息技术人员 {} 人：自有硬件需要人来运维，混合部署要维护两套环境。", plain_number(*facts.it_staff))});
}

void elasticity(const Facts& facts, CriterionScore& out) {
  if (!facts.peak_to_mean) return score(out, {85, 75, 55}, {"The peak over the mean is not known.", "峰均比未知。"});
  const auto doublings = std::log2(std::max(*facts.peak_to_mean / 2, 1.0));
  score(out, {85, 80 - 5 * doublings, 80 - 20 * doublings},
        {fmt::format("The busiest hour is {} times the mean: own hardware must be bought for the peak.", plain_number(*facts.peak_to_mean)),
         fmt::format("忙时负载为均值的 {} 倍：自有硬件须按峰值购置。", plain_number(*facts.peak_to_mean))});
  const auto growth = facts.question->scenario.users ? facts.question->scenario.users->growth_per_year : std::nullopt;
  if (growth && *growth > 0.5) move(out, {0, -3, -10}, {"More than half as many users again each year.", "用户数年增长超过 50%。"});
}

void customisation(const Facts& facts, CriterionScore& out) {
  switch (facts.training) {
    case Training::kAll:
      return score(out, {30, 50, 90},
                   {"All parameters are trained: weights and data want to lie together, under own control.", "计划全参数训练：权重与数据宜同处一地并自主可控。"});
    case Training::kAdapters: return score(out, {50, 65, 85}, {"Adapters are trained on own data.", "计划用自有数据训练适配器（LoRA）。"});
    case Training::kNone: break;
  }
  if (facts.customisation) return score(out, {55, 65, 80}, {"Own rules and interfaces are part of the plan.", "计划接入自有规则与接口。"});
  score(out, {65, 65, 70}, {"No adaptation of the model is planned.", "未计划对模型做定制。"});
}

void size(const Facts& facts, CriterionScore& out) {
  const auto people = facts.employees ? facts.employees : facts.daily_active;
  if (!people) return score(out, {60, 60, 60}, {"The size of the organisation was not given: all modes score alike.", "未给出机构规模：各方式同分。"});
  const auto decades = std::log10(std::max(*people, 1.0));
  score(out, {110 - 15 * decades, 60, 15 + 15 * decades},
        {fmt::format("{} people: the fixed costs of a machine room of one's own spread over them.", plain_number(*people)),
         fmt::format("{} 人的规模：自有机房的固定成本由其分摊。", plain_number(*people))});
}

struct Rule {
  const char* name;
  Words label;
  double default_weight;  ///< of 100
  std::optional<double> Criteria::* given;
  void (*rule)(const Facts&, CriterionScore&);
};
const std::array<Rule, 8>& rules() {
  static const std::array<Rule, 8> all{{{"security", {"data security", "数据安全"}, 20, &Criteria::security, security},
                                        {"compliance", {"compliance", "合规"}, 20, &Criteria::compliance, compliance},
                                        {"cost", {"cost", "成本"}, 15, &Criteria::cost, cost},
                                        {"latency", {"latency", "时延"}, 10, &Criteria::latency, latency},
                                        {"operations", {"operations", "运维"}, 10, &Criteria::operations, operations},
                                        {"elasticity", {"elasticity", "弹性"}, 10, &Criteria::elasticity, elasticity},
                                        {"customisation", {"customisation", "定制能力"}, 10, &Criteria::customisation, customisation},
                                        {"size", {"size of the organisation", "机构规模"}, 5, &Criteria::size, size}}};
  return all;
}

void exclude(std::vector<Exclusion>& out, std::initializer_list<Mode> modes, const std::string& rule, const Words& reason, const Words& norm) {
  for (const auto mode : modes)
    if (std::ranges::none_of(out, [&](const Exclusion& one) { return one.mode == mode && one.rule == rule; })) out.push_back({mode, rule, reason, norm});
}

std::vector<Exclusion> exclusions_of(const Facts& facts) {
  std::vector<Exclusion> out;
  if (facts.air_gapped)
    exclude(out, {Mode::kCloud, Mode::kHybrid}, "air_gap",
            {"The site has no way out: nothing of the service may be reached over a public network.", "场地与外网隔离，服务的任何部分都不得经由公网访问。"},
            {"the organisation's network rules; GB/T 22239-2019 on boundaries of networks", "本机构网络隔离规定；GB/T 22239-2019 区域边界要求"});
  if (!facts.cloud_allowed)
    exclude(out, {Mode::kCloud, Mode::kHybrid}, "cloud_not_allowed", {"The organisation does not allow a public cloud.", "本机构不允许使用公有云。"},
            {"the organisation's own rule", "本机构内部规定"});
  if (facts.data_class == DataClass::kCore)
    exclude(out, {Mode::kCloud, Mode::kHybrid}, "core_data",
            {"Core data is among the documents, and what is derived from it inherits the grade; one request that takes the wrong way cannot be called back.",
             "资料中含核心数据，衍生数据继承其级别；一旦有请求走错路径便无法挽回。"},
            {"Data Security Law art. 21; GB/T 43697-2024", "《数据安全法》第二十一条；GB/T 43697-2024"});
  const auto confidential = facts.data_class >= DataClass::kConfidential;
  if (confidential && facts.industry != nullptr && facts.industry->regulation)
    exclude(out, {Mode::kCloud}, "regulated_industry",
            {fmt::format("{} data of a regulated industry ({}) is not handed to a public cloud.", name_of(facts.data_class).en, facts.industry->name),
             fmt::format("受监管行业（{}）的“{}”数据不得交由公有云处理。", facts.industry->name_zh, name_of(facts.data_class).zh)},
            {*facts.industry->regulation, facts.industry->regulation_zh.value_or(*facts.industry->regulation)});
  if (confidential && facts.industry != nullptr && facts.industry->name == "government")
    exclude(out, {Mode::kHybrid}, "government_data",
            {"Government data above \"internal\" stays inside; the cautious reading of the guidance.", "高于“内部”级别的政务数据不出域，按指引从严理解。"},
            {"TC260-004 (2025-09); deployment guide of 2025-10", "TC260-004（2025-09）；2025 年 10 月政务大模型部署应用指引"});
  return out;
}

}  // namespace

Words name_of(Mode mode) {
  switch (mode) {
    case Mode::kCloud: return {"public cloud", "公有云"};
    case Mode::kHybrid: return {"hybrid", "混合部署"};
    case Mode::kOnPremise: return {"on-premise", "本地部署"};
  }
  return {};
}

std::vector<double> weights_of(const Facts& facts) {
  const auto given = facts.question->scenario.criteria.value_or(Criteria{});
  std::vector<double> weights;
  for (const auto& rule : rules()) weights.push_back((given.*rule.given).value_or(rule.default_weight));
  double sum = 0;
  for (const auto weight : weights) sum += weight;
  // All zero: nothing matters more than anything else.
  for (auto& weight : weights) weight = sum > 0 ? weight / sum : 1.0 / static_cast<double>(weights.size());
  return weights;
}

Verdict judge(const Facts& facts, const std::vector<double>& weights) {
  Verdict verdict{.criteria = {}, .exclusions = exclusions_of(facts), .ranking = {}};
  ModeValues total;
  for (std::size_t i = 0; i < rules().size(); ++i) {
    CriterionScore one{.criterion = rules()[i].name, .name = rules()[i].label, .weight = weights[i]};
    rules()[i].rule(facts, one);
    one.contributions = {one.weight * one.scores.cloud, one.weight * one.scores.hybrid, one.weight * one.scores.on_premise};
    total = {total.cloud + one.contributions.cloud, total.hybrid + one.contributions.hybrid, total.on_premise + one.contributions.on_premise};
    verdict.criteria.push_back(std::move(one));
  }
  // Equal scores: the mode that keeps the data closer comes first.
  for (const auto mode : {Mode::kOnPremise, Mode::kHybrid, Mode::kCloud})
    verdict.ranking.push_back(
        {mode, name_of(mode), total.of(mode), std::ranges::any_of(verdict.exclusions, [&](const Exclusion& one) { return one.mode == mode; })});
  std::ranges::stable_sort(verdict.ranking, [](const RankedMode& a, const RankedMode& b) { return a.excluded != b.excluded ? !a.excluded : a.score > b.score; });
  return verdict;
}

Result<ModeAdvice> advise_mode(const Facts& facts) {
  auto verdict = judge(facts, weights_of(facts));
  ModeAdvice advice{
      .mode = verdict.first(), .ranking = std::move(verdict.ranking), .criteria = std::move(verdict.criteria), .exclusions = std::move(verdict.exclusions)};
  const auto given = facts.question->scenario.criteria;
  advice.assumptions = facts.assumptions;
  if (!given)
    advice.assumptions.push_back(
        {"No weights were given: data security 20, compliance 20, cost 15, latency, operations, elasticity and customisation 10 each, size 5.",
         "未给出权重，采用默认值：数据安全 20、合规 20、成本 15，时延、运维、弹性、定制能力各 10，机构规模 5。"});
  else
    advice.assumptions.push_back({"Weights that were not given took their defaults, which are of 100 in all; weights are normed to their sum.",
                                  "未给出的权重取默认值（总计 100），权重按其总和归一。"});
  advice.flips = search_flips(facts);
  return advice;
}

}  // namespace siyu::planner
