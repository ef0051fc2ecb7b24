// The risk register: what the rules ask and what projects of this kind meet, by probability × impact.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "planner/advise/facts.h"
#include "planner/papers/pen.h"

namespace siyu::planner {
namespace {

using report::Rich;
using report::Row;

void add(std::vector<ProjectRisk>& out, ProjectRisk risk) {
  risk.severity = severity_of(risk.probability * risk.impact);
  out.push_back(std::move(risk));
}

void supply_and_sizing(const PaperInput& input, std::vector<ProjectRisk>& out) {
  const auto domestic = input.advice.tier.edition == "domestic";
  const bool critical = std::ranges::find(input.project.critical_path, "order") != input.project.critical_path.end();
  add(out, {.id = "delivery",
            .title = {"The hardware comes late", "硬件延期到货"},
            .why = critical ? Words{"Its delivery lies on the critical path of the plan.", "到货处于计划关键路径。"}
                            : Words{"Installation and all that follows wait for it.", "安装及后续工作须待到货后开展。"},
            .mitigation = {"Order right after the approval, date in the contract; begin on a borrowed server or a smaller card.",
                           "审批后立即下单，合同约定到货日期；先以借用服务器或小卡启动。"},
            .sign = {"No confirmed date two weeks after the order.", "下单两周仍无确认日期。"},
            .probability = domestic ? 3 : 4,
            .impact = 3,
            .owner = Role::kProject});
  if (!input.advice.tier.doubts.empty())
    add(out, {.id = "card_figures",
              .title = {"The cards are slower than their figures", "加速卡实际性能低于参数"},
              .why = {fmt::format("Of the suitable cards {} have figures that are unverified, disputed or unknown.", input.advice.tier.doubts.size()),
                      fmt::format("适配加速卡中有 {} 款的参数未经核实、存在分歧或未知。", input.advice.tier.doubts.size())},
              .mitigation = {"Have the vendor prove tokens per second with this model before the order; acceptance by measurement.",
                             "订货前由厂商以本模型实测吞吐；按实测值验收。"},
              .sign = {"The vendor names peak figures only.", "厂商仅提供峰值参数。"},
              .probability = 3,
              .impact = 4,
              .owner = Role::kArchitect});
  std::size_t unknown = 0;
  for (const auto& section : all_sections(input))
    for (const auto& figure : section.figures) unknown += figure.value ? 0U : 1U;
  const auto missing = not_given(input).size() + unknown;
  if (missing > 0)
    add(out, {.id = "sizing",
              .title = {"The sizing rests on assumptions", "容量测算依赖假设"},
              .why = {fmt::format("{} inputs or figures are unknown.", missing), fmt::format("有 {} 项输入或指标未知。", missing)},
              .mitigation = {"Load test on the site before the trial run; keep a fifth in reserve; an option on the next server.",
                             "试运行前现场压测；保留 20% 余量；下一台服务器以选购权锁定。"},
              .sign = {"Measured latency at half the load is beyond the curve of the sizing.", "半负载下实测时延已高于测算曲线。"},
              .probability = missing > 5 ? 4 : 3,
              .impact = 3,
              .owner = Role::kArchitect});
}

void quality_and_people(const PaperInput& input, std::vector<ProjectRisk>& out) {
  add(out, {.id = "answers",
            .title = {"Answers are wrong or without a source", "回答错误或无依据"},
            .why = {"Language models make things up; documents contradict each other.", "大模型存在幻觉，资料之间可能相互矛盾。"},
            .mitigation = {"Answers from documents with citations and refusal without a source (in place); the organisation's own test set before each release.",
                           "依据资料作答并附引用、无依据则拒答（已具备）；每次发布前以自有测试集评测。"},
            .sign = {"Accuracy on the test set below its target.", "测试集准确率低于目标。"},
            .probability = 3,
            .impact = 4,
            .owner = Role::kBusiness});
  add(out, {.id = "documents",
            .title = {"Documents are late, stale or of poor quality", "资料提供滞后、陈旧或质量差"},
            .why = {"Grading and cleaning need people of the business beside their work.", "定级与清洗需业务人员在本职之外投入。"},
            .mitigation = {"An owner for each collection, a first small collection within two weeks, counts of what cleaning removed.",
                           "每类资料指定责任人，两周内先完成一个小资料集，公布清洗剔除统计。"},
            .sign = {"No owner named a week after the start.", "启动一周仍未指定责任人。"},
            .probability = 4,
            .impact = 3,
            .owner = Role::kData});
  add(out, {.id = "use",
            .title = {"People do not use it", "用户不愿使用"},
            .why = {"A tool beside the usual way is forgotten.", "游离于日常流程之外的工具容易被闲置。"},
            .mitigation = {"Entry in the systems that people use already; a trial group that speaks for it; feedback answered within days.",
                           "嵌入现有业务系统入口；以试运行小组带动；数日内回应反馈。"},
            .sign = {"Fewer than a third of the trial group use it in the second week.", "试运行第二周活跃不足三分之一。"},
            .probability = 3,
            .impact = 3,
            .owner = Role::kBusiness});
  const auto& organisation = input.scenario.organisation;
  const auto staff = organisation ? organisation->it_staff : std::nullopt;
  if (!staff || *staff < 5)
    add(out, {.id = "operations",
              .title = {"Too few people to run it", "运维人手不足"},
              .why = staff ? Words{fmt::format("{} people in IT.", plain_number(*staff)), fmt::format("信息技术人员仅 {} 人。", plain_number(*staff))}
                           : Words{"The size of the IT team is unknown.", "信息技术人员数未知。"},
              .mitigation = {"Support contract with reaction times, two trained people, runbook before acceptance.",
                             "签订含响应时限的维保合同，培训两名管理员，验收前完成运维手册。"},
              .sign = {"The runbook has one author only.", "运维手册仅一人掌握。"},
              .probability = 3,
              .impact = 3,
              .owner = Role::kOperations});
  const auto& users = input.scenario.users;
  if (users && users->growth_per_year.value_or(0) > 0.5)
    add(out, {.id = "growth",
              .title = {"Load grows faster than bought", "负载增长快于扩容"},
              .why = {"More than half as many users again each year.", "用户数年增长超过 50%。"},
              .mitigation = {"Room, power and ports for twice the servers from the first day; a look at the curve each quarter.",
                             "首日即按两倍服务器预留机位、供电与端口；每季度复核曲线。"},
              .sign = {"Queues in the busiest hour.", "忙时出现排队。"},
              .probability = 3,
              .impact = 3,
              .owner = Role::kArchitect});
  const auto budget = check_budget(input);
  const bool exceeded = budget && budget->verdict == Budget::kExceeded;
  if (budget && budget->verdict != Budget::kKept)
    add(out, {.id = "budget",
              .title = exceeded                               ? Words{"The purchase exceeds the budget", "采购超出预算"}
                       : budget->verdict == Budget::kDoubtful ? Words{"The purchase may exceed the budget", "采购可能超出预算"}
                                                              : Words{"The budget is not known to suffice", "预算充足性未知"},
              .why = budget->text,
              .mitigation = exceeded ? Words{"Raise the budget, or plan with a smaller model, fewer users at first or cheaper cards; no order before that.",
                                             "追加预算，或改用更小的模型、更便宜的加速卡、先缩小用户范围；此前不下单。"}
                                     : Words{"Offers from two vendors for every row before the approval.", "审批前取得两家供应商对全部条目的报价。"},
              .sign = exceeded ? Words{"The offers come to more than the budget too.", "供应商报价同样高于预算。"}
                               : Words{"Rows without a price in the bill of materials, or offers at the high end.", "物料清单存在缺价条目，或报价接近区间上限。"},
              .probability = exceeded ? 5 : 3,
              .impact = 4,
              .owner = Role::kSponsor});
  else if (!budget && (!input.cost || !input.cost->total))
    add(out, {.id = "budget",
              .title = {"The budget is not known to suffice", "预算充足性未知"},
              .why = {"The cost could not be reckoned in full.", "成本未能完整测算。"},
              .mitigation = {"Offers from two vendors before the approval.", "审批前取得两家供应商报价。"},
              .sign = {"Rows without a price in the bill of materials.", "物料清单存在缺价条目。"},
              .probability = 3,
              .impact = 3,
              .owner = Role::kSponsor});
}

void matrix(Pen& pen, const std::vector<ProjectRisk>& risks) {
  std::vector<Row> rows;
  for (int probability = 5; probability >= 1; --probability) {
    Row row{.cells = {Rich(report::bold(fmt::format("{}", probability)))}};
    for (int impact = 1; impact <= 5; ++impact) {
      std::string numbers;
      for (std::size_t i = 0; i < risks.size(); ++i)
        if (risks[i].probability == probability && risks[i].impact == impact) numbers += (numbers.empty() ? "" : ", ") + fmt::format("R{}", i + 1);
      const auto words = pen.say(name_of(severity_of(probability * impact)));
      row.cells.push_back(numbers.empty() ? Rich("·") : Rich{report::bold(numbers), "\n", words});
    }
    rows.push_back(std::move(row));
  }
  std::vector<Pen::Column> columns{{{"Probability \\ impact", "概率 \\ 影响"}, 2}};
  for (int impact = 1; impact <= 5; ++impact) columns.push_back({{fmt::format("{}", impact), fmt::format("{}", impact)}, 2});
  pen.table(columns, std::move(rows), {"Where the risks stand; product from 15 high, from 8 medium", "风险分布（乘积不小于 15 为高，不小于 8 为中）"});
}

}  // namespace

namespace {

/// By what a compliance risk is seen before the assessor sees it.
Words sign_of(std::string_view id) {
  static const std::pair<std::string_view, Words> kSigns[] = {
      {"data_grading", {"A knowledge base without a stated grade.", "存在未标注级别的知识库。"}},
      {"core_data", {"Core data found in a collection of lower grade.", "低级别资料集中发现核心数据。"}},
      {"personal_information", {"Names or numbers of people in a sample of answers.", "抽检回答中出现个人姓名或证件号码。"}},
      {"minors", {"An account of a pupil without a guardian's consent on file.", "学生账户缺少监护人同意记录。"}},
      {"outbound", {"An engine elsewhere in the list of engines; traffic at the firewall.", "引擎列表出现外部引擎；防火墙出现外联流量。"}},
      {"two_factors", {"Logins that did not come through the gateway.", "出现未经统一认证网关的登录。"}},
      {"audit_retention", {"The oldest audit entry is younger than six months after half a year.", "运行半年后最早审计记录不足六个月。"}},
      {"backup", {"The last rehearsed restore is older than a quarter.", "距上次恢复演练超过一个季度。"}},
      {"cryptography", {"No date with the assessors by the middle of the plan.", "计划过半仍未与测评机构约定时间。"}},
      {"labels", {"An answer on a page of the public without its label.", "公众页面出现无标识的回答。"}},
      {"content_safety", {"Refusals missing in the weekly sample of listed topics.", "每周抽测中应拒答的题目未拒答。"}},
      {"human_review", {"Outcomes signed faster than they can be read.", "签署时间短于合理审阅时间。"}},
      {"supply_chain", {"A supplier cannot confirm spare parts in writing.", "供应商无法书面确认备件供应。"}},
      {"model_integrity", {"A loaded model that is not on the approved list.", "加载了准入清单之外的模型。"}},
      {"licence", {"No written opinion before the order.", "下单前仍无法务书面意见。"}}};
  const auto at = std::ranges::find(kSigns, id, [](const auto& one) { return one.first; });
  return at == std::end(kSigns) ? Words{"Found open at the assessment of step 5.", "第 5 步评估时仍未关闭。"} : at->second;
}

}  // namespace

std::vector<ProjectRisk> project_risks(const PaperInput& input) {
  std::vector<ProjectRisk> out;
  for (const auto& one : input.advice.risks)
    out.push_back({.id = one.id,
                   .title = one.title,
                   .why = {one.why.en + " (" + one.norm.en + ")", one.why.zh + "（" + one.norm.zh + "）"},
                   .mitigation = one.mitigation,
                   .sign = sign_of(one.id),
                   .probability = one.probability,
                   .impact = one.impact,
                   .severity = one.severity,
                   .owner = one.owner});
  supply_and_sizing(input, out);
  quality_and_people(input, out);
  std::ranges::stable_sort(out, [](const auto& a, const auto& b) { return a.probability * a.impact > b.probability * b.impact; });
  return out;
}

void write_risks(Pen& pen) {
  const auto& input = pen.input();
  const auto risks = project_risks(input);
  std::array<int, 3> count{};
  for (const auto& one : risks) ++count[static_cast<std::size_t>(one.severity)];
  pen.heading(1, {"In short", "概要"});
  pen.key_figures({{pen.say({"High", "高风险"}), fmt::format("{}", count[2]), ""},
                   {pen.say({"Medium", "中风险"}), fmt::format("{}", count[1]), ""},
                   {pen.say({"Low", "低风险"}), fmt::format("{}", count[0]), ""}});
  matrix(pen, risks);
  pen.heading(1, {"Register", "风险登记"});
  std::vector<Row> rows;
  for (std::size_t i = 0; i < risks.size(); ++i) {
    const auto& one = risks[i];
    rows.push_back({.cells = {fmt::format("R{}", i + 1), Rich{report::bold(pen.say(one.title)), "\n", pen.say(one.why)},
                              fmt::format("{} × {} = {}", one.probability, one.impact, one.probability * one.impact),
                              one.severity == Severity::kHigh ? Rich(report::bold(pen.say(name_of(one.severity)))) : Rich(pen.say(name_of(one.severity))),
                              pen.say(one.mitigation), pen.say(name_of(one.owner))}});
  }
  pen.table({{{"No.", "编号"}, 1.1},
             {{"Risk and why it applies here", "风险及适用原因"}, 4.2},
             {{"P × I", "概率×影响"}, 1.9},
             {{"Grade", "等级"}, 1.6},
             {{"Answer", "应对措施"}, 4.2},
             {{"Owner", "责任人"}, 2.2}},
            std::move(rows));
  pen.heading(1, {"Early signs", "早期信号"});
  rows.clear();
  for (std::size_t i = 0; i < risks.size(); ++i) rows.push_back({.cells = {fmt::format("R{}", i + 1), pen.say(risks[i].title), pen.say(risks[i].sign)}});
  pen.table({{{"No.", "编号"}, 1}, {{"Risk", "风险"}, 4}, {{"Sign", "信号"}, 6}}, std::move(rows));
  pen.heading(1, {"Compliance, self-assessed", "合规自评"});
  if (input.advice.risks.empty()) pen.text({"No rule was judged.", "未作合规评估。"});
  rows.clear();
  for (const auto& one : input.advice.risks)
    rows.push_back({.cells = {pen.say(one.title), pen.say(one.norm), pen.say(name_of(one.by)), pen.say(name_of(one.severity))}});
  if (!rows.empty())
    pen.table({{{"What is asked", "要求"}, 4}, {{"Norm", "规范"}, 4}, {{"Answered by", "由谁落实"}, 2.2}, {{"Grade", "等级"}, 1.6}}, std::move(rows),
              {"\"Planned\" is not in the product yet", "“规划中”表示产品尚不具备"});
  if (!input.advice.reminders.empty()) {
    pen.heading(2, {"Rules of the industry", "行业规定"});
    pen.bullets(input.advice.reminders);
  }
  pen.basis();
}

}  // namespace siyu::planner
