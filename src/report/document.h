// A report as data: what it says, not how it looks. Whoever writes reports fills a Document; report/render.h makes files of it.
//
//   Document report{.title = "Sizing", .language = Language::kEn};
//   report.blocks.push_back(Heading{1, "What is needed"});
//   report.blocks.push_back(Paragraph{{"Two cards suffice", {.text = " (measured)", .italic = true}}});
//   report.blocks.push_back(Table{.columns = {{"Item"}, {"Price", Align::kEnd}}, .rows = {{{"Server", "82,000"}}, {{"Sum", "82,000"}, true}}});
//
// All text is UTF-8 and plain: renderers escape it, so nothing in it is ever markup of a format. What a format cannot hold (control
// characters, marks that turn the reading direction, broken UTF-8) is taken out or replaced before rendering.
#pragma once

#include <boost/describe.hpp>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "report/chart.h"

namespace siyu::report {

/// A piece of text in one manner. `link` is an http, https or mailto address, or "#" and the text of a heading's `anchor`; others are
/// dropped and the text stays. `source` is the number of one of the document's sources, from 1, set behind the text as [1].
struct Run {
  std::string text;
  bool bold = false, italic = false, code = false, subscript = false, superscript = false;
  std::string link = {};
  int source = 0;
  bool operator==(const Run&) const = default;
};
BOOST_DESCRIBE_STRUCT(Run, (), (text, bold, italic, code, subscript, superscript, link, source))

/// Text of several runs; one plain run where a string is given. A newline in it is a line break.
struct Rich {
  std::vector<Run> runs;
  Rich() = default;
  Rich(std::string text) : runs{Run{.text = std::move(text)}} {}  // NOLINT: meant to convert
  Rich(std::string_view text) : Rich(std::string(text)) {}        // NOLINT
  Rich(const char* text) : Rich(std::string(text)) {}             // NOLINT
  Rich(Run run) : runs{std::move(run)} {}                         // NOLINT
  Rich(std::vector<Run> several) : runs(std::move(several)) {}    // NOLINT
  Rich(std::initializer_list<Rich> parts) {
    for (const auto& part : parts) runs.insert(runs.end(), part.runs.begin(), part.runs.end());
  }
  std::string plain() const;  ///< the text of all runs
  bool empty() const;         ///< no text at all
  bool operator==(const Rich&) const = default;
};
BOOST_DESCRIBE_STRUCT(Rich, (), (runs))

Run bold(std::string text);
Run italic(std::string text);
Run code(std::string text);
Run link(std::string text, std::string address);
Run subscript(std::string text);
Run cite(int source);  ///< the mark [n] of a source alone

struct Heading {
  int level = 1;  ///< 1–4; others are brought into it
  Rich text;
  std::string anchor = {};  ///< for links to it; made from its place when empty
};
BOOST_DESCRIBE_STRUCT(Heading, (), (level, text, anchor))

struct Paragraph {
  Rich text;
};
BOOST_DESCRIBE_STRUCT(Paragraph, (), (text))

struct ListItem {
  Rich text;
  std::vector<ListItem> items = {};
  bool numbered = false;  ///< of the items beneath it
};
BOOST_DESCRIBE_STRUCT(ListItem, (), (text, items, numbered))

struct List {
  std::vector<ListItem> items;
  bool numbered = false;
};
BOOST_DESCRIBE_STRUCT(List, (), (items, numbered))

enum class Align { kStart, kCenter, kEnd };
BOOST_DESCRIBE_ENUM(Align, kStart, kCenter, kEnd)

struct Column {
  std::string title;
  Align align = Align::kStart;  ///< numbers read best at the end
  double width = 0;             ///< relative to the other columns; 0: as its content asks
};
BOOST_DESCRIBE_STRUCT(Column, (), (title, align, width))

struct Row {
  std::vector<Rich> cells;  ///< missing ones are empty, surplus ones are left out
  bool emphasised = false;  ///< sums, or the chosen variant
};
BOOST_DESCRIBE_STRUCT(Row, (), (cells, emphasised))

/// The header is repeated where the table goes on to another page.
struct Table {
  std::vector<Column> columns;
  std::vector<Row> rows;
  std::string caption = {};
};
BOOST_DESCRIBE_STRUCT(Table, (), (columns, rows, caption))

struct KeyFigure {
  std::string label, value, note = {};  ///< "Throughput", "2,400 tok/s", "at 64 users"
};
BOOST_DESCRIBE_STRUCT(KeyFigure, (), (label, value, note))

/// Cards in a row, four at most beside each other.
struct KeyFigures {
  std::vector<KeyFigure> figures;
};
BOOST_DESCRIBE_STRUCT(KeyFigures, (), (figures))

enum class Tone { kNote, kGood, kWarning, kRisk };
BOOST_DESCRIBE_ENUM(Tone, kNote, kGood, kWarning, kRisk)

struct Callout {
  Tone tone = Tone::kNote;
  std::string title;  ///< empty: the tone's own word, in the document's language
  Rich text;
};
BOOST_DESCRIBE_STRUCT(Callout, (), (tone, title, text))

struct ChartBlock {
  Chart chart;
  std::string caption = {};
};

struct Definition {
  Rich term, meaning;
};
BOOST_DESCRIBE_STRUCT(Definition, (), (term, meaning))

struct Definitions {
  std::vector<Definition> items;
};
BOOST_DESCRIBE_STRUCT(Definitions, (), (items))

struct PageBreak {};
BOOST_DESCRIBE_STRUCT(PageBreak, (), ())

/// Lists the headings down to `levels`.
struct TableOfContents {
  int levels = 3;
};
BOOST_DESCRIBE_STRUCT(TableOfContents, (), (levels))

using Block = std::variant<Heading, Paragraph, List, Table, KeyFigures, Callout, ChartBlock, Definitions, PageBreak, TableOfContents>;

struct Source {
  std::string text;          ///< "GB/T 22239-2019", "measured on this appliance, 2026-03-01"
  std::string address = {};  ///< http or https, or empty
};
BOOST_DESCRIBE_STRUCT(Source, (), (text, address))

struct Document {
  std::string title, subtitle = {}, organisation = {}, author = {};
  std::string date = {};  ///< YYYY-MM-DD; also the date in the file's own properties, so that equal reports are equal bytes
  Language language = Language::kZh;
  std::string classification = {};  ///< 内部, Confidential: on every page
  std::string revision = {};
  bool title_page = false;         ///< a page of its own for the title, else a block above the text
  bool numbered_headings = false;  ///< 1, 1.1, 1.1.1
  std::vector<Block> blocks = {};
  std::vector<Source> sources = {};  ///< listed at the end under their numbers, from 1
};

/// What a document may hold. A larger one is refused with kTooLarge and the limit that it passes.
constexpr std::size_t kMaxBlocks = 20'000;
constexpr std::size_t kMaxTextBytes = 16UL << 20;  ///< of all texts together
constexpr std::size_t kMaxColumns = 24;
constexpr std::size_t kMaxCells = 400'000;  ///< of all tables together, with list items, key figures and definitions
constexpr int kMaxListDepth = 6;
constexpr std::size_t kMaxSources = 2'000;
constexpr std::size_t kMaxCharts = 500;

/// A heading's place in the whole, in reading order.
struct OutlineEntry {
  int level = 1;
  std::string number;  ///< "1.2", or empty when headings are not numbered
  std::string text;
  std::string anchor;  ///< letters, digits and - only; no two are the same
  std::size_t block = 0;
};
std::vector<OutlineEntry> outline(const Document& document);

/// The document as renderers take it: every text valid UTF-8 without control characters and direction marks, levels and numbers in
/// their ranges, rows as long as the header, addresses of allowed kinds only. Fails with kTooLarge over a limit above.
Result<Document> prepare(Document document);

/// A day of the calendar written YYYY-MM-DD; nothing when it is none.
std::optional<std::chrono::year_month_day> parse_date(std::string_view text);

/// To and from the JSON that crosses to siyu-printer; a block is {"heading": {…}}.
std::string encode_document(const Document& document);
Result<Document> decode_document(std::string_view text);

}  // namespace siyu::report
