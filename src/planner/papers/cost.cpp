// What owning costs against paying by the token.
#include <fmt/format.h>

#include <algorithm>

#include "planner/advise/facts.h"
#include "planner/papers/pen.h"

namespace siyu::planner {
namespace {

using report::Row;

constexpr double kTenThousand = 1e4;
constexpr std::size_t kShown = 10;  ///< assumptions of the sensitivity: those below move little

/// Money on axes in 万元 for Chinese readers, in thousands for English ones.
struct AxisMoney {
  double scale;
  std::string unit;
};
AxisMoney axis_money(const Pen& pen, const PaperCost& cost) {
  if (pen.chinese()) return {kTenThousand, cost.currency == "CNY" ? "万元" : cost.currency == "USD" ? "万美元" : "万 " + cost.currency};
  return {1e3, "thousand " + cost.currency};
}

void parts(Pen& pen, const PaperCost& cost) {
  pen.heading(1, {"What owning costs", "自建成本构成"});
  if (cost.parts.empty()) {
    pen.text({"The parts of the cost were not reckoned.", "未测算成本构成。"});
    return;
  }
  const auto axis = axis_money(pen, cost);
  report::BarChart chart{.title = pen.say({"Cost by part", "成本构成"}),
                         .categories = {},
                         .series = {{.name = pen.say({"over the horizon", "测算期合计"}), .values = {}}},
                         .value = {.title = pen.say({"cost", "成本"}), .unit = axis.unit},
                         .horizontal = true};
  std::vector<Row> rows;
  double known = 0;
  bool whole = true;
  for (const auto& part : cost.parts) {
    if (part.value) {
      chart.categories.push_back(pen.say(part.label));
      chart.series.front().values.push_back(*part.value / axis.scale);
      known += *part.value;
    }
    whole = whole && part.value;
    rows.push_back({.cells = {pen.say(part.label), pen.money(part.value),
                              part.figure.empty() ? report::Rich(part.value ? pen.say({"sum of the years", "逐年合计"}) : pen.unknown())
                                                  : report::Rich(report::code(part.figure))}});
  }
  rows.push_back(
      {.cells = {whole ? pen.say({"Sum", "合计"}) : pen.say({"Sum of what is known", "已知部分小计"}),
                 chart.categories.empty() ? pen.unknown() : pen.money(known), pen.say({"sum of the above", "以上合计"})},
       .emphasised = true});
  if (!chart.categories.empty()) pen.chart(std::move(chart), {"Over the whole horizon", "测算期内"});
  pen.table({{{"Part", "成本项"}, 4}, {{"Amount", "金额"}, 3, true}, {{"Figure", "指标编号"}, 3}}, std::move(rows));
  if (!whole)
    pen.callout(report::Tone::kWarning, {"Incomplete", "不完整"}, {"At least one part is unknown: the sum is a lower bound.", "至少一项成本未知，合计仅为下限。"});
}

void over_years(Pen& pen, const PaperCost& cost) {
  pen.heading(1, {"Own hardware against the cloud", "自建与云端对比"});
  if (cost.years.empty()) {
    pen.text({"No comparison over the years was reckoned.", "未作逐年对比测算。"});
    return;
  }
  const auto axis = axis_money(pen, cost);
  report::LineChart chart{.title = pen.say({"Paid up to the end of each year", "各年末累计支出"}),
                          .x = {.title = pen.say({"year", "年"}), .low = 0.0},
                          .y = {.title = pen.say({"paid in all", "累计支出"}), .unit = axis.unit, .low = 0.0},
                          .series = {}};
  const auto series = [&](const Words& name, std::optional<double> PaidByYear::* field) {
    report::LineSeries one{.name = pen.say(name), .points = {}};
    for (const auto& year : cost.years)
      if (year.*field) one.points.push_back({year.year, *(year.*field) / axis.scale});
    if (one.points.size() > 1) chart.series.push_back(std::move(one));
  };
  series(name_of(Mode::kOnPremise), &PaidByYear::on_premise);
  series(name_of(Mode::kCloud), &PaidByYear::cloud);
  series(name_of(Mode::kHybrid), &PaidByYear::hybrid);
  if (cost.break_even_month) chart.thresholds.push_back({.label = pen.say({"break-even", "持平点"}), .value = *cost.break_even_month / 12, .vertical = true});
  if (!chart.series.empty()) pen.chart(std::move(chart), {"Cash, cumulative", "累计现金支出"});
  std::vector<Row> rows;
  for (const auto& year : cost.years)
    rows.push_back({.cells = {plain_number(year.year), pen.money(year.on_premise), pen.money(year.cloud), pen.money(year.hybrid)}});
  pen.table({{{"Year", "年份"}, 1}, {name_of(Mode::kOnPremise), 3, true}, {name_of(Mode::kCloud), 3, true}, {name_of(Mode::kHybrid), 3, true}}, std::move(rows));
  if (!pen.say(cost.break_even_note).empty()) pen.text(cost.break_even_note);
}

void sensitivity(Pen& pen, const PaperCost& cost) {
  if (cost.sensitivities.empty()) return;
  pen.heading(1, {"What moves the result", "敏感性"});
  const auto axis = axis_money(pen, cost);
  report::TornadoChart chart{.title = pen.say({"Advantage of owning over the cloud", "自建相对云端的优势"}),
                             .unit = axis.unit,
                             .base = cost.advantage.value_or(0) / axis.scale,
                             .rows = {}};
  std::vector<Row> rows;
  for (const auto& one : cost.sensitivities) {
    if (rows.size() >= kShown) break;
    chart.rows.push_back({.label = pen.say(one.label),
                          .low = one.low / axis.scale,
                          .high = one.high / axis.scale,
                          .low_label = pen.say(one.low_label),
                          .high_label = pen.say(one.high_label)});
    rows.push_back({.cells = {pen.say(one.label), pen.say(one.low_label), pen.money(one.low), pen.say(one.high_label), pen.money(one.high)}});
  }
  if (cost.advantage) pen.chart(std::move(chart), {"Each assumption alone at its low and its high end", "逐一取各假设的低值与高值"});
  if (cost.sensitivities.size() > kShown)
    pen.text({fmt::format("The ten widest of {} are shown; the others move the result less.", cost.sensitivities.size()),
              fmt::format("共测算 {} 项假设，列示影响最大的十项，其余影响更小。", cost.sensitivities.size())});
  pen.table({{{"Assumption", "假设"}, 3},
             {{"Low end", "低值"}, 1.6, true},
             {{"Result", "结果"}, 2.4, true},
             {{"High end", "高值"}, 1.6, true},
             {{"Result", "结果"}, 2.4, true}},
            std::move(rows));
}

}  // namespace

std::string month_word(const Pen& pen, const PaperCost& cost) {
  const auto& month = cost.break_even_month;
  if (!month) return cost.advantage ? pen.say({"not reached", "未持平"}) : pen.unknown();
  return pen.chinese() ? fmt::format("第 {} 个月", plain_number(*month)) : fmt::format("month {}", plain_number(*month));
}

void write_cost(Pen& pen) {
  const auto& input = pen.input();
  pen.heading(1, {"In short", "结论摘要"});
  if (!input.cost) {
    pen.callout(report::Tone::kWarning, {"Not reckoned", "未测算"},
                {"This plan holds no cost figures: give prices, tariff and staff, or a cloud price to compare with.",
                 "本方案无成本数据：请给出采购价、电价与人力成本，或用于对比的云端单价。"});
    budget_line(pen);
    pen.basis();
    return;
  }
  const auto& cost = *input.cost;
  pen.key_figures({{pen.say({"Cost of owning over the horizon", "测算期自建总成本"}), pen.money(cost.total),
                    fmt::format("{} {}", plain_number(input.scenario.years.value_or(3)), pen.say({"years", "年"}))},
                   {pen.say({"Break-even", "持平月份"}), month_word(pen, cost), ""},
                   {pen.say({"Per million tokens", "每百万词元"}), pen.money(cost.per_million_tokens), pen.say({"own hardware", "自建"})}});
  if (!cost.total)
    pen.callout(report::Tone::kWarning, {"The total is unknown", "总成本未知"},
                {"A price that it needs was neither given nor published; it is named under \"Not given\".", "所需价格既未给出也未公开，详见“未给出的信息”。"});
  budget_line(pen);
  parts(pen, cost);
  over_years(pen, cost);
  sensitivity(pen, cost);
  pen.basis();
  std::vector<FigureSection> sections;
  for (const auto& section : input.sections)
    if (std::ranges::any_of(section.figures, [](const Figure& one) { return one.id.starts_with("cost") || one.id.starts_with("tco"); })) sections.push_back(section);
  pen.appendix(sections.empty() ? input.sections : sections);
}

}  // namespace siyu::planner
