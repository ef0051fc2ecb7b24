#include "report/chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <pugixml.hpp>

#include <cmath>
#include <functional>

#include "base/text.h"
#include "report/sample_fixture.h"
#include "report/svg.h"

namespace siyu::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Boxes of all texts, by the same measure the charts use.
std::vector<std::pair<Box, std::string>> text_boxes(const pugi::xml_document& document) {
  std::vector<std::pair<Box, std::string>> boxes;
  for (const auto& found : document.select_nodes("//text[not(@aria-hidden)][not(@transform)]")) {
    const auto node = found.node();
    const double size = node.attribute("font-size").as_double(), width = text_width(node.text().get(), size);
    const std::string anchor = node.attribute("text-anchor").as_string("start");
    const double x = node.attribute("x").as_double() - (anchor == "middle" ? width / 2 : anchor == "end" ? width : 0);
    boxes.push_back({{x, node.attribute("y").as_double() - size * 0.72, width, size * 0.8}, node.text().get()});
  }
  return boxes;
}

/// Parses, and holds every element to what a chart may have: known elements, finite numbers, places within the drawing.
pugi::xml_document checked(const Drawing& drawing) {
  pugi::xml_document document;
  const auto parsed = document.load_buffer(drawing.svg.data(), drawing.svg.size(), pugi::parse_default | pugi::parse_declaration | pugi::parse_pi | pugi::parse_doctype);
  EXPECT_TRUE(parsed) << parsed.description() << "\n" << drawing.svg.substr(0, 2000);
  EXPECT_TRUE(is_valid_utf8(drawing.svg));
  EXPECT_GT(drawing.width, 0);
  EXPECT_GT(drawing.height, 0);
  EXPECT_LT(drawing.height, 20'000);
  const std::set<std::string> allowed{"svg", "title", "rect", "line", "circle", "path", "text"};
  std::function<void(pugi::xml_node)> walk = [&](pugi::xml_node node) {
    for (const auto& child : node.children()) {
      if (child.type() != pugi::node_element) {
        EXPECT_EQ(child.type(), pugi::node_pcdata);
        continue;
      }
      EXPECT_TRUE(allowed.contains(child.name())) << child.name();
      for (const auto& attribute : child.attributes()) {
        const std::string name = attribute.name(), value = attribute.value();
        EXPECT_FALSE(name.starts_with("on")) << name;
        if (name == "aria-label" || name == "class" || name == "font-family") continue;
        EXPECT_EQ(value.find("nan"), std::string::npos) << name << "=" << value;
        EXPECT_EQ(value.find("inf"), std::string::npos) << name << "=" << value;
        if (name == "x" || name == "x1" || name == "x2" || name == "cx")
          EXPECT_TRUE(std::stod(value) >= -1 && std::stod(value) <= drawing.width + 1) << child.name() << " " << name << "=" << value;
        if (name == "y" || name == "y1" || name == "y2" || name == "cy")
          EXPECT_TRUE(std::stod(value) >= -1 && std::stod(value) <= drawing.height + 1) << child.name() << " " << name << "=" << value;
      }
      walk(child);
    }
  };
  walk(document);
  for (const auto& [box, text] : text_boxes(document))
    EXPECT_TRUE(box.x >= -4 && box.x + box.width <= drawing.width + 4) << text << " from " << box.x << " to " << box.x + box.width;
  return document;
}

std::vector<double> attributes(const pugi::xml_document& document, const char* path, const char* name) {
  std::vector<double> out;
  for (const auto& found : document.select_nodes(path)) out.push_back(found.node().attribute(name).as_double());
  return out;
}

TEST(ReportChart, EverySampleIsWellFormedAndDrawnEquallyTwice) {
  for (const auto language : {Language::kZh, Language::kEn}) {
    for (const auto& chart : sample_charts(language == Language::kZh)) {
      const auto drawing = draw_chart(chart, language);
      checked(drawing);
      EXPECT_EQ(drawing.svg, draw_chart(chart, language).svg);
      EXPECT_THAT(drawing.svg, HasSubstr("role=\"img\" aria-label=\""));
    }
  }
}

TEST(ReportChart, WithoutDataItSaysSo) {
  const std::vector<Chart> empty{LineChart{.x = {}, .y = {}},
                                 BarChart{.value = {}},
                                 TornadoChart{},
                                 GanttChart{},
                                 DonutChart{},
                                 LineChart{.x = {}, .y = {}, .series = {{"s", {{1, kNan}, {kInfinity, 2}}}}},
                                 LineChart{.x = {.scale = Scale::kLog}, .y = {}, .series = {{"s", {{0, 1}, {-4, 2}}}}},
                                 BarChart{.categories = {"a"}, .series = {{"s", {kNan}}}, .value = {}},
                                 BarChart{.categories = {"a"}, .series = {{"s", {}}}, .value = {}},
                                 TornadoChart{.rows = {{"r", kNan, 1}}},
                                 TornadoChart{.base = kNan, .rows = {{"r", 0, 1}}},
                                 GanttChart{.tasks = {{"", "t", kNan, 1}}},
                                 GanttChart{.tasks = {{"", "t", 0, 1e50}}},
                                 DonutChart{.slices = {{"a", 0}, {"b", -3}, {"c", kNan}}}};
  for (const auto& chart : empty) {
    const auto drawing = draw_chart(chart, Language::kEn);
    checked(drawing);
    EXPECT_THAT(drawing.svg, HasSubstr("There is no data to draw"));
    EXPECT_THAT(draw_chart(chart, Language::kZh).svg, HasSubstr("没有可以绘制的数据"));
  }
}

TEST(ReportChart, OddValuesStayInTheDrawing) {
  const std::vector<std::vector<double>> rows{{5},
                                              {0},
                                              {-7},
                                              {-3, -2, -1},
                                              {-5, 5},
                                              {1e100, -1e100},
                                              {1e-90, 2e-90},
                                              {1e99, 1},
                                              {kNan, 3, kInfinity},
                                              {7, 7, 7},
                                              {1e15, 1e15 + 1},
                                              {1e300, 2},
                                              {0.1, 0.2, 0.30000001}};
  for (const auto& values : rows) {
    for (const auto scale : {Scale::kLinear, Scale::kLog}) {
      LineChart line{.title = "t",
                     .x = {.scale = scale},
                     .y = {.scale = scale},
                     .series = {{"s", {}}, {"u", {}}},
                     .thresholds = {{"limit", 3}, {"then", 2, true}, {"", kNan}},
                     .marked = {{"here", 2, 3}, {"there", kInfinity, 1}}};
      BarChart bar{.categories = {}, .series = {{"a", values}, {"b", values}}, .value = {.scale = scale}, .thresholds = {{"limit", 2}}};
      TornadoChart tornado{.base = values[0], .rows = {}};
      DonutChart donut;
      GanttChart gantt{.begins = "2026-01-31", .tasks = {}};
      for (std::size_t i = 0; i < values.size(); ++i) {
        line.series[0].points.push_back({values[i], values[values.size() - 1 - i]});
        line.series[1].points.push_back({static_cast<double>(i) + 1, values[i]});
        bar.categories.push_back("c" + std::to_string(i));
        tornado.rows.push_back({"r", values[i], -values[i]});
        donut.slices.push_back({"s", values[i]});
        gantt.tasks.push_back({"t", "task", values[i], values[0], i % 2 == 1, false, {}, {"t"}});
      }
      for (const bool flag : {false, true}) {
        bar.stacked = flag;
        for (const bool sideways : {false, true}) {
          bar.horizontal = sideways;
          checked(draw_chart(bar, Language::kZh));
        }
      }
      checked(draw_chart(line, Language::kZh));
      checked(draw_chart(tornado, Language::kZh));
      checked(draw_chart(donut, Language::kZh));
      checked(draw_chart(gantt, Language::kEn));
    }
  }
}

TEST(ReportChart, HostileTextIsTextOnly) {
  const std::string hostile = "\"/><script>alert('1')</script>]]>&amp;\x01\xff\u202E" + std::string(3000, 'W');
  const std::vector<Chart> charts{
      LineChart{.title = hostile,
                .x = {.title = hostile, .unit = hostile},
                .y = {.title = hostile},
                .series = {{hostile, {{1, 2}, {2, 3}}}, {hostile, {{1, 1}}}},
                .thresholds = {{hostile, 2}},
                .marked = {{hostile, 1, 2}}},
      BarChart{.title = hostile,
               .categories = {hostile, hostile},
               .series = {{hostile, {1, 2}}, {hostile, {2, 3}}},
               .value = {.title = hostile},
               .thresholds = {{hostile, 1}}},
      BarChart{.title = hostile, .categories = {hostile}, .series = {{hostile, {1}}}, .value = {}, .horizontal = true, .thresholds = {{hostile, 1}}},
      TornadoChart{.title = hostile, .unit = hostile, .base = 1, .rows = {{hostile, 0, 2, hostile, hostile}}},
      GanttChart{.title = hostile,
                 .begins = hostile,
                 .tasks = {{hostile, hostile, 0, 2, false, true, hostile, {hostile}}, {"b", hostile, 2, 2, true, false, hostile, {hostile}}}},
      DonutChart{.title = hostile, .unit = hostile, .slices = {{hostile, 1}, {hostile, 2}}, .centre_value = hostile, .centre_label = hostile}};
  for (const auto& chart : charts) {
    const auto drawing = draw_chart(chart, Language::kEn);
    checked(drawing);
    EXPECT_THAT(drawing.svg, Not(HasSubstr("<script")));
    EXPECT_THAT(drawing.svg, HasSubstr("&lt;script&gt;"));
  }
}

TEST(ReportChart, ScalesRiseAndHoldTheirValues) {
  for (const auto scale : {Scale::kLinear, Scale::kLog}) {
    for (const auto& values : std::vector<std::vector<double>>{{3, 17, 980}, {0.002, 0.7}, {12, 12}, {1e8, 3e9}, {-40, 12}, {1e-20, 1e20}}) {
      const auto [map, ticks] = make_scale(values, {.scale = scale}, 6, false, Language::kEn);
      EXPECT_LT(map.low, map.high);
      for (const double value : values) {
        if (scale == Scale::kLog && value <= 0) continue;
        EXPECT_LE(map.low, value + std::abs(value) * 1e-9);
        EXPECT_GE(map.high, value - std::abs(value) * 1e-9);
      }
      double before = -1e9;
      for (double value = map.low; value <= map.high; value = scale == Scale::kLog ? value * 1.7 : value + (map.high - map.low) / 50) {
        EXPECT_GE(map.at(value), before);
        before = map.at(value);
      }
      ASSERT_GE(ticks.values.size(), 2U);
      EXPECT_LE(ticks.values.size(), 24U);
      EXPECT_TRUE(std::ranges::is_sorted(ticks.values));
      std::set<std::string> labels(ticks.labels.begin(), ticks.labels.end());
      EXPECT_EQ(labels.size(), ticks.labels.size());
    }
  }
}

TEST(ReportChart, TicksAreOneTwoOrFive) {
  const auto labels = [](std::vector<double> values, Language language = Language::kEn) { return make_scale(values, {}, 6, true, language).second.labels; };
  EXPECT_THAT(labels({0, 2900}), ElementsAre("0", "500", "1,000", "1,500", "2,000", "2,500", "3,000"));
  EXPECT_THAT(labels({0, 0.9}), ElementsAre("0", "0.2", "0.4", "0.6", "0.8", "1"));
  EXPECT_THAT(labels({-3, 5}), ElementsAre("-4", "-2", "0", "2", "4", "6"));
  EXPECT_THAT(labels({0, 4.2e6}, Language::kZh), ElementsAre("0", "100万", "200万", "300万", "400万", "500万"));
  EXPECT_THAT(labels({0, 4.2e6}), ElementsAre("0", "1M", "2M", "3M", "4M", "5M"));
}

TEST(ReportChart, NumbersReadAsPeopleWriteThem) {
  EXPECT_EQ(format_number(1012500), "1,012,500");
  EXPECT_EQ(format_number(-1234.5), "-1,234.5");
  EXPECT_EQ(format_number(0.25), "0.25");
  EXPECT_EQ(format_number(0.0004), "0.0004");
  EXPECT_EQ(format_number(-0.0), "0");
  EXPECT_EQ(format_number(-0.000001), "-1e-06");
  EXPECT_EQ(format_number(1.5e20), "1.5e20");
  EXPECT_EQ(format_number(kNan), "—");
}

TEST(ReportChart, BarsAreAsLongAsTheirValues) {
  const auto document = checked(draw_chart(BarChart{.categories = {"a", "b", "c"}, .series = {{"s", {10, 20, 40}}}, .value = {}}, Language::kEn));
  const auto heights = attributes(document, "//rect[title]", "height");
  ASSERT_EQ(heights.size(), 3U);
  EXPECT_NEAR(heights[1], 2 * heights[0], 0.05);
  EXPECT_NEAR(heights[2], 4 * heights[0], 0.05);
  const auto sideways = checked(draw_chart(BarChart{.categories = {"a", "b"}, .series = {{"s", {-10, 30}}}, .value = {}, .horizontal = true}, Language::kEn));
  const auto widths = attributes(sideways, "//rect[title]", "width");
  ASSERT_EQ(widths.size(), 2U);
  EXPECT_NEAR(widths[1], 3 * widths[0], 0.05);
}

TEST(ReportChart, StacksStandOnEachOtherAndTellTheirSum) {
  const auto drawing = draw_chart(BarChart{.categories = {"a"}, .series = {{"s", {10}}, {"t", {30}}}, .value = {}, .stacked = true}, Language::kEn);
  const auto document = checked(drawing);
  const auto y = attributes(document, "//rect[title]", "y"), height = attributes(document, "//rect[title]", "height");
  ASSERT_EQ(y.size(), 2U);
  EXPECT_NEAR(y[1] + height[1], y[0], 0.05);
  EXPECT_TRUE(document.select_node("//text[.='40']"));
}

TEST(ReportChart, TheWidestAssumptionComesFirst) {
  const auto document = checked(draw_chart(TornadoChart{.base = 10, .rows = {{"narrow", 9, 11}, {"wide", 2, 30}, {"middle", 14, 6}}}, Language::kEn));
  std::vector<std::pair<double, std::string>> order;
  for (const std::string name : {"narrow", "wide", "middle"})
    order.emplace_back(document.select_node(("//text[.='" + name + "']").c_str()).node().attribute("y").as_double(), name);
  std::ranges::sort(order);
  EXPECT_EQ(order[0].second, "wide");
  EXPECT_EQ(order[1].second, "middle");
}

TEST(ReportChart, TasksStandAtTheirDays) {
  const GanttChart chart{.begins = "2026-03-02", .tasks = {{"a", "first", 0, 10}, {"b", "second", 10, 30, false, true, {}, {"a"}}, {"m", "done", 30, 30, true}}};
  const auto document = checked(draw_chart(chart, Language::kEn));
  const auto x = attributes(document, "//rect[title]", "x"), width = attributes(document, "//rect[title]", "width");
  ASSERT_EQ(x.size(), 2U);
  EXPECT_NEAR(x[0] + width[0], x[1], 0.05);
  EXPECT_NEAR(width[1], 2 * width[0], 0.05);
  EXPECT_TRUE(document.select_node("//text[.='2 Mar']"));
  EXPECT_TRUE(document.select_node("//path[title='done']"));
}

TEST(ReportChart, SharesComeToAHundred) {
  const auto document = checked(draw_chart(DonutChart{.slices = {{"a", 3}, {"b", 1}}}, Language::kEn));
  EXPECT_TRUE(document.select_node("//text[.='75 %']"));
  EXPECT_TRUE(document.select_node("//text[.='25 %']"));
  const auto whole = checked(draw_chart(DonutChart{.slices = {{"all", 5}}}, Language::kEn));
  EXPECT_EQ(whole.select_nodes("//path").size(), 1U);
}

TEST(ReportChart, LongLabelsAreCutOrWrappedWithinTheirWidth) {
  const std::string longest = "一个非常非常长的类别名称，用来检验换行与截断是否正确，并且它还在继续";
  EXPECT_LE(text_width(fit_text(longest, 100, 12), 12), 100);
  EXPECT_TRUE(fit_text(longest, 100, 12).ends_with("…"));
  EXPECT_EQ(fit_text("short", 100, 12), "short");
  const auto lines = wrap_text(longest, 120, 12, 2);
  ASSERT_EQ(lines.size(), 2U);
  for (const auto& line : lines) EXPECT_LE(text_width(line, 12), 120);
  EXPECT_TRUE(lines[1].ends_with("…"));
  EXPECT_THAT(wrap_text("two words", 40, 12, 3), ElementsAre("two", "words"));
  EXPECT_TRUE(wrap_text("", 40, 12, 3).empty());
}

TEST(ReportChart, NoTextLiesOverAnother) {
  for (const bool chinese : {true, false}) {
    for (const auto& chart : sample_charts(chinese)) {
      const auto boxes = text_boxes(checked(draw_chart(chart, chinese ? Language::kZh : Language::kEn)));
      for (std::size_t i = 0; i < boxes.size(); ++i)
        for (std::size_t j = i + 1; j < boxes.size(); ++j)
          EXPECT_FALSE(boxes[i].first.meets(boxes[j].first)) << boxes[i].second << " over " << boxes[j].second << " in " << describe_chart(chart, Language::kEn);
    }
  }
}

TEST(ReportChart, LimitsAreTold) {
  EXPECT_FALSE(check_chart(LineChart{.x = {}, .y = {}, .series = {{"s", std::vector<Point>(kMaxChartValues + 1)}}}));
  EXPECT_FALSE(check_chart(GanttChart{.tasks = std::vector<GanttTask>(kMaxChartRows + 1)}));
  EXPECT_FALSE(check_chart(DonutChart{.slices = std::vector<DonutSlice>(kMaxChartRows + 1)}));
  EXPECT_TRUE(check_chart(GanttChart{.tasks = std::vector<GanttTask>(kMaxChartRows)}));
}

}  // namespace
}  // namespace siyu::report
