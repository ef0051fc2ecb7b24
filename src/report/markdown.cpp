// CommonMark with GitHub's tables. Charts lie beside it as SVG files.
#include <fmt/format.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>

#include "report/escape.h"
#include "report/renderers.h"
#include "report/words.h"

namespace siyu::report {
namespace {

/// Line breaks as <br>, the one form that also stands in tables and lists.
std::string with_breaks(std::string text) {
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 4) text.replace(at, 1, "<br>");
  return text;
}

/// A code span with a fence longer than any run of backticks in it.
std::string code_span(std::string text, bool in_table) {
  std::ranges::replace(text, '\n', ' ');
  std::size_t longest = 0, run = 0;
  std::string escaped;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
    if (c == '|' && in_table) escaped += '\\';  // ends a table's cell even in code
    escaped += c;
  }
  const std::string fence(longest + 1, '`');
  const std::string pad = text.starts_with('`') || text.ends_with('`') || text.starts_with(' ') ? " " : "";
  return fence + pad + escaped + pad + fence;
}

/// Asterisks open and close only beside letters and figures; elsewhere CommonMark takes them for text.
bool takes_asterisks(std::string_view text) {
  std::int64_t at = 0;
  const auto size = static_cast<std::int64_t>(text.size());
  UChar32 first = 0, last = 0;
  U8_NEXT(text.data(), at, size, first);
  auto end = static_cast<std::int32_t>(size);
  U8_PREV(text.data(), 0, end, last);
  return u_isalnum(first) && u_isalnum(last);
}

bool is_bare(const Run& run) { return !run.bold && !run.italic && !run.code; }

std::string address_text(std::string_view address) {
  std::string out;
  for (const char c : address) {
    if (c == '(' || c == ')' || c == '|' || c == '*' || c == '_' || c == '~') out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    else out += c;
  }
  return out;
}

std::string write_run(const Run& run, bool after_bare, bool in_table) {
  std::string out = run.code ? code_span(run.text, in_table) : with_breaks(escape_markdown(run.text));
  const bool asterisks = after_bare && !run.code && !run.text.empty() && takes_asterisks(run.text) && !(run.bold && run.italic);
  if (run.bold && !out.empty()) out = asterisks ? "**" + out + "**" : "<strong>" + out + "</strong>";
  if (run.italic && !out.empty()) out = asterisks ? "*" + out + "*" : "<em>" + out + "</em>";
  if (run.subscript) out = "<sub>" + out + "</sub>";
  if (run.superscript) out = "<sup>" + out + "</sup>";
  if (!run.link.empty() && !out.empty()) out = "[" + out + "](" + address_text(run.link) + ")";
  if (run.source > 0) out += fmt::format("[\\[{}\\]](#source-{})", run.source, run.source);
  return out;
}

std::string write(const Rich& text, bool in_table = false) {
  std::string out;
  bool after_bare = true;
  for (const auto& run : text.runs) {
    out += write_run(run, after_bare, in_table);
    after_bare = is_bare(run);
  }
  // Spaces at a paragraph's begin would be read as layout.
  return out.substr(std::min(out.find_first_not_of(' '), out.size()));
}

std::string plain(std::string_view text) { return write(Rich(text)); }

class Writer {
 public:
  Writer(const Document& document, std::string name) : document_(document), name_(std::move(name)), outline_(outline(document)) {}

  std::vector<RenderedFile> run() && {
    head();
    for (std::size_t at = 0; at < document_.blocks.size(); ++at) {
      block_ = at;
      std::visit([&](const auto& block) { write_block(block); }, document_.blocks[at]);
    }
    sources();
    files_.insert(files_.begin(), {name_ + ".md", std::move(out_)});
    return std::move(files_);
  }

 private:
  void head() {
    out_ += "# " + plain(document_.title) + "\n\n";
    if (!document_.subtitle.empty()) out_ += plain(document_.subtitle) + "\n\n";
    const auto facts = title_facts(document_);
    for (const auto& [label, value] : facts) out_ += fmt::format("- {}{}{}\n", label, words(document_.language).colon, plain(value));
    if (!facts.empty()) out_ += "\n";
  }

  void write_block(const Heading& heading) {
    const auto& entry = *std::ranges::find(outline_, block_, &OutlineEntry::block);
    out_ += fmt::format("<a id=\"{}\"></a>\n\n{} {}{}\n\n", entry.anchor, std::string(static_cast<std::size_t>(entry.level) + 1, '#'),
                        entry.number.empty() ? "" : entry.number + " ", write(heading.text));
  }
  void write_block(const Paragraph& paragraph) {
    if (!paragraph.text.empty()) out_ += write(paragraph.text) + "\n\n";
  }
  void items(const std::vector<ListItem>& all, bool numbered, std::size_t indent) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto mark = numbered ? std::to_string(i + 1) + ". " : "- ";
      out_ += std::string(indent, ' ') + mark + write(all[i].text) + "\n";
      items(all[i].items, all[i].numbered, indent + mark.size());
    }
  }
  void write_block(const List& list) {
    items(list.items, list.numbered, 0);
    // Else a list that follows would go on with this one.
    out_ += "\n<!-- -->\n\n";
  }
  void table_row(const std::vector<std::string>& cells) {
    out_ += "|";
    for (const auto& cell : cells) out_ += " " + cell + " |";
    out_ += "\n";
  }
  void write_block(const Table& table) {
    if (table.columns.empty()) return;
    if (const auto caption = numbered_caption(words(document_.language).table, ++tables_, table.caption, document_.language); !caption.empty())
      out_ += "<strong>" + plain(caption) + "</strong>\n\n";
    std::vector<std::string> cells;
    for (const auto& column : table.columns) cells.push_back(plain(column.title));
    table_row(cells);
    out_ += "|";
    for (const auto& column : table.columns) out_ += column.align == Align::kStart ? " --- |" : column.align == Align::kCenter ? " :-: |" : " --: |";
    out_ += "\n";
    for (const auto& row : table.rows) {
      cells.clear();
      for (const auto& cell : row.cells) {
        auto text = write(cell, true);
        cells.push_back(row.emphasised && !text.empty() ? "<strong>" + text + "</strong>" : std::move(text));
      }
      table_row(cells);
    }
    out_ += "\n";
  }
  void write_block(const KeyFigures& figures) {
    if (figures.figures.empty()) return;
    for (const auto& figure : figures.figures)
      out_ += "- " + plain(figure.label) + std::string(words(document_.language).colon) + "<strong>" + plain(figure.value) + "</strong>" +
              (figure.note.empty() ? "" : " — " + plain(figure.note)) + "\n";
    out_ += "\n<!-- -->\n\n";
  }
  void write_block(const Callout& callout) {
    const auto title = callout.title.empty() ? std::string(tone_word(callout.tone, document_.language)) : callout.title;
    out_ += "> <strong>" + plain(title) + "</strong>\n>\n> " + write(callout.text) + "\n\n";
  }
  void write_block(const ChartBlock& block) {
    const auto file = fmt::format("{}-chart-{}.svg", name_, files_.size() + 1);
    files_.push_back({file, draw_chart(block.chart, document_.language).svg});
    out_ += "![" + plain(describe_chart(block.chart, document_.language)) + "](<" + file + ">)\n\n";
    if (const auto caption = numbered_caption(words(document_.language).figure, files_.size(), block.caption, document_.language); !caption.empty())
      out_ += "<em>" + plain(caption) + "</em>\n\n";
  }
  void write_block(const Definitions& definitions) {
    for (const auto& item : definitions.items)
      out_ += "- <strong>" + write(item.term) + "</strong>" + std::string(words(document_.language).colon) + write(item.meaning) + "\n";
    out_ += "\n<!-- -->\n\n";
  }
  void write_block(const PageBreak&) { out_ += "---\n\n"; }
  void write_block(const TableOfContents& contents) {
    out_ += "<strong>" + plain(words(document_.language).contents) + "</strong>\n\n";
    for (const auto& entry : outline_) {
      if (entry.level > contents.levels) continue;
      out_ += fmt::format("{}- [{}{}](#{})\n", std::string(static_cast<std::size_t>(entry.level - 1) * 2, ' '), entry.number.empty() ? "" : entry.number + " ",
                          plain(entry.text), entry.anchor);
    }
    out_ += "\n<!-- -->\n\n";
  }
  void sources() {
    if (document_.sources.empty()) return;
    out_ += "## " + std::string(words(document_.language).sources) + "\n\n";
    for (std::size_t i = 0; i < document_.sources.size(); ++i) {
      const auto& source = document_.sources[i];
      out_ += fmt::format("{}. <a id=\"source-{}\"></a>{}", i + 1, i + 1, plain(source.text));
      if (!source.address.empty()) out_ += " <" + address_text(source.address) + ">";
      out_ += "\n";
    }
  }

  const Document& document_;
  const std::string name_;
  const std::vector<OutlineEntry> outline_;
  std::string out_;
  std::vector<RenderedFile> files_;
  std::size_t block_ = 0, tables_ = 0;
};

}  // namespace

std::vector<RenderedFile> render_markdown(const Document& document, const std::string& name) { return Writer(document, name).run(); }

}  // namespace siyu::report
