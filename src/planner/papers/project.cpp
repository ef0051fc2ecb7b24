// Who does what, and when: the responsibility matrix and the project plan.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "planner/advise/facts.h"
#include "planner/papers/pen.h"

namespace siyu::planner {
namespace {

using report::Rich;
using report::Row;

constexpr std::array kRoles{Role::kSponsor,    Role::kBusiness, Role::kProject,    Role::kArchitect, Role::kSecurity,
                            Role::kCompliance, Role::kData,     Role::kOperations, Role::kVendor};

Words duty_of(Role role) {
  switch (role) {
    case Role::kSponsor: return {"Sets goal and budget, decides what others cannot.", "提供目标与预算，裁决争议事项。"};
    case Role::kBusiness: return {"Owns the use, its test set and its target metrics; signs every outcome.", "负责场景、测试集与目标指标，对结果签认。"};
    case Role::kProject: return {"Keeps plan, risks and dates together.", "统筹计划、风险与进度。"};
    case Role::kArchitect: return {"Sizing, appliance, models, interfaces.", "容量测算、机型、模型与接口设计。"};
    case Role::kSecurity: return {"Accounts, hardening, audit, tests.", "账户、加固、审计与安全测试。"};
    case Role::kCompliance: return {"Law, norms, licences, assessments, filing.", "法律规范、许可证、评估与备案。"};
    case Role::kData: return {"Grades and owners of documents, cleaning, knowledge bases.", "资料定级与责任人、清洗、知识库。"};
    case Role::kOperations: return {"Room, installation, watch, backup, restore.", "机房、安装、监控、备份与恢复。"};
    case Role::kVendor: return {"Delivers and repairs the hardware, answers for its figures.", "交付与维修硬件，对其参数负责。"};
  }
  return {};
}

std::string role_initial(Role role, bool chinese) {
  static const Words kShort[] = {{"Spon.", "发起"}, {"Busi.", "业务"}, {"Proj.", "项目"}, {"Arch.", "架构"}, {"Sec.", "安全"},
                                 {"Comp.", "合规"}, {"Data", "数据"},  {"Ops.", "运维"},  {"Vend.", "供应"}};
  const auto& one = kShort[static_cast<std::size_t>(role)];
  return chinese ? one.zh : one.en;
}

std::string letters(char one) {
  switch (one) {
    case 'B': return "A/R";
    case '-': return "·";
    default: return std::string(1, one);
  }
}

std::string task_name(const Pen& pen, const std::string& id) {
  for (const auto& task : pen.input().project.tasks)
    if (task.id == id) return pen.say(task.name);
  return id;
}

}  // namespace

void write_responsibilities(Pen& pen) {
  pen.heading(1, {"Roles", "角色"});
  std::vector<Row> rows;
  for (const auto role : kRoles)
    rows.push_back({.cells = {report::bold(pen.say(name_of(role))), role_initial(role, pen.chinese()), pen.say(duty_of(role)), "＿＿＿＿＿＿"}});
  pen.table({{{"Role", "角色"}, 2.4}, {{"Short", "简称"}, 1}, {{"Duty", "职责"}, 6}, {{"Name", "姓名"}, 2}}, std::move(rows));
  pen.heading(1, {"Matrix", "责任矩阵"});
  pen.text({"R does the work, A answers for it (exactly one in each row), C is asked before, I is told after; a dot: no part.",
            "R 执行，A 负责（每行仅一个），C 事前咨询，I 事后知会；圆点表示不参与。"});
  for (const auto& step : pen.input().project.steps) {
    rows.clear();
    for (const auto& task : pen.input().project.tasks) {
      if (task.step != step.number) continue;
      Row row{.cells = {pen.say(task.name)}};
      for (std::size_t i = 0; i < kRoles.size(); ++i) {
        const auto text = letters(i < task.parts.size() ? task.parts[i] : '-');
        row.cells.push_back(text.starts_with('A') ? Rich(report::bold(text)) : Rich(text));
      }
      rows.push_back(std::move(row));
    }
    if (rows.empty()) continue;
    pen.heading(2, step.name);
    std::vector<Pen::Column> columns{{{"Task", "任务"}, 5}};
    for (const auto role : kRoles) columns.push_back({{role_initial(role, false), role_initial(role, true)}, 1.15});
    pen.table(columns, std::move(rows));
  }
  pen.heading(1, {"When people do not agree", "争议处理"});
  pen.steps({{"Whoever answers for the task decides within two working days.", "由该任务的 A 角色在两个工作日内决定。"},
             {"Where that is not possible, the project manager takes it to the business owner and the architect together.",
              "无法决定的，由项目经理提交业务负责人与架构师会商。"},
             {"What touches goal, budget, law or security goes to the sponsor; the security and compliance officers may stop a step.",
              "涉及目标、预算、法律或安全的提交项目发起人；安全负责人与合规法务有权叫停任一步骤。"}});
  pen.basis();
}

void write_project(Pen& pen) {
  const auto& project = pen.input().project;
  pen.heading(1, {"In short", "概要"});
  const auto critical = std::ranges::count_if(project.tasks, &PlanTask::critical);
  pen.key_figures({{pen.say({"Duration", "总工期"}),
                    pen.chinese() ? fmt::format("{} 个工作日", plain_number(project.days)) : fmt::format("{} working days", plain_number(project.days)),
                    pen.chinese() ? fmt::format("约 {} 周", plain_number(std::round(project.days / 5)))
                                  : fmt::format("about {} weeks", plain_number(std::round(project.days / 5)))},
                   {pen.say({"Tasks", "任务数"}), fmt::format("{}", project.tasks.size()),
                    pen.chinese() ? fmt::format("关键任务 {} 项", critical) : fmt::format("{} of them critical", critical)},
                   {pen.say({"Steps", "步骤"}), fmt::format("{}", project.steps.size()), ""}});
  if (!pen.input().begins.empty()) pen.text({fmt::format("The first working day is {}.", pen.input().begins), fmt::format("首个工作日为 {}。", pen.input().begins)});
  pen.chart(step_chart(pen), step_caption(pen));
  pen.heading(1, {"Critical path", "关键路径"});
  std::vector<Row> rows;
  for (std::size_t i = 0; i < project.critical_path.size(); ++i)
    for (const auto& task : project.tasks)
      if (task.id == project.critical_path[i])
        rows.push_back(
            {.cells = {fmt::format("{}", i + 1), pen.say(task.name), plain_number(task.days), days(pen, task.start, task.end), pen.say(name_of(task.responsible))}});
  const auto longest = std::ranges::max_element(project.tasks, {}, [](const PlanTask& one) { return one.critical ? one.days : -1.0; });
  if (longest != project.tasks.end())
    pen.text({fmt::format("A day lost on one of these tasks is a day lost for all. Most time can be won on the longest of them: \"{}\", {} working days.", longest->name.en,
                          plain_number(longest->days)),
              fmt::format("这些任务每延误一天，整体即延误一天；应优先压缩其中最长的“{}”（{} 个工作日）。", longest->name.zh, plain_number(longest->days))});
  pen.table({{{"No.", "序号"}, 0.8}, {{"Task", "任务"}, 5}, {{"Days", "工期"}, 1, true}, {{"When", "时间"}, 2}, {{"Responsible", "负责人"}, 2.2}}, std::move(rows));
  pen.page_break();
  pen.heading(1, {"Schedule", "进度计划"});
  pen.chart(task_chart(pen), {"All tasks; those on the critical path stand out", "全部任务（关键路径突出显示）"});
  pen.heading(1, {"Steps and tasks", "步骤与任务"});
  for (const auto& step : project.steps) {
    pen.heading(2, step.name);
    pen.text({"Exit criterion: " + step.exit.en, "退出条件：" + step.exit.zh});
    rows.clear();
    for (const auto& task : project.tasks) {
      if (task.step != step.number) continue;
      std::string after;
      for (const auto& id : task.after) after += (after.empty() ? "" : pen.chinese() ? "；" : "; ") + task_name(pen, id);
      if (after.empty()) after = pen.say({"begins at once", "立即开始"});
      rows.push_back(
          {.cells = {task.critical ? Rich(report::bold(pen.say(task.name))) : Rich(pen.say(task.name)), days(pen, task.start, task.end), std::move(after),
                     pen.say(task.result), pen.say(name_of(task.responsible)), task.critical ? pen.say({"critical", "关键"}) : plain_number(task.slack)}});
    }
    pen.table({{{"Task", "任务"}, 3.2},
               {{"When", "时间"}, 1.8},
               {{"After", "前置任务"}, 3},
               {{"Result", "交付物"}, 2.8},
               {{"Who", "负责人"}, 1.6},
               {{"Slack, days", "浮动"}, 1.3, true}},
              std::move(rows));
  }
  pen.basis();
}

}  // namespace siyu::planner
