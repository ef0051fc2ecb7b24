// Why, what, scope, roadmap, benefit: what the business and the technicians sign together.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "planner/advise/facts.h"
#include "planner/papers/pen.h"

namespace siyu::planner {
namespace {

using report::Rich;
using report::Row;

std::string organisation_of(const Pen& pen) {
  const auto& one = pen.input().scenario.organisation;
  return one && !one->name.empty() ? one->name : pen.say({"the organisation", "本机构"});
}

/// The catalogue's reasons are phrases, the advice's own are sentences.
std::string full_stop(std::string text, std::string_view stop) {
  if (!text.ends_with(stop)) text += stop;
  return text;
}

Words sentence(std::string en, std::string zh) { return {std::move(en), std::move(zh)}; }

void why(Pen& pen) {
  const auto& input = pen.input();
  const auto& model = input.advice.model;
  pen.heading(1, {"Why", "为什么做（Why）"});
  if (input.scenario.goals && !input.scenario.goals->empty()) {
    pen.text({"The organisation's own goals:", "本机构提出的目标："});
    std::vector<Words> goals;
    for (const auto& goal : *input.scenario.goals) goals.push_back({goal, goal});
    pen.steps(goals);
  } else {
    pen.callout(
        report::Tone::kWarning, {"Goals are missing", "尚缺目标"},
        {"No goals were given. Write them in the organisation's own words before this paper is signed.", "方案未给出目标。签署前应由业务方以自己的语言写明。"});
  }
  if (model.industry)
    pen.text(sentence(fmt::format("Industry: {}. {}", model.industry_name.en, capitalised(full_stop(model.openness_reason.en, "."))),
                      fmt::format("所属行业：{}。{}", model.industry_name.zh, full_stop(model.openness_reason.zh, "。"))));
  const auto constraints = input.scenario.constraints.value_or(Constraints{});
  std::vector<Row> rows;
  const auto row = [&](const Words& name, std::string value) { rows.push_back({.cells = {pen.say(name), value.empty() ? pen.unknown() : std::move(value)}}); };
  const auto yes_no = [&](std::optional<bool> value) { return !value ? pen.unknown() : *value ? pen.say({"yes", "是"}) : pen.say({"no", "否"}); };
  row({"Highest grade of the data", "数据最高级别"}, constraints.data_class ? pen.say(name_of(*constraints.data_class)) : pen.unknown());
  row({"Cut off from outside networks", "与外网隔离"}, yes_no(constraints.air_gapped));
  row({"Public cloud allowed", "允许使用公有云"}, yes_no(constraints.cloud_allowed));
  row({"Edition of the hardware", "硬件版本"}, !constraints.edition || *constraints.edition == Edition::kAny ? pen.say({"not fixed", "未限定"})
                                               : *constraints.edition == Edition::kDomestic                  ? pen.say({"domestic", "国产（信创）"})
                                                                                                             : pen.say({"international", "国际"}));
  const auto users = input.scenario.users.value_or(UserLoad{});
  row({"Daily active users", "日活用户数"}, pen.number(users.daily_active));
  row({"Growth per year", "年增长率"}, users.growth_per_year ? pen.value(*users.growth_per_year * 100, "%") : pen.unknown());
  if (constraints.budget) row({"Budget of the purchase", "采购预算"}, pen.money(constraints.budget));
  pen.table({{{"What is given", "既定条件"}, 3}, {{"Value", "取值"}, 4}}, std::move(rows), {"Conditions of the plan", "方案既定条件"});
  budget_line(pen);
}

std::string goal_value(const Pen& pen, const Goal& goal) {
  if (goal.at_least) return fmt::format("≥ {}", pen.value(goal.at_least, goal.unit));
  if (goal.at_most) return fmt::format("≤ {}", pen.value(goal.at_most, goal.unit));
  return pen.unknown();
}

void what(Pen& pen) {
  const auto& input = pen.input();
  const auto& advice = input.advice;
  pen.heading(1, {"What", "做什么（What）"});
  if (advice.model.use)
    pen.text(sentence(fmt::format("Use: {}. {}", advice.model.use_name.en, advice.model.class_reason.en),
                      fmt::format("应用场景：{}。{}", advice.model.use_name.zh, advice.model.class_reason.zh)));
  else pen.text(advice.model.class_reason);
  if (advice.model.note) pen.callout(report::Tone::kNote, {}, *advice.model.note);
  if (!advice.model.goals.empty()) {
    std::vector<Row> rows;
    for (const auto& goal : advice.model.goals)
      rows.push_back({.cells = {pen.say(goal.name), goal_value(pen, goal), pen.say({"the organisation's own test set, before release and monthly", "自有测试集，发布前及每月评测"})}});
    pen.table({{{"Measure", "度量指标"}, 4}, {{"Target", "目标值"}, 2, true}, {{"How it is measured", "度量方式"}, 4}}, std::move(rows),
              {"Target metrics, to be agreed with the business", "目标指标（须与业务方确认）"});
  }
  std::vector<Row> rows;
  for (const auto& one : advice.model.candidates)
    rows.push_back({.cells = {Rich(report::code(one.model)), pen.value(one.parameters, "parameters"), one.licence, pen.say(one.note)}, .emphasised = one.suggested});
  if (!rows.empty())
    pen.table({{{"Model", "模型"}, 3}, {{"Size", "规模"}, 1.8, true}, {{"Licence", "许可证"}, 2}, {{"Note", "说明"}, 4}}, std::move(rows),
              {"Candidate models; those suggested for this use stand out", "候选模型（推荐用于本场景者突出显示）"});
  pen.heading(2, {"Where it runs", "部署方式"});
  mode_tables(pen);
  pen.heading(2, {"On what it runs", "承载机型"});
  pen.rich(Rich{pen.say({"Appliance: ", "机型："}), report::bold(pen.say(advice.tier.tier_name)), pen.say({" (", "（"}), report::code(advice.tier.appliance),
                pen.say({"), ", "），"}), pen.value(advice.tier.servers, "servers"), pen.say({".", "。"})});
  pen.bullets(advice.tier.reasons);
}

void scope(Pen& pen) {
  const auto& advice = pen.input().advice;
  pen.heading(1, {"Scope", "做到哪里（Scope）"});
  pen.heading(2, {"Within", "范围之内"});
  pen.bullets({advice.model.use ? sentence(fmt::format("The use \"{}\" for {}.", advice.model.use_name.en, organisation_of(pen)),
                                           fmt::format("{}的“{}”场景。", organisation_of(pen), advice.model.use_name.zh))
                                : Words{"Questions on the organisation's documents.", "基于本机构资料的问答。"},
               {"Documents up to the grade stated above, each with an owner.", "不超过上述级别且有明确责任人的资料。"},
               {"Appliance, knowledge bases, accounts and roles, audit, trial run, training of users, acceptance.",
                "一体机、知识库、账户与角色、审计、试运行、用户培训与验收。"}});
  pen.heading(2, {"Outside", "范围之外"});
  pen.bullets({{"Decisions without a person: the model drafts, people decide.", "无人参与的自动决策：模型起草，由人决定。"},
               {"Documents of a higher grade, and classified ones in any case.", "更高级别的资料；涉密资料一律不纳入。"},
               {"Changes to the business systems beyond the interfaces named in the project plan.", "项目计划所列接口之外的业务系统改造。"}});
  if (!advice.reminders.empty()) {
    pen.heading(2, {"Rules of the industry", "行业规定"});
    pen.bullets(advice.reminders);
  }
}

void roadmap(Pen& pen) {
  const auto& project = pen.input().project;
  pen.heading(1, {"Roadmap", "如何推进（Roadmap）"});
  pen.text(sentence(fmt::format("Seven steps in {} working days.", plain_number(project.days)),
                    fmt::format("共七个步骤，合计 {} 个工作日。", plain_number(project.days))));
  pen.chart(step_chart(pen), step_caption(pen));
  std::vector<Row> rows;
  for (const auto& step : project.steps) {
    double from = project.days, to = 0;
    for (const auto& task : project.tasks)
      if (task.step == step.number) from = std::min(from, task.start), to = std::max(to, task.end);
    rows.push_back({.cells = {fmt::format("{}", step.number), pen.say(step.name), days(pen, from, to), pen.say(step.exit)}});
  }
  pen.table({{{"No.", "序号"}, 0.8}, {{"Step", "步骤"}, 3}, {{"Working days", "工作日"}, 2}, {{"Exit criterion", "退出条件"}, 5}}, std::move(rows));
}

void benefit(Pen& pen) {
  const auto& input = pen.input();
  pen.heading(1, {"Benefit", "收益如何（Benefit）"});
  pen.text(
      {"Benefit is what was agreed to be measured, not what was hoped for. Before the start the present value of each measure is taken; after a month it is taken "
       "again.",
       "收益以约定可度量的指标为准。启动前测得各指标现值作为基线，上线一个月后复测。"});
  std::vector<Row> rows;
  for (const auto& goal : input.advice.model.goals)
    rows.push_back({.cells = {pen.say(goal.name), pen.say({"to be measured", "待测"}), goal_value(pen, goal), pen.say(name_of(Role::kBusiness))}});
  if (!rows.empty()) pen.table({{{"Measure", "指标"}, 4}, {{"Today", "基线"}, 2}, {{"Target", "目标"}, 2, true}, {{"Owner", "责任人"}, 2}}, std::move(rows));
  if (!input.cost) {
    pen.callout(report::Tone::kNote, {"Cost", "成本"}, {"Cost was not reckoned in this plan.", "本方案未作成本测算。"});
    return;
  }
  const auto& cost = *input.cost;
  const auto years = input.scenario.years.value_or(3);
  pen.key_figures(
      {{pen.say({"Cost of owning over the horizon", "测算期自建总成本"}), pen.money(cost.total), fmt::format("{} {}", plain_number(years), pen.say({"years", "年"}))},
       {pen.say({"Break-even with the cloud", "与云端持平"}), month_word(pen, cost), ""},
       {pen.say({"Per million tokens", "每百万词元成本"}), pen.money(cost.per_million_tokens), ""}});
  if (!pen.say(cost.break_even_note).empty()) pen.text(cost.break_even_note);
}

Words rules_against(const ModeAdvice& advice, Mode mode) {
  static const std::pair<std::string_view, Words> kRules[] = {{"air_gap", {"the air gap", "与外网隔离"}},
                                                              {"cloud_not_allowed", {"the organisation's rule against public clouds", "本机构不允许公有云的规定"}},
                                                              {"core_data", {"core data among the documents", "资料中的核心数据"}},
                                                              {"regulated_industry", {"confidential data of a regulated industry", "受监管行业的机密数据"}},
                                                              {"government_data", {"government data above internal", "高于内部级别的政务数据"}}};
  Words out;
  for (const auto& one : advice.exclusions) {
    const auto at = std::ranges::find(kRules, one.rule, [](const auto& rule) { return rule.first; });
    if (one.mode != mode || at == std::end(kRules)) continue;
    out.en += (out.en.empty() ? "" : "; ") + at->second.en;
    out.zh += (out.zh.empty() ? "" : "、") + at->second.zh;
  }
  return out;
}

void decision(Pen& pen) {
  const auto& input = pen.input();
  pen.heading(1, {"What would change the decision", "什么会改变结论"});
  pen.text({"Each weight and each input was moved alone, until another mode of deployment came first.", "逐一单独调整各权重与输入，直至首选部署方式改变。"});
  std::vector<Row> rows;
  Words firm;
  for (const auto& flip : input.advice.mode.flips) {
    if (flip.to && flip.mode) rows.push_back({.cells = {pen.say(flip.label), pen.say(flip.from), pen.say(*flip.to), pen.say(name_of(*flip.mode))}});
    else firm = {firm.en + (firm.en.empty() ? "" : ", ") + flip.label.en, firm.zh + (firm.zh.empty() ? "" : "、") + flip.label.zh};
  }
  if (rows.empty())
    pen.callout(
        report::Tone::kGood, {"The decision is firm", "结论稳固"},
        {"No weight and no input, moved alone over its whole range, changes the first place.", "任一权重或输入单独在全部取值范围内变化，均不改变首选方式。"});
  else pen.table({{{"Weight or input", "权重或输入"}, 4}, {{"Now", "现值"}, 2}, {{"Changes at", "转折值"}, 2}, {{"First then", "届时首选"}, 3}}, std::move(rows));
  for (const auto mode : {Mode::kHybrid, Mode::kCloud})
    if (const auto rules = rules_against(input.advice.mode, mode); !rules.en.empty())
      pen.text({fmt::format("Before {} could be considered at all, these would have to fall together: {}.", name_of(mode).en, rules.en),
                fmt::format("{}若要纳入考虑，须同时解除：{}。", name_of(mode).zh, rules.zh)});
  if (!firm.en.empty())
    pen.text({fmt::format("Without influence, alone, over the whole range: {}.", firm.en), fmt::format("单独变化时在全部范围内均无影响：{}。", firm.zh)});
  pen.heading(1, {"Gravest risks", "主要风险"});
  const auto risks = project_risks(input);
  rows.clear();
  constexpr std::size_t kShown = 6;
  for (std::size_t i = 0; i < std::min(risks.size(), kShown); ++i)
    rows.push_back({.cells = {pen.say(name_of(risks[i].severity)), pen.say(risks[i].title), pen.say(risks[i].mitigation), pen.say(name_of(risks[i].owner))}});
  pen.table({{{"Grade", "等级"}, 1.5}, {{"Risk", "风险"}, 3}, {{"Answer", "应对"}, 5}, {{"Owner", "责任人"}, 2}}, std::move(rows));
  pen.heading(1, {"Agreement", "会签"});
  rows.clear();
  const std::string line = "＿＿＿＿＿＿";
  for (const auto role : {Role::kSponsor, Role::kBusiness, Role::kArchitect, Role::kSecurity, Role::kCompliance, Role::kOperations})
    rows.push_back({.cells = {pen.say(name_of(role)), line, line, line}});
  pen.table({{{"Role", "角色"}, 3}, {{"Name", "姓名"}, 3}, {{"Signature", "签字"}, 3}, {{"Date", "日期"}, 3}}, std::move(rows));
}

}  // namespace

std::optional<int> weekday_of(const std::string& date) {
  const auto day = report::parse_date(date);
  if (!day) return std::nullopt;
  return static_cast<int>(std::chrono::weekday(std::chrono::sys_days(*day)).iso_encoding()) - 1;
}

std::string days(const Pen& pen, double from, double to) {
  return pen.chinese() ? fmt::format("第 {}–{} 天", plain_number(from + 1), plain_number(std::max(to, from + 1)))
                       : fmt::format("day {}–{}", plain_number(from + 1), plain_number(std::max(to, from + 1)));
}

void mode_tables(Pen& pen) {
  const auto& mode = pen.input().advice.mode;
  if (mode.ranking.empty()) {
    pen.text({"The mode of deployment was not judged.", "未评估部署方式。"});
    return;
  }
  pen.rich(Rich{pen.say({"Recommended: ", "推荐："}), report::bold(pen.say(name_of(mode.mode))), pen.say({".", "。"})});
  std::vector<Row> rows;
  for (const auto& one : mode.criteria)
    rows.push_back({.cells = {pen.say(one.name), pen.value(one.weight * 100, "%"), plain_number(one.scores.on_premise), plain_number(one.scores.hybrid),
                              plain_number(one.scores.cloud)}});
  const auto total = [&](Mode which) {
    for (const auto& one : mode.ranking)
      if (one.mode == which) return plain_number(std::round(one.score * 10) / 10) + (one.excluded ? pen.say({" (ruled out)", "（排除）"}) : "");
    return pen.unknown();
  };
  rows.push_back({.cells = {pen.say({"Weighted sum", "加权合计"}), pen.value(100, "%"), total(Mode::kOnPremise), total(Mode::kHybrid), total(Mode::kCloud)},
                  .emphasised = true});
  pen.table({{{"Criterion", "准则"}, 4},
             {{"Weight", "权重"}, 1.6, true},
             {name_of(Mode::kOnPremise), 2, true},
             {name_of(Mode::kHybrid), 2, true},
             {name_of(Mode::kCloud), 2, true}},
            std::move(rows), {"Scores from 0 to 100", "各方式得分（0–100）"});
  if (!mode.exclusions.empty()) {
    rows.clear();
    for (const auto& one : mode.exclusions) rows.push_back({.cells = {pen.say(name_of(one.mode)), pen.say(one.reason), pen.say(one.norm)}});
    pen.table({{{"Ruled out", "被排除"}, 2}, {{"Why", "原因"}, 5}, {{"By which rule", "依据"}, 4}}, std::move(rows), {"Hard constraints", "硬性约束"});
  }
  rows.clear();
  for (const auto& one : mode.criteria)
    for (const auto& reason : one.reasons) rows.push_back({.cells = {pen.say(one.name), pen.say(reason)}});
  pen.table({{{"Criterion", "准则"}, 2}, {{"Why it scores so", "评分理由"}, 8}}, std::move(rows), {"Reasons", "评分理由"});
}

namespace {

/// Working days as the chart's calendar days, when the date of the first one is given: weekends lie between them.
void to_calendar(const Pen& pen, report::GanttTask& task) {
  const auto first = weekday_of(pen.input().begins);
  if (!first) return;
  constexpr double kWeek = 5, kWeekend = 2;
  const auto offset = std::min(static_cast<double>(*first), kWeek);
  const auto from = std::floor((task.start + offset) / kWeek), to = std::ceil((task.end + offset) / kWeek) - 1;
  task.start += from * kWeekend;
  task.end += std::max(from, to) * kWeekend;
  // A Sunday is one day closer to the Monday on which the work begins.
  if (*first == 6) task.start -= 1, task.end -= 1;
}

}  // namespace

report::Chart step_chart(const Pen& pen) {
  const auto& project = pen.input().project;
  report::GanttChart chart{.title = pen.say({"Steps of the project", "项目步骤"}), .begins = pen.input().begins, .tasks = {}};
  for (const auto& step : project.steps) {
    report::GanttTask bar{.id = fmt::format("{}", step.number), .name = fmt::format("{}  {}", step.number, pen.say(step.name)), .start = project.days};
    for (const auto& task : project.tasks)
      if (task.step == step.number) {
        bar.start = std::min(bar.start, task.start), bar.end = std::max(bar.end, task.end);
        bar.critical = bar.critical || task.critical;
      }
    to_calendar(pen, bar);
    chart.tasks.push_back(std::move(bar));
  }
  return chart;
}

Words step_caption(const Pen& pen) {
  if (pen.input().begins.empty()) return {"The seven steps over working days", "七个步骤的时间安排（工作日）"};
  return {"The seven steps by date; lengths in calendar days", "七个步骤的时间安排（按日期，时长为自然日）"};
}

report::Chart task_chart(const Pen& pen) {
  const auto& project = pen.input().project;
  report::GanttChart chart{.title = pen.say({"Tasks", "任务甘特图"}), .begins = pen.input().begins, .tasks = {}};
  for (const auto& task : project.tasks) {
    const auto step = std::ranges::find(project.steps, task.step, &PlanStep::number);
    chart.tasks.push_back({.id = task.id,
                           .name = pen.say(task.name),
                           .start = task.start,
                           .end = task.end,
                           .critical = task.critical,
                           .group = step == project.steps.end() ? "" : fmt::format("{}  {}", step->number, pen.say(step->name)),
                           .after = task.after});
    to_calendar(pen, chart.tasks.back());
  }
  return chart;
}

namespace {

/// The first page for those who read one page.
void in_short(Pen& pen) {
  const auto& input = pen.input();
  const auto& advice = input.advice;
  pen.heading(1, {"In short", "结论摘要"});
  std::vector<report::KeyFigure> figures;
  if (!advice.mode.ranking.empty())
    figures.push_back({pen.say({"Mode of deployment", "部署方式"}), pen.say(name_of(advice.mode.mode)),
                       fmt::format("{} / 100", plain_number(std::round(advice.mode.ranking.front().score)))});
  figures.push_back({pen.say({"Appliance", "机型"}), pen.say(advice.tier.tier_name), pen.value(advice.tier.servers, "servers")});
  figures.push_back({pen.say({"Duration", "总工期"}),
                     pen.chinese() ? fmt::format("{} 个工作日", plain_number(input.project.days)) : fmt::format("{} working days", plain_number(input.project.days)),
                     ""});
  figures.push_back({pen.say({"Cost of owning", "自建总成本"}), input.cost ? pen.money(input.cost->total) : pen.unknown(),
                     pen.chinese() ? fmt::format("{} 年", plain_number(input.scenario.years.value_or(3)))
                                   : fmt::format("{} years", plain_number(input.scenario.years.value_or(3)))});
  pen.key_figures(std::move(figures));
  const auto high = std::ranges::count(project_risks(input), Severity::kHigh, &ProjectRisk::severity);
  const Words risks = high == 0
                          ? Words{"No high risk was found; the others are named below.", "未识别高风险，其余风险见后文。"}
                          : Words{fmt::format("High risks: {}, named below with their answers.", high), fmt::format("已识别高风险 {} 项，应对措施见后文。", high)};
  pen.text({fmt::format("{} asks the undersigned to agree on goals, scope and measures of \"{}\". Recommended is {}. {}", organisation_of(pen), input.scenario.name,
                        name_of(advice.mode.mode).en, risks.en),
            fmt::format("{}提请会签各方就“{}”的目标、范围与度量指标达成一致。建议采用{}。{}", organisation_of(pen), input.scenario.name,
                        name_of(advice.mode.mode).zh, risks.zh)});
}

}  // namespace

void write_alignment(Pen& pen) {
  in_short(pen);
  why(pen);
  what(pen);
  scope(pen);
  roadmap(pen);
  benefit(pen);
  decision(pen);
  pen.basis();
}

}  // namespace siyu::planner
