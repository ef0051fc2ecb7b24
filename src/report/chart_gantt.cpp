#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <unordered_map>

#include "report/chart_kinds.h"
#include "report/document.h"
#include "report/svg.h"

namespace siyu::report {
namespace {

constexpr double kRow = 24, kBar = 14;
constexpr double kMaxDays = 36'500;  // a plan of more than a century is a slip
constexpr std::string_view kPlain = "#8fb4da", kCritical = kAccent;
constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// A row of the chart: a phase's name, or a task.
struct Line {
  const GanttTask* task = nullptr;
  std::string phase;
};

bool has_place(const GanttTask& task) {
  return is_drawable(task.start) && std::abs(task.start) <= kMaxDays && (task.milestone || (is_drawable(task.end) && std::abs(task.end) <= kMaxDays));
}

std::vector<Line> lines_of(const GanttChart& chart) {
  std::vector<Line> lines;
  std::string phase;
  for (const auto& task : chart.tasks) {
    if (!has_place(task)) continue;
    if (task.group != phase && !task.group.empty()) lines.push_back({nullptr, task.group});
    phase = task.group;
    lines.push_back({&task, {}});
  }
  return lines;
}

double end_of(const GanttTask& task) { return task.milestone ? task.start : std::max(task.end, task.start); }

struct Mark {
  double day = 0;
  std::string label;
};

/// Month beginnings in a long plan.
std::vector<Mark> month_marks(std::chrono::sys_days begin, double low, double high, int stride, Language language) {
  std::vector<Mark> marks;
  const std::chrono::year_month_day first{begin + std::chrono::days(static_cast<int>(std::floor(low)))};
  auto month = first.year() / first.month();
  for (int i = 0; i < 2400; i += stride, month += std::chrono::months(stride)) {
    const double day = static_cast<double>((std::chrono::sys_days(month / 1) - begin).count());
    if (day > high) break;
    if (day < low) continue;
    const auto number = static_cast<unsigned>(month.month());
    const bool tell_year = number == 1 || marks.empty();
    if (language == Language::kZh) marks.push_back({day, tell_year ? fmt::format("{}年{}月", static_cast<int>(month.year()), number) : fmt::format("{}月", number)});
    else marks.push_back({day, tell_year ? fmt::format("{} {}", kMonths[number - 1], static_cast<int>(month.year())) : kMonths[number - 1]});
  }
  return marks;
}

std::vector<Mark> time_marks(const GanttChart& chart, double low, double high, Language language) {
  const double span = high - low;
  const auto date = parse_date(chart.begins);
  if (date && span > 100) {
    const int stride = span > 3650 ? 12 : span > 1500 ? 6 : span > 500 ? 2 : 1;
    return month_marks(std::chrono::sys_days(*date), low, high, stride, language);
  }
  double step = 1;
  for (const double wanted : {1.0, 2.0, 7.0, 14.0, 28.0, 56.0, 112.0, 364.0, 1820.0, 3640.0})
    if (step = wanted; span / step <= 11) break;
  std::vector<Mark> marks;
  for (double day = std::ceil(low / step) * step; day <= high + 1e-9; day += step) {
    if (date) {
      const std::chrono::year_month_day at{std::chrono::sys_days(*date) + std::chrono::days(static_cast<int>(day))};
      const auto month = static_cast<unsigned>(at.month()), number = static_cast<unsigned>(at.day());
      marks.push_back({day, language == Language::kZh ? fmt::format("{}月{}日", month, number) : fmt::format("{} {}", number, kMonths[month - 1])});
    } else if (step >= 7) {
      const int week = static_cast<int>(std::lround(day / 7));
      marks.push_back({day, language == Language::kZh ? fmt::format("{} 周", week) : fmt::format("wk {}", week)});
    } else {
      marks.push_back({day, language == Language::kZh ? fmt::format("{} 天", static_cast<int>(day)) : fmt::format("d {}", static_cast<int>(day))});
    }
  }
  return marks;
}

std::string task_tip(const GanttTask& task, Language language) {
  if (task.milestone) return task.name;
  return fmt::format("{} · {} {}", task.name, format_number(end_of(task) - task.start, 1), language == Language::kZh ? "天" : "days");
}

struct Frame {
  double left = 0, right = 0, top = 0;
  ScaleMap days;
  double middle(std::size_t line) const { return top + kRow * (static_cast<double>(line) + 0.5); }
};

void draw_links(Svg& svg, const Frame& frame, const std::vector<Line>& lines) {
  std::unordered_map<std::string_view, std::size_t> place;
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (lines[i].task != nullptr && !lines[i].task->id.empty()) place.emplace(lines[i].task->id, i);
  for (std::size_t to = 0; to < lines.size(); ++to) {
    if (lines[to].task == nullptr) continue;
    for (const auto& id : lines[to].task->after) {
      const auto found = place.find(id);
      if (found == place.end() || found->second == to) continue;
      const double x1 = frame.days.at(end_of(*lines[found->second].task)), y1 = frame.middle(found->second);
      const double x2 = frame.days.at(lines[to].task->start), y2 = frame.middle(to);
      const bool down = y2 > y1;
      const auto n = Svg::number;
      // Down from the end where the next one begins, and onto its upper edge; around when it begins earlier.
      const double edge = y2 + (down ? -kBar / 2 - 1 : kBar / 2 + 1);
      const double x = std::max(x1, x2 + 4);
      svg.path("M" + n(x1) + " " + n(y1) + "L" + n(x) + " " + n(y1) + "L" + n(x) + " " + n(edge), "none", kAxisLine, 1);
      const double back = down ? -4 : 4;
      svg.path("M" + n(x - 2.6) + " " + n(edge + back) + "L" + n(x + 2.6) + " " + n(edge + back) + "L" + n(x) + " " + n(edge) + "Z", kAxisLine);
    }
  }
}

void draw_task(Svg& svg, const Frame& frame, const GanttTask& task, double middle, Language language) {
  const double x = frame.days.at(task.start);
  const auto n = Svg::number;
  if (task.milestone) {
    svg.path("M" + n(x) + " " + n(middle - 7) + "L" + n(x + 7) + " " + n(middle) + "L" + n(x) + " " + n(middle + 7) + "L" + n(x - 7) + " " + n(middle) + "Z", kAlarm, {},
             0, {}, task_tip(task, language));
    return;
  }
  const double width = std::max(frame.days.at(end_of(task)) - x, 2.0);
  svg.rect(x, middle - kBar / 2, width, kBar, task.critical ? kCritical : kPlain, 3, task_tip(task, language));
  const auto length = format_number(end_of(task) - task.start, 1) + (language == Language::kZh ? " 天" : " d");
  if (text_width(length, 9) + 8 < width)
    svg.text(x + width / 2, middle + 3.3, length, {.anchor = Anchor::kMiddle, .size = 9, .colour = task.critical ? "#ffffff" : kInkOnColour});
  else svg.text(x + width + 9, middle + 4, length, {.size = 9.5, .colour = kMuted, .halo = true});
}

void draw_names(Svg& svg, const Frame& frame, const std::vector<Line>& lines) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const double y = frame.middle(i) + 4.2;
    if (lines[i].task == nullptr) {
      svg.text(8, y, fit_text(lines[i].phase, frame.left - 20, kLabelSize * 1.05), {.bold = true});
      continue;
    }
    const double indent = lines[i].task->group.empty() ? 8 : 20;
    svg.text(indent, y, fit_text(lines[i].task->name, frame.left - indent - 10, kLabelSize));
  }
}

}  // namespace

Drawing draw(const GanttChart& chart, Language language, const std::string& label) {
  const auto lines = lines_of(chart);
  if (lines.empty()) return draw_nothing(chart.title, label, language);
  Svg svg;
  double y = draw_title(svg, chart.title);
  const auto any = [&](auto of) { return std::ranges::any_of(lines, [&](const Line& line) { return line.task != nullptr && of(*line.task); }); };
  std::vector<std::pair<std::string, std::string>> legend;
  if (any([](const GanttTask& task) { return task.critical; })) {
    legend.emplace_back(language == Language::kZh ? "关键路径" : "critical path", kCritical);
    legend.emplace_back(language == Language::kZh ? "其他任务" : "other tasks", kPlain);
  }
  if (any([](const GanttTask& task) { return task.milestone; })) legend.emplace_back(language == Language::kZh ? "里程碑" : "milestone", kAlarm);
  if (!legend.empty()) y = draw_legend(svg, legend, 8, y, kChartWidth - 16, false);

  double low = 1e9, high = -1e9, names = 60;
  for (const auto& line : lines) {
    if (line.task == nullptr) {
      names = std::max(names, text_width(line.phase, kLabelSize * 1.05));
      continue;
    }
    low = std::min(low, line.task->start);
    high = std::max(high, end_of(*line.task));
    names = std::max(names, text_width(line.task->name, kLabelSize) + 12);
  }
  low = std::min(low, 0.0);
  if (high - low < 1) high = low + 1;
  Frame frame{.left = std::min(names, 240.0) + 22, .right = kChartWidth - 50, .top = y + 24, .days = {}};
  frame.days = {.low = low, .high = high, .log = false, .from = frame.left, .to = frame.right};

  const double bottom = frame.top + kRow * static_cast<double>(lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (lines[i].task == nullptr) svg.rect(4, frame.top + kRow * static_cast<double>(i), kChartWidth - 8, kRow, kBand, 3);
  const auto marks = time_marks(chart, low, high, language);
  // Every mark has a line; as many are labelled as there is room for, evenly.
  double widest = 0;
  for (const auto& mark : marks) widest = std::max(widest, text_width(mark.label, kTickSize) + 10);
  const double apart = marks.size() > 1 ? frame.days.at(marks[1].day) - frame.days.at(marks[0].day) : widest;
  const auto stride = static_cast<std::size_t>(std::max(1.0, std::ceil(widest / std::max(apart, 1.0))));
  for (std::size_t i = 0; i < marks.size(); ++i) {
    const double x = frame.days.at(marks[i].day);
    svg.line(x, frame.top - 4, x, bottom, kGrid);
    if (i % stride == 0) svg.text(x, frame.top - 9, marks[i].label, {.size = kTickSize, .colour = kMuted});
  }
  draw_links(svg, frame, lines);
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (lines[i].task != nullptr) draw_task(svg, frame, *lines[i].task, frame.middle(i), language);
  draw_names(svg, frame, lines);
  svg.line(frame.left, bottom, frame.right, bottom, kAxisLine);
  return std::move(svg).finish(kChartWidth, bottom + 12, label);
}

}  // namespace siyu::report
