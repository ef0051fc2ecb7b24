#include "planner/papers/pen.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "planner/advise/facts.h"

namespace siyu::planner {
namespace {

using report::Language;
using report::Rich;

constexpr double kTenThousand = 1e4, kHundredMillion = 1e8;  ///< 万, 亿

struct Step {
  double from;
  const char* unit;
};

std::string scaled(double value, std::initializer_list<Step> steps, const char* least) {
  for (const auto& step : steps)
    if (std::abs(value) >= step.from) return fmt::format("{} {}", plain_number(value / step.from), step.unit);
  return fmt::format("{} {}", plain_number(value), least);
}

}  // namespace

std::string unknown_word(Language language) { return language == Language::kZh ? "未知" : "unknown"; }

std::string capitalised(std::string text) {
  if (!text.empty() && text.front() >= 'a' && text.front() <= 'z') text.front() = static_cast<char>(text.front() - 'a' + 'A');
  return text;
}

std::string unit_word(std::string_view unit, Language language) {
  static const std::pair<std::string_view, Words> kUnits[] = {{"server", {"servers", "台"}},
                                                              {"servers", {"servers", "台"}},
                                                              {"card", {"cards", "张"}},
                                                              {"cards", {"cards", "张"}},
                                                              {"replica", {"replicas", "副本"}},
                                                              {"replicas", {"replicas", "副本"}},
                                                              {"drive", {"drives", "块"}},
                                                              {"storage node", {"storage nodes", "节点"}},
                                                              {"node", {"nodes", "节点"}},
                                                              {"port", {"ports", "端口"}},
                                                              {"tokens", {"tokens", "词元"}},
                                                              {"token", {"tokens", "词元"}},
                                                              {"tokens/s", {"tokens/s", "词元/秒"}},
                                                              {"requests/s", {"requests/s", "请求/秒"}},
                                                              {"requests", {"requests", "次"}},
                                                              {"sequences", {"sequences", "路"}},
                                                              {"parameters", {"parameters", "参数"}},
                                                              {"months", {"months", "个月"}},
                                                              {"month", {"month", "月"}},
                                                              {"years", {"years", "年"}},
                                                              {"year", {"years", "年"}},
                                                              {"% per unit of cost", {"% per unit of cost", "%/单位成本"}},
                                                              {"kWh", {"kWh", "千瓦时"}},
                                                              {"bit", {"bits", "位"}},
                                                              {"pair", {"pairs", "对"}},
                                                              {"person", {"persons", "人"}},
                                                              {"persons", {"persons", "人"}},
                                                              {"day", {"days", "天"}},
                                                              {"s", {"s", "秒"}},
                                                              {"days", {"days", "天"}},
                                                              {"licence", {"licences", "套"}},
                                                              {"set", {"sets", "套"}},
                                                              {"cases", {"cases", "例"}},
                                                              {"users", {"users", "人"}},
                                                              {"layers", {"layers", "层"}},
                                                              {"person-years", {"person-years", "人年"}},
                                                              {"unit", {"units", "个"}},
                                                              {"units", {"units", "个"}},
                                                              {"rack units", {"rack units", "U"}},
                                                              {"steps", {"steps", "步"}},
                                                              {"B/token", {"B/token", "B/词元"}},
                                                              {"FLOP/token", {"FLOP/token", "FLOP/词元"}}};
  const auto at = std::ranges::find(kUnits, unit, [](const auto& one) { return one.first; });
  if (at == std::end(kUnits)) {
    // tokens/day: each part by its own word.
    const auto slash = unit.find('/');
    if (slash == std::string_view::npos || slash == 0 || slash + 1 == unit.size()) return std::string(unit);
    return unit_word(unit.substr(0, slash), language) + "/" +
           (language == Language::kEn ? std::string(unit.substr(slash + 1)) : unit_word(unit.substr(slash + 1), language));
  }
  return language == Language::kZh ? at->second.zh : at->second.en;
}

namespace {

/// A price of something: "CNY 90,000 / card", "9 万元/张".
std::string show_price(double value, std::string_view unit, Language language) {
  const auto slash = unit.find('/');
  auto out = show_money(value, unit.substr(0, slash), language);
  for (auto rest = unit.substr(slash); !rest.empty();) {
    const auto end = std::min(rest.find('/', 1), rest.size());
    auto word = rest.substr(1, end - 1) == "1M tokens" ? (language == Language::kZh ? "百万词元" : "million tokens") : unit_word(rest.substr(1, end - 1), language);
    if (language == Language::kEn && word.ends_with('s') && word != "tokens" && !word.starts_with("million")) word.pop_back();
    out += (language == Language::kZh ? "/" : " / ") + word;
    rest.remove_prefix(end);
  }
  return out;
}

}  // namespace

std::string show_value(std::optional<double> value, std::string_view unit, Language language) {
  if (!value) return unknown_word(language);
  if (unit.empty()) return plain_number(*value);
  if (unit == "B") return scaled(*value, {{1e15, "PB"}, {1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "KB"}}, "B");
  if (unit == "B/s") return scaled(*value, {{1e12, "TB/s"}, {1e9, "GB/s"}, {1e6, "MB/s"}, {1e3, "KB/s"}}, "B/s");
  if (unit == "GB/s") return *value >= 1 || *value == 0 ? fmt::format("{} GB/s", plain_number(*value)) : fmt::format("{} MB/s", plain_number(*value * 1e3));
  if (unit == "FLOP/s") return scaled(*value, {{1e15, "PFLOPS"}, {1e12, "TFLOPS"}, {1e9, "GFLOPS"}}, "FLOPS");
  if (unit == "FLOP") return scaled(*value, {{1e15, "PFLOP"}, {1e12, "TFLOP"}, {1e9, "GFLOP"}}, "FLOP");
  if (unit == "s")
    return *value == 0 || *value >= 1 ? fmt::format("{} {}", plain_number(*value), language == Language::kZh ? "秒" : "s")
                                      : scaled(*value, {{1e-3, "ms"}, {1e-6, "µs"}}, "s");
  if (unit.starts_with("s per ")) {
    const auto each = language == Language::kEn ? std::string(unit.substr(6)) : unit_word(unit.substr(6), language);
    return *value != 0 && *value < 1e-6 ? fmt::format("{} ns/{}", plain_number(*value * 1e9), each) : show_value(value, "s", language) + "/" + each;
  }
  if (unit == "W") return *value >= 1e4 ? fmt::format("{} kW", plain_number(*value / 1e3)) : fmt::format("{} W", plain_number(*value));
  if (unit == "parameters" && *value >= 1e6) return language == Language::kZh ? parameters_words(*value).zh : parameters_words(*value).en;
  if (unit == "%") return fmt::format("{}{}", plain_number(*value), language == Language::kZh ? "%" : " %");
  if (unit == "CNY" || unit == "USD" || unit == "EUR") return show_money(value, unit, language);
  if (unit.starts_with("CNY/") || unit.starts_with("USD/") || unit.starts_with("EUR/")) return show_price(*value, unit, language);
  if (unit == "ms") return *value >= 1000 ? show_value(*value / 1e3, "s", language) : fmt::format("{} ms", plain_number(*value));
  if (unit == "GB") return show_value(*value * 1e9, "B", language);
  auto word = unit_word(unit, language);
  if (unit.starts_with("tokens") && std::abs(*value) >= 1e6)
    return language == Language::kZh ? short_number(*value).zh + word : fmt::format("{} {}", short_number(*value).en, word);
  if (language == Language::kEn && std::abs(*value) == 1 && word.ends_with('s') && !word.ends_with("/s")) word.pop_back();
  return fmt::format("{} {}", plain_number(*value), word);
}

std::string show_money(std::optional<double> value, std::string_view currency, Language language) {
  if (!value) return unknown_word(language);
  if (language == Language::kEn) return fmt::format("{} {}", currency, plain_number(std::abs(*value) >= 100 ? std::round(*value) : *value));
  const std::string name = currency == "CNY" ? "元" : currency == "USD" ? "美元" : currency == "EUR" ? "欧元" : std::string(currency);
  // One digit behind the point: what a round sum of 万 hides would be missed in a bill.
  const auto tenths = [](double amount) { return amount == std::round(amount) || std::abs(amount) >= 1000 ? plain_number(amount) : fmt::format("{:.1f}", amount); };
  if (std::abs(*value) >= kHundredMillion) return fmt::format("{} 亿{}", plain_number(*value / kHundredMillion), name);
  if (std::abs(*value) >= kTenThousand) return fmt::format("{} 万{}", tenths(*value / kTenThousand), name);
  return fmt::format("{} {}", plain_number(*value), name);
}

std::vector<FigureSection> all_sections(const PaperInput& input) {
  auto sections = input.sections;
  std::vector<Figure> storage, network, other;
  for (const auto& figure : input.advice.figures)
    (figure.id.starts_with("storage.") ? storage : figure.id.starts_with("network.") ? network : other).push_back(figure);
  if (!storage.empty()) sections.push_back({{"Storage plan", "存储规划"}, std::move(storage)});
  if (!network.empty()) sections.push_back({{"Network plan", "网络规划"}, std::move(network)});
  if (!other.empty()) sections.push_back({{"Other advice", "其他建议"}, std::move(other)});
  return sections;
}

std::vector<Words> not_given(const PaperInput& input) {
  std::vector<Words> once;
  // Those who fill the input may have taken the advice's own over already.
  for (const auto* list : {&input.missing, &input.advice.missing})
    for (const auto& one : *list)
      if (std::ranges::find(once, one.en, &Words::en) == once.end()) once.push_back(one);
  return once;
}

Pen::Pen(Paper paper, const PaperInput& input, Language language) : input_(input), language_(language) {
  document_.title = say(name_of(paper));
  document_.subtitle = input.scenario.name;
  document_.organisation = input.scenario.organisation ? input.scenario.organisation->name : "";
  document_.author = input.author;
  document_.date = input.date;
  document_.language = language;
  document_.classification = input.classification;
  document_.revision = input.revision;
  document_.title_page = true;
  document_.numbered_headings = true;
  document_.blocks.emplace_back(report::TableOfContents{.levels = 2});
}

std::string Pen::money(std::optional<double> amount) const { return show_money(amount, input_.cost ? input_.cost->currency : input_.currency, language_); }

const Figure* Pen::figure(std::string_view id) const {
  for (const auto& section : input_.sections)
    for (const auto& one : section.figures)
      if (one.id == id) return &one;
  return input_.advice.figure(id);
}

std::string Pen::figure_value(std::string_view id) const {
  const auto* found = figure(id);
  return found == nullptr ? unknown() : value(found->value, found->unit);
}

void Pen::heading(int level, const Words& words) { document_.blocks.emplace_back(report::Heading{.level = level, .text = say(words)}); }
void Pen::text(const Words& words) { document_.blocks.emplace_back(report::Paragraph{.text = say(words)}); }
void Pen::rich(Rich text) { document_.blocks.emplace_back(report::Paragraph{.text = std::move(text)}); }
void Pen::callout(report::Tone tone, const Words& title, const Words& words) {
  document_.blocks.emplace_back(report::Callout{.tone = tone, .title = say(title), .text = say(words)});
}
void Pen::chart(report::Chart chart, const Words& caption) { document_.blocks.emplace_back(report::ChartBlock{.chart = std::move(chart), .caption = say(caption)}); }
void Pen::page_break() { document_.blocks.emplace_back(report::PageBreak{}); }
void Pen::key_figures(std::vector<report::KeyFigure> figures) {
  if (!chinese())
    for (auto& one : figures) one.label = capitalised(std::move(one.label)), one.value = capitalised(std::move(one.value));
  if (!figures.empty()) document_.blocks.emplace_back(report::KeyFigures{.figures = std::move(figures)});
}

void Pen::bullets(const std::vector<Words>& items) {
  report::List list;
  for (const auto& item : items) list.items.push_back({.text = chinese() ? item.zh : capitalised(item.en)});
  if (!list.items.empty()) document_.blocks.emplace_back(std::move(list));
}

void Pen::list(std::vector<report::ListItem> items) { document_.blocks.emplace_back(report::List{.items = std::move(items)}); }

void Pen::steps(const std::vector<Words>& items) {
  report::List list{.items = {}, .numbered = true};
  for (const auto& item : items) list.items.push_back({.text = say(item)});
  if (!list.items.empty()) document_.blocks.emplace_back(std::move(list));
}

void Pen::table(const std::vector<Column>& columns, std::vector<report::Row> rows, const Words& caption) {
  report::Table table{.columns = {}, .rows = std::move(rows), .caption = say(caption)};
  for (const auto& one : columns)
    table.columns.push_back(
        {.title = chinese() ? one.title.zh : capitalised(one.title.en), .align = one.number ? report::Align::kEnd : report::Align::kStart, .width = one.width});
  for (auto& row : table.rows) {
    row.cells.resize(columns.size());
    for (auto& cell : row.cells)
      if (cell.plain().empty()) cell = Rich("—");
      else if (!chinese() && !cell.runs.front().code) cell.runs.front().text = capitalised(std::move(cell.runs.front().text));
  }
  document_.blocks.emplace_back(std::move(table));
}

int Pen::numbered(const std::string& source) {
  const auto at = std::ranges::find(document_.sources, source, &report::Source::text);
  if (at != document_.sources.end()) return static_cast<int>(at - document_.sources.begin()) + 1;
  document_.sources.push_back({.text = source});
  return static_cast<int>(document_.sources.size());
}

Rich Pen::source(const Phrase& source) {
  if (source.empty()) return Rich(unknown());
  if (source.translated()) return Rich(say(source));
  return Rich(report::Run{.text = "", .source = numbered(source.en)});  // a document to look up
}

const Figure* Pen::figure_of(const FigureSection& section, std::string_view id) const {
  const auto at = std::ranges::find(section.figures, id, &Figure::id);
  return at != section.figures.end() ? &*at : figure(id);
}

void Pen::figure_table(const FigureSection& section) {
  std::vector<report::Row> rows;
  for (const auto& figure : section.figures) {
    Rich inputs;
    for (const auto& one : figure.inputs) {
      if (!inputs.runs.empty()) inputs.runs.push_back({.text = "\n"});
      inputs.runs.push_back(report::code(say(one.name)));
      // An input that is an unknown figure carries a number that says nothing.
      const auto* behind = one.figure ? figure_of(section, *one.figure) : nullptr;
      inputs.runs.push_back({.text = " = " + (behind != nullptr && !behind->value ? unknown() : value(one.value, one.unit))});
      if (one.figure) {
        inputs.runs.push_back({.text = chinese() ? "，见 " : ", see "});
        inputs.runs.push_back(report::code(*one.figure));
      } else if (one.source) {
        const auto mark = source(*one.source);
        if (mark.plain().empty()) inputs.runs.insert(inputs.runs.end(), mark.runs.begin(), mark.runs.end());
        else inputs.runs.push_back({.text = (chinese() ? "（" : " (") + mark.plain() + (chinese() ? "）" : ")")});
      }
    }
    Rich name{say(figure.label), "\n", report::code(figure.id)};
    Rich formula = figure.formula.empty() ? Rich() : Rich(report::code(say(figure.formula)));
    if (figure.note) {
      if (!formula.runs.empty()) formula.runs.push_back({.text = "\n"});
      formula.runs.push_back({.text = say(*figure.note), .italic = true});
    }
    rows.push_back({.cells = {std::move(name), value(figure.value, figure.unit), std::move(formula), std::move(inputs)}});
  }
  table({{{"Figure", "指标"}, 3.4}, {{"Value", "数值"}, 1.6, true}, {{"Formula, note", "公式与说明"}, 3.4}, {{"Inputs and their sources", "输入及来源"}, 4}},
        std::move(rows));
}

void Pen::appendix(const std::vector<FigureSection>& sections) {
  page_break();
  heading(1, {"Appendix: all figures", "附录：全部指标"});
  text({"Every figure with its formula, its inputs and their sources. A figure without a value is unknown, and its note says why.",
        "列出每项指标的公式、输入及来源。无数值者为未知，说明中给出原因。"});
  if (sections.empty()) text({"No figures were reckoned.", "未测算任何指标。"});
  for (const auto& section : sections) {
    heading(2, section.title);
    figure_table(section);
  }
}

void Pen::basis() {
  heading(1, {"Basis and limits", "依据与局限"});
  text(
      {"This paper was made by the deployment planner from the scenario, its catalogue of published facts and stated rules. What is marked unknown was not guessed. "
       "Statements on compliance are self-assessed and "
       "must be verified against the original texts.",
       "本文件由部署规划器依据方案输入、公开资料参数库与既定规则生成。标为“未知”者未作臆测。合规结论为自评，须对照规范原文核实。"});
  auto assumptions = input_.advice.mode.assumptions;
  assumptions.insert(assumptions.end(), input_.project.assumptions.begin(), input_.project.assumptions.end());
  if (!assumptions.empty()) {
    heading(2, {"Assumptions", "假设"});
    bullets(assumptions);
  }
  if (const auto missing = not_given(input_); !missing.empty()) {
    heading(2, {"Not given", "未给出的信息"});
    bullets(missing);
  }
  if (!input_.measured.empty() || !input_.published.empty()) {
    heading(2, {"Measured and published", "实测与公开数据"});
    if (!input_.measured.empty()) text({"Measured:", "实测："}), bullets(input_.measured);
    if (!input_.published.empty()) text({"Published by others:", "他方公开："}), bullets(input_.published);
  }
}

}  // namespace siyu::planner
