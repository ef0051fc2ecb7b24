#include "report/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_set>

#include "report/escape.h"

namespace siyu::report {
namespace {

bool has_scheme(std::string_view address, std::string_view scheme) {
  return address.size() > scheme.size() && std::equal(scheme.begin(), scheme.end(), address.begin(), [](char a, char b) { return a == (b | 0x20) || a == b; });
}

/// Spaces and quotation marks cannot stand in an address; what has them is no address.
bool is_address(std::string_view address) {
  if (address.size() > 2000 || address.find_first_of(" \"<>`{}|\\^\n") != std::string_view::npos) return false;
  for (const std::string_view scheme : {"http://", "https://", "mailto:"})
    if (has_scheme(address, scheme)) return true;
  return false;
}

/// ASCII letters, digits and - of what is given.
std::string anchor_text(std::string_view given) {
  std::string out;
  for (const char c : given.substr(0, 200))
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-') out += c;
  return out;
}

/// Walks a document and cleans it, counting what it holds.
class Preparation {
 public:
  explicit Preparation(const Document& document) : source_count_(document.sources.size()) {}

  Status run(Document& document) {
    if (document.blocks.size() > kMaxBlocks) return too_large("blocks", kMaxBlocks);
    if (document.sources.size() > kMaxSources) return too_large("sources", kMaxSources);
    for (auto* text : {&document.title, &document.subtitle, &document.organisation, &document.author, &document.date, &document.classification, &document.revision})
      line(*text);
    for (auto& source : document.sources) {
      line(source.text);
      source.address = clean_line(source.address);
      if (!is_address(source.address) || source.address.starts_with("mailto:")) source.address.clear();
    }
    for (auto& block : document.blocks) {
      RETURN_IF_ERROR(std::visit([&](auto& kind) { return prepare(kind); }, block));
      if (bytes_ > kMaxTextBytes) return too_large("bytes of text", kMaxTextBytes);
    }
    return {};
  }

 private:
  static std::unexpected<Error> too_large(std::string_view what, std::size_t limit) {
    return fail(ErrorCode::kTooLarge, fmt::format("The report has more than {} {}; split it, or leave detail to an attachment", limit, what));
  }

  Status count_cells(std::size_t more) {
    cells_ += more;
    if (cells_ > kMaxCells) return too_large("table cells, list items and figures", kMaxCells);
    return {};
  }

  void line(std::string& text) {
    text = clean_line(text);
    bytes_ += text.size();
  }

  void rich(Rich& text) {
    for (auto& run : text.runs) {
      run.text = clean_lines(run.text);
      bytes_ += run.text.size();
      run.link = clean_line(run.link);
      if (run.link.starts_with('#')) run.link = "#" + anchor_text(run.link.substr(1));
      else if (!is_address(run.link)) run.link.clear();
      if (run.link == "#") run.link.clear();
      if (run.source < 0 || static_cast<std::size_t>(run.source) > source_count_) run.source = 0;
      if (run.subscript) run.superscript = false;
    }
    std::erase_if(text.runs, [](const Run& run) { return run.text.empty() && run.source == 0; });
    join_alike(text.runs);
  }

  /// Neighbours in one manner become one run: formats that mark the ends of a manner cannot tell two beside each other.
  static void join_alike(std::vector<Run>& runs) {
    std::vector<Run> joined;
    for (auto& run : runs) {
      Run alike = run;
      if (!joined.empty() && joined.back().source == 0) {
        alike.text = joined.back().text;
        alike.source = 0;
        if (!run.text.empty() && alike == joined.back()) {
          joined.back().text += run.text;
          joined.back().source = run.source;
          continue;
        }
      }
      joined.push_back(std::move(run));
    }
    runs = std::move(joined);
  }

  Status prepare(Heading& heading) {
    heading.level = std::clamp(heading.level, 1, 4);
    heading.anchor = anchor_text(heading.anchor);
    rich(heading.text);
    for (auto& run : heading.text.runs) std::ranges::replace(run.text, '\n', ' ');
    return {};
  }
  Status prepare(Paragraph& paragraph) { return rich(paragraph.text), Status{}; }
  Status items(std::vector<ListItem>& all, int depth) {
    if (depth > kMaxListDepth && !all.empty()) return too_large("levels of a list", kMaxListDepth);
    for (auto& item : all) {
      RETURN_IF_ERROR(count_cells(1));
      rich(item.text);
      RETURN_IF_ERROR(items(item.items, depth + 1));
    }
    return {};
  }
  Status prepare(List& list) { return items(list.items, 1); }
  Status prepare(Table& table) {
    if (table.columns.size() > kMaxColumns) return too_large("columns in a table", kMaxColumns);
    line(table.caption);
    for (auto& column : table.columns) {
      line(column.title);
      column.width = column.width > 0 && column.width < 1e6 ? column.width : 0;  // a value that is no number compares as false
    }
    RETURN_IF_ERROR(count_cells(table.columns.size() * table.rows.size()));
    for (auto& row : table.rows) {
      row.cells.resize(table.columns.size());
      for (auto& cell : row.cells) rich(cell);
    }
    return {};
  }
  Status prepare(KeyFigures& figures) {
    RETURN_IF_ERROR(count_cells(figures.figures.size()));
    for (auto& figure : figures.figures)
      for (auto* text : {&figure.label, &figure.value, &figure.note}) line(*text);
    return {};
  }
  Status prepare(Callout& callout) {
    line(callout.title);
    rich(callout.text);
    return {};
  }
  Status prepare(ChartBlock& block) {
    RETURN_IF_ERROR(check_chart(block.chart));
    line(block.caption);
    if (++charts_ > kMaxCharts) return too_large("charts", kMaxCharts);
    std::visit([&](auto& chart) { texts_and_numbers(chart); }, block.chart);
    return {};
  }
  Status prepare(Definitions& definitions) {
    RETURN_IF_ERROR(count_cells(definitions.items.size()));
    for (auto& item : definitions.items) {
      rich(item.term);
      rich(item.meaning);
    }
    return {};
  }
  Status prepare(PageBreak&) { return {}; }
  Status prepare(TableOfContents& contents) {
    contents.levels = std::clamp(contents.levels, 1, 4);
    return {};
  }

  void axis(Axis& given) {
    line(given.title);
    line(given.unit);
    for (auto* end : {&given.low, &given.high})
      if (*end && !is_drawable(**end)) end->reset();
  }
  static void number(double& value) {
    if (!is_drawable(value)) value = kNoValue;
  }
  void thresholds(std::vector<Threshold>& all) {
    for (auto& threshold : all) line(threshold.label), number(threshold.value);
  }
  void texts_and_numbers(LineChart& chart) {
    line(chart.title);
    axis(chart.x);
    axis(chart.y);
    for (auto& series : chart.series) {
      line(series.name);
      for (auto& point : series.points) number(point.x), number(point.y);
    }
    thresholds(chart.thresholds);
    for (auto& point : chart.marked) line(point.label), number(point.x), number(point.y);
  }
  void texts_and_numbers(BarChart& chart) {
    line(chart.title);
    axis(chart.value);
    for (auto& category : chart.categories) line(category);
    for (auto& series : chart.series) {
      line(series.name);
      for (auto& value : series.values) number(value);
    }
    thresholds(chart.thresholds);
  }
  void texts_and_numbers(TornadoChart& chart) {
    line(chart.title);
    line(chart.unit);
    number(chart.base);
    for (auto& row : chart.rows) {
      for (auto* text : {&row.label, &row.low_label, &row.high_label}) line(*text);
      number(row.low), number(row.high);
    }
  }
  void texts_and_numbers(GanttChart& chart) {
    line(chart.title);
    line(chart.begins);
    for (auto& task : chart.tasks) {
      for (auto* text : {&task.id, &task.name, &task.group}) line(*text);
      for (auto& id : task.after) line(id);
      number(task.start), number(task.end);
    }
  }
  void texts_and_numbers(DonutChart& chart) {
    for (auto* text : {&chart.title, &chart.unit, &chart.centre_value, &chart.centre_label}) line(*text);
    for (auto& slice : chart.slices) line(slice.label), number(slice.value);
  }

  const std::size_t source_count_;
  std::size_t bytes_ = 0, cells_ = 0, charts_ = 0;
};

Run styled(std::string text, bool Run::* manner) {
  Run run{.text = std::move(text)};
  run.*manner = true;
  return run;
}

}  // namespace

std::string Rich::plain() const {
  std::string out;
  for (const auto& run : runs) out += run.text;
  return out;
}

bool Rich::empty() const {
  return std::ranges::all_of(runs, [](const Run& run) { return run.text.empty() && run.source == 0; });
}

Run bold(std::string text) { return styled(std::move(text), &Run::bold); }
Run italic(std::string text) { return styled(std::move(text), &Run::italic); }
Run code(std::string text) { return styled(std::move(text), &Run::code); }
Run subscript(std::string text) { return styled(std::move(text), &Run::subscript); }
Run link(std::string text, std::string address) { return {.text = std::move(text), .link = std::move(address)}; }
Run cite(int source) { return {.text = {}, .source = source}; }

std::vector<OutlineEntry> outline(const Document& document) {
  std::vector<OutlineEntry> entries;
  std::array<int, 4> counts{};
  std::unordered_set<std::string> taken;
  for (std::size_t at = 0; at < document.blocks.size(); ++at) {
    const auto* heading = std::get_if<Heading>(&document.blocks[at]);
    if (heading == nullptr) continue;
    OutlineEntry entry{.level = std::clamp(heading->level, 1, 4), .number = {}, .text = heading->text.plain(), .anchor = anchor_text(heading->anchor), .block = at};
    ++counts[static_cast<std::size_t>(entry.level - 1)];
    std::fill(counts.begin() + entry.level, counts.end(), 0);
    if (document.numbered_headings)
      for (int level = 0; level < entry.level; ++level) entry.number += (level > 0 ? "." : "") + std::to_string(counts[static_cast<std::size_t>(level)]);
    if (entry.anchor.empty() || taken.contains(entry.anchor)) entry.anchor = fmt::format("section-{}", entries.size() + 1);
    while (!taken.insert(entry.anchor).second) entry.anchor += "x";
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<Document> prepare(Document document) {
  RETURN_IF_ERROR(Preparation(document).run(document));
  return document;
}

std::optional<std::chrono::year_month_day> parse_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  int year = 0;
  unsigned month = 0, day = 0;
  const auto read = [](std::string_view digits, auto& out) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return error == std::errc{} && end == digits.data() + digits.size();
  };
  if (!read(text.substr(0, 4), year) || !read(text.substr(5, 2), month) || !read(text.substr(8, 2), day)) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (!date.ok() || year < 1) return std::nullopt;
  return date;
}

}  // namespace siyu::report
