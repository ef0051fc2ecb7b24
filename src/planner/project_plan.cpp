#include "planner/project_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace siyu::planner {
namespace {

constexpr double kRounding = 1e-9;  ///< days below which two times are one

struct Draft {
  const char* id;
  int step;
  Words name;
  double days;
  std::vector<std::string> after;
  const char* parts;  ///< sponsor, business, project, architect, security, compliance, data, operations, vendor
  Words result;
};

std::vector<PlanStep> steps() {
  return {
      {1, {"Requirements and alignment", "需求与对齐"}, {"Goals, scope, measures and budget are signed.", "目标、范围、度量指标与预算已签署确认。"}},
      {2,
       {"Hardware and environment", "硬件与环境"},
       {"The appliance runs on the site and its measured speed is compared with the sizing.", "一体机在现场运行，实测性能已与测算比对。"}},
      {3,
       {"Data and knowledge", "数据与知识"},
       {"Every document has a grade, an owner and a place; the test set exists.", "每份资料均已定级、明确责任人并入库；测试集已建成。"}},
      {4,
       {"Model selection and adaptation", "模型选型与适配"},
       {"The chosen model meets the target metrics on the organisation's own test set.", "选定模型在自有测试集上达到目标指标。"}},
      {5, {"Security and compliance", "安全与合规"}, {"No high finding is open; restore was rehearsed.", "无未关闭的高风险项；已完成恢复演练。"}},
      {6,
       {"Integration and trial run", "集成与试运行"},
       {"Latency goals hold under the planned load; the trial group recommends the start.", "计划负载下满足时延目标；试运行小组建议上线。"}},
      {7, {"Acceptance and operation", "验收与运营"}, {"Acceptance is signed; operation has its runbook and its people.", "验收已签署；运维手册与值守人员到位。"}}};
}

std::vector<Draft> alignment() {
  return {{"goals",
           1,
           {"Agree on goals, scope and measures", "确认目标、范围与度量指标"},
           5,
           {},
           "ARCCIC---",
           {"business alignment document, draft", "业务对齐文档初稿"}},
          {"inventory",
           1,
           {"Inventory of uses, documents and systems", "梳理场景、资料与系统清单"},
           5,
           {"goals"},
           "ICBCI-RC-",
           {"inventory with owners", "带责任人的清单"}},
          {"sizing",
           1,
           {"Sizing, mode of deployment and cost", "容量测算、部署方式与成本测算"},
           4,
           {"inventory"},
           "ICCBC--CC",
           {"sizing report, cost report", "测算报告、成本报告"}},
          {"approval", 1, {"Approval of plan and budget", "方案与预算审批"}, 5, {"sizing"}, "ACRCCC---", {"signed alignment document", "已签署的业务对齐文档"}}};
}

std::vector<Draft> environment(const PlanFacts& facts) {
  return {{"order",
           2,
           {"Order and delivery of the hardware", "硬件采购与到货"},
           facts.domestic ? 30.0 : 45.0,
           {"approval"},
           "I-ACI--CR",
           {"hardware on the site", "硬件到场"}},
          {"room",
           2,
           {"Room, power, cooling, cabling", "机房、供电、制冷与布线"},
           10 + std::min(facts.servers, 20.0),
           {"approval"},
           "--IAC--RC",
           {"measured power and cooling", "供电与制冷实测记录"}},
          {"install",
           2,
           {"Mounting, firmware, burn-in", "上架、固件升级与老化测试"},
           2 + std::min(facts.servers, 20.0),
           {"order", "room"},
           "--IA---RR",
           {"burn-in record of every card", "每张加速卡的老化测试记录"}},
          {"platform",
           2,
           {"Install the appliance, compare its speed with the sizing", "安装一体机软件并比对实测性能"},
           facts.air_gapped ? 5.0 : 3.0,
           {"install"},
           "--IAC--RC",
           {"measured throughput and latency", "吞吐与时延实测值"}}};
}

std::vector<Draft> knowledge() {
  return {{"grading", 3, {"Grade the documents, name their owners", "资料分类分级并明确责任人"}, 10, {"inventory"}, "-C-ICCB--", {"list of grades", "分级清单"}},
          {"cleaning",
           3,
           {"Collect, clean, remove duplicates", "采集、清洗与去重"},
           15,
           {"grading"},
           "-C-I--BC-",
           {"cleaned documents with counts of what was removed", "清洗后的资料及剔除统计"}},
          {"knowledge",
           3,
           {"Build knowledge bases with roles", "建设知识库并按角色授权"},
           8,
           {"cleaning", "platform"},
           "-C-CC-BR-",
           {"knowledge bases with access by role", "按角色授权的知识库"}},
          {"testset",
           3,
           {"Test set with expected answers", "建立带标准答案的自有测试集"},
           8,
           {"inventory"},
           "-B-C-CR--",
           {"test set that the business signed", "业务签认的测试集"}}};
}

std::vector<Draft> model(const PlanFacts& facts) {
  const auto trains = facts.training != Training::kNone;
  std::vector<Draft> out{
      {"candidates", 4, {"Candidates and their licences", "候选模型及许可证审查"}, 3, {"sizing"}, "-C-B-C---", {"list of candidates", "候选模型清单"}},
      {"evaluate",
       4,
       {"Evaluate the candidates on this test set", "用自有测试集评测候选模型"},
       6,
       {"candidates", "testset", "platform"},
       "-CIB--R-C",
       {"table of results, decision", "评测结果与选型结论"}}};
  if (trains)
    out.push_back({"adapt",
                   4,
                   facts.training == Training::kAll ? Words{"Train all parameters, evaluate against the baseline", "全参数训练并与基线比对"}
                                                    : Words{"Train adapters, evaluate against the baseline", "训练适配器并与基线比对"},
                   facts.training == Training::kAll ? 30.0 : 15.0,
                   {"evaluate", "cleaning"},
                   "-CIB--R-C",
                   {"model version with results", "附评测结果的模型版本"}});
  out.push_back({"prompts",
                 4,
                 {"Prompts, retrieval and rules of answering", "提示词、检索与作答规则调优"},
                 8,
                 {trains ? "adapt" : "evaluate", "knowledge"},
                 "-R-A-CC--",
                 {"target metrics met on the test set", "测试集达到目标指标"}});
  return out;
}

std::vector<Draft> security(const PlanFacts& facts) {
  std::vector<Draft> out{
      {"assessment", 5, {"Risk and impact assessment", "风险评估与个人信息保护影响评估"}, 10, {"grading"}, "IC-CRBC--", {"signed assessment", "已签署的评估报告"}},
      {"hardening",
       5,
       {"Accounts, roles, hardening, audit, backup", "账户、角色、加固、审计与备份"},
       6,
       {"platform"},
       "--ICA--RC",
       {"hardening checklist", "加固检查清单"}},
      {"tests",
       5,
       {"Penetration test and rehearsal of a restore", "渗透测试与恢复演练"},
       6,
       {"hardening", "knowledge"},
       "-IICA--RR",
       {"findings closed or accepted", "问题已关闭或已接受"}}};
  if (facts.regulated)
    out.push_back({"certification",
                   5,
                   {"Graded-protection and cryptography assessment", "等级保护测评与密码应用评估"},
                   20,
                   {"tests"},
                   "I-CCAC-CR",
                   {"reports of the assessors", "测评报告"}});
  if (facts.public_answers)
    out.push_back({"filing",
                   5,
                   {"Filing or registration of the public service", "面向公众服务的备案或登记"},
                   30,
                   {"assessment", "prompts"},
                   "IC--CB---",
                   {"number of the filing", "备案或登记编号"}});
  return out;
}

std::vector<Draft> closing(const PlanFacts& facts) {
  std::vector<std::string> before{"fixes", "training", "assessment"};
  if (facts.regulated) before.emplace_back("certification");
  if (facts.public_answers) before.emplace_back("filing");
  return {{"interfaces",
           6,
           {"Sign-in, portal and business systems", "统一认证、门户与业务系统对接"},
           12,
           {"platform"},
           "-C-AC--RC",
           {"interfaces tested", "接口测试通过"}},
          {"load",
           6,
           {"Load test against the goals", "按目标开展压力测试"},
           4,
           {"prompts", "interfaces"},
           "--IA---RC",
           {"latency over load, compared with the sizing", "时延随负载曲线，与测算比对"}},
          {"pilot", 6, {"Trial run with a small group", "小范围试运行"}, 15, {"load", "tests"}, "IRAC-CCC-", {"feedback, list of faults", "反馈与问题清单"}},
          {"fixes", 6, {"Fix what the trial found", "试运行问题整改"}, 6, {"pilot"}, "-CCA--CRC", {"list of faults closed", "问题清单关闭"}},
          {"training", 7, {"Training of users and administrators", "用户与管理员培训"}, 5, {"load"}, "-CA---CRR", {"people trained, by list", "培训签到名单"}},
          {"acceptance", 7, {"Acceptance against the agreed measures", "按约定指标验收"}, 5, before, "ARRCCC-CC", {"signed acceptance", "已签署的验收报告"}},
          {"handover", 7, {"Handover to operation", "移交运维"}, 5, {"acceptance"}, "I-ACI--RC", {"runbook, on-call list", "运维手册与值守表"}},
          {"review",
           7,
           {"Review after a month of operation", "运行一个月后复盘"},
           20,
           {"handover"},
           "ARRCI-CRI",
           {"measures against goals, next steps", "指标达成情况与后续计划"}}};
}

Role responsible_in(std::string_view parts) {
  // Who does it comes before who answers for it.
  for (const auto letter : {'B', 'R', 'A'})
    if (const auto at = parts.find(letter); at != std::string_view::npos) return static_cast<Role>(at);
  return Role::kProject;
}

Result<std::vector<std::size_t>> in_order(const std::vector<PlanTask>& tasks, const std::map<std::string, std::size_t>& at) {
  std::vector<std::size_t> order, open(tasks.size());
  std::vector<std::vector<std::size_t>> next(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i)
    for (const auto& id : tasks[i].after) {
      const auto found = at.find(id);
      if (found == at.end()) return invalid(fmt::format("The task `{}` comes after `{}`, which is not in the plan; name a task of the plan", tasks[i].id, id));
      next[found->second].push_back(i);
      ++open[i];
    }
  for (std::size_t i = 0; i < tasks.size(); ++i)
    if (open[i] == 0) order.push_back(i);
  for (std::size_t i = 0; i < order.size(); ++i)
    for (const auto one : next[order[i]])
      if (--open[one] == 0) order.push_back(one);
  if (order.size() == tasks.size()) return order;
  for (std::size_t i = 0; i < tasks.size(); ++i)
    if (open[i] > 0) return invalid(fmt::format("The task `{}` waits for itself through its predecessors; take one of them away", tasks[i].id));
  return order;
}

}  // namespace

Status schedule(ProjectPlan& plan) {
  auto& tasks = plan.tasks;
  std::map<std::string, std::size_t> at;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (!std::isfinite(tasks[i].days) || tasks[i].days < 0)
      return invalid(fmt::format("The task `{}` has a duration that is negative or not a number; give working days from 0", tasks[i].id));
    if (!at.emplace(tasks[i].id, i).second) return invalid(fmt::format("Two tasks of the plan are called `{}`; rename one", tasks[i].id));
  }
  ASSIGN_OR_RETURN(const auto order, in_order(tasks, at));
  plan.days = 0;
  for (const auto i : order) {
    tasks[i].start = 0;
    for (const auto& id : tasks[i].after) tasks[i].start = std::max(tasks[i].start, tasks[at.at(id)].end);
    tasks[i].end = tasks[i].start + tasks[i].days;
    plan.days = std::max(plan.days, tasks[i].end);
  }
  std::vector<double> latest(tasks.size(), plan.days);
  for (auto i = order.rbegin(); i != order.rend(); ++i)
    for (const auto& id : tasks[*i].after) latest[at.at(id)] = std::min(latest[at.at(id)], latest[*i] - tasks[*i].days);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    tasks[i].slack = std::max(0.0, latest[i] - tasks[i].end);
    tasks[i].critical = tasks[i].slack < kRounding;
  }
  plan.critical_path.clear();
  const auto last = std::ranges::find_if(tasks, [&](const PlanTask& one) { return one.end >= plan.days - kRounding; });
  for (const auto* one = last == tasks.end() ? nullptr : &*last; one != nullptr;) {
    plan.critical_path.insert(plan.critical_path.begin(), one->id);
    const PlanTask* before = nullptr;
    for (const auto& id : one->after)
      if (const auto& candidate = tasks[at.at(id)]; candidate.end >= one->start - kRounding) before = &candidate;
    one = before;
  }
  return {};
}

ProjectPlan project_plan(const PlanFacts& facts) {
  ProjectPlan plan{.steps = steps()};
  for (const auto& part : {alignment(), environment(facts), knowledge(), model(facts), security(facts), closing(facts)})
    for (const auto& one : part)
      plan.tasks.push_back({.id = one.id,
                            .step = one.step,
                            .name = one.name,
                            .days = one.days,
                            .after = one.after,
                            .responsible = responsible_in(one.parts),
                            .result = one.result,
                            .parts = one.parts});
  // The tasks above name each other and have no cycle; a test schedules every combination of facts.
  (void)schedule(plan);
  std::ranges::stable_sort(plan.tasks, [](const PlanTask& a, const PlanTask& b) { return a.step != b.step ? a.step < b.step : a.start < b.start; });
  plan.assumptions = {{"Durations are guidance of this project in working days, for one team that is there; holidays are not counted.",
                       "工期为本项目经验值（工作日），以专职团队在岗为前提，不含节假日。"},
                      {fmt::format("Delivery of the hardware in {} working days; ask the vendor for a date.", facts.domestic ? 30 : 45),
                       fmt::format("硬件到货按 {} 个工作日计，须以供应商承诺日期为准。", facts.domestic ? 30 : 45)}};
  if (facts.air_gapped) plan.assumptions.push_back({"Software and models are carried in on media and checked there.", "软件与模型以介质导入并在现场校验。"});
  if (facts.training != Training::kNone) plan.assumptions.push_back({"Training data is part of the cleaned documents.", "训练数据取自清洗后的资料。"});
  return plan;
}

}  // namespace siyu::planner
