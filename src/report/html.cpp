// One file that refers to nothing outside: inline SVG, its own style for screens (light and dark) and for print, no scripts.
#include <fmt/format.h>

#include <algorithm>

#include "report/column_shares.h"
#include "report/escape.h"
#include "report/html_style.h"
#include "report/renderers.h"
#include "report/svg.h"
#include "report/words.h"

namespace siyu::report {
namespace {

std::string write(const Run& run) {
  auto out = escape_xml(run.text);
  for (std::size_t at = 0; (at = out.find('\n', at)) != std::string::npos; at += 4) out.replace(at, 1, "<br>");
  if (run.code) out = "<code>" + out + "</code>";
  if (run.bold) out = "<strong>" + out + "</strong>";
  if (run.italic) out = "<em>" + out + "</em>";
  if (run.subscript) out = "<sub>" + out + "</sub>";
  if (run.superscript) out = "<sup>" + out + "</sup>";
  if (!run.link.empty()) out = fmt::format("<a href=\"{}\"{}>{}</a>", escape_xml(run.link), run.link.starts_with('#') ? "" : " rel=\"noopener noreferrer\"", out);
  if (run.source > 0) out += fmt::format("<sup class=\"cite\"><a href=\"#source-{0}\">[{0}]</a></sup>", run.source);
  return out;
}

std::string write(const Rich& text) {
  std::string out;
  for (const auto& run : text.runs) out += write(run);
  return out;
}

std::string_view tone_class(Tone tone) {
  switch (tone) {
    case Tone::kNote: return "note";
    case Tone::kGood: return "good";
    case Tone::kWarning: return "warning";
    case Tone::kRisk: return "risk";
  }
  return "note";
}

class Writer {
 public:
  explicit Writer(const Document& document) : document_(document), words_(words(document.language)), outline_(outline(document)) {}

  std::string run() && {
    head();
    side();
    out_ += "<main>\n";
    title();
    for (std::size_t at = 0; at < document_.blocks.size(); ++at) {
      block_ = at;
      std::visit([&](const auto& block) { write_block(block); }, document_.blocks[at]);
    }
    sources();
    out_ += "</main>\n</body>\n</html>\n";
    return std::move(out_);
  }

 private:
  void head() {
    out_ += fmt::format(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n",
        language_tag(document_.language));
    if (!document_.author.empty()) out_ += "<meta name=\"author\" content=\"" + escape_xml(document_.author) + "\">\n";
    if (!document_.date.empty()) out_ += "<meta name=\"date\" content=\"" + escape_xml(document_.date) + "\">\n";
    out_ += "<title>" + escape_xml(document_.title) + "</title>\n<style>\n" + std::string(kHtmlStyle) + "</style>\n</head>\n<body>\n";
  }

  void entries(int levels) {
    out_ += "<ul>\n";
    for (const auto& entry : outline_) {
      if (entry.level > levels) continue;
      out_ += fmt::format("<li class=\"level-{}\"><a href=\"#{}\">", entry.level, entry.anchor);
      if (!entry.number.empty()) out_ += "<span class=\"number\">" + entry.number + "</span> ";
      out_ += escape_xml(entry.text) + "</a></li>\n";
    }
    out_ += "</ul>\n";
  }

  void side() {
    if (outline_.size() < 4) return;
    out_ += fmt::format("<nav class=\"side\" aria-label=\"{0}\"><p>{0}</p>\n", words_.contents);
    entries(2);
    out_ += "</nav>\n";
  }

  void title() {
    out_ += "<header class=\"title\">\n";
    if (!document_.classification.empty()) out_ += "<p class=\"mark\">" + escape_xml(document_.classification) + "</p>\n";
    if (!document_.organisation.empty()) out_ += "<p class=\"organisation\">" + escape_xml(document_.organisation) + "</p>\n";
    out_ += "<h1>" + escape_xml(document_.title) + "</h1>\n";
    if (!document_.subtitle.empty()) out_ += "<p class=\"subtitle\">" + escape_xml(document_.subtitle) + "</p>\n";
    std::string facts;
    for (const auto& [label, value] : title_facts(document_))
      if (label != words_.organisation && label != words_.classification) facts += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", label, escape_xml(value));
    if (!facts.empty()) out_ += "<dl class=\"facts\">" + facts + "</dl>\n";
    out_ += "</header>\n";
  }

  void write_block(const Heading& heading) {
    const auto& entry = *std::ranges::find(outline_, block_, &OutlineEntry::block);
    out_ += fmt::format("<h{0} id=\"{1}\">", entry.level + 1, entry.anchor);
    if (!entry.number.empty()) out_ += "<span class=\"number\">" + entry.number + "</span> ";
    out_ += write(heading.text) + fmt::format("</h{}>\n", entry.level + 1);
  }
  void write_block(const Paragraph& paragraph) { out_ += "<p>" + write(paragraph.text) + "</p>\n"; }
  void items(const std::vector<ListItem>& all, bool numbered) {
    if (all.empty()) return;
    out_ += numbered ? "<ol>\n" : "<ul>\n";
    for (const auto& item : all) {
      out_ += "<li>" + write(item.text);
      items(item.items, item.numbered);
      out_ += "</li>\n";
    }
    out_ += numbered ? "</ol>\n" : "</ul>\n";
  }
  void write_block(const List& list) { items(list.items, list.numbered); }

  /// Words longer than a column is wide may be broken anywhere; others not, or columns would shrink to single letters.
  static bool has_long_word(std::string_view text) {
    constexpr std::size_t kLong = 28;
    for (std::size_t at = 0, run = 0; at < text.size(); ++at)
      if (run = text[at] == ' ' ? 0 : static_cast<unsigned char>(text[at]) < 0x80 ? run + 1 : 0; run > kLong) return true;
    return false;
  }
  static std::string cell_class(Align align, std::string_view text) {
    std::string classes = align == Align::kEnd ? "end" : align == Align::kCenter ? "center" : "";
    if (has_long_word(text)) classes += classes.empty() ? "long" : " long";
    return classes.empty() ? classes : " class=\"" + classes + "\"";
  }
  void write_block(const Table& table) {
    if (table.columns.empty()) return;
    out_ += "<div class=\"table\"><table>\n";
    if (const auto caption = numbered_caption(words_.table, ++tables_, table.caption, document_.language); !caption.empty())
      out_ += "<caption>" + escape_xml(caption) + "</caption>\n";
    constexpr double kRoom = 766, kSize = 14.5, kPad = 26;  // pixels
    out_ += "<colgroup>";
    for (const double width : estimated_shares(table, kSize, kPad, kRoom)) out_ += fmt::format("<col style=\"width:{:.1f}%\">", width / kRoom * 100);
    out_ += "</colgroup>\n";
    out_ += "<thead><tr>";
    for (const auto& column : table.columns) out_ += fmt::format("<th scope=\"col\"{}>{}</th>", cell_class(column.align, column.title), escape_xml(column.title));
    out_ += "</tr></thead>\n<tbody>\n";
    for (const auto& row : table.rows) {
      out_ += row.emphasised ? "<tr class=\"sum\">" : "<tr>";
      for (std::size_t i = 0; i < row.cells.size(); ++i)
        out_ += fmt::format("<td{}>{}</td>", cell_class(table.columns[i].align, row.cells[i].plain()), write(row.cells[i]));
      out_ += "</tr>\n";
    }
    out_ += "</tbody></table></div>\n";
  }
  void write_block(const KeyFigures& figures) {
    out_ += "<div class=\"figures\">\n";
    for (const auto& figure : figures.figures) {
      const bool is_long = text_width(figure.value, 1) > 6;
      out_ += fmt::format("<div><p class=\"label\">{}</p><p class=\"value{}\">{}</p>", escape_xml(figure.label), is_long ? " long" : "", escape_xml(figure.value));
      if (!figure.note.empty()) out_ += "<p class=\"remark\">" + escape_xml(figure.note) + "</p>";
      out_ += "</div>\n";
    }
    out_ += "</div>\n";
  }
  void write_block(const Callout& callout) {
    const auto word = tone_word(callout.tone, document_.language);
    out_ += fmt::format("<aside class=\"callout {}\"><p class=\"callout-title\">{}</p><p>{}</p></aside>\n", tone_class(callout.tone),
                        callout.title.empty() ? std::string(word) : escape_xml(callout.title), write(callout.text));
  }
  void write_block(const ChartBlock& block) {
    out_ += "<figure class=\"chart\">" + draw_chart(block.chart, document_.language).svg;
    if (const auto caption = numbered_caption(words_.figure, ++figures_, block.caption, document_.language); !caption.empty())
      out_ += "<figcaption>" + escape_xml(caption) + "</figcaption>";
    out_ += "</figure>\n";
  }
  void write_block(const Definitions& definitions) {
    out_ += "<dl class=\"definitions\">\n";
    for (const auto& item : definitions.items) out_ += "<dt>" + write(item.term) + "</dt><dd>" + write(item.meaning) + "</dd>\n";
    out_ += "</dl>\n";
  }
  void write_block(const PageBreak&) { out_ += "<div class=\"page-break\"></div>\n"; }
  void write_block(const TableOfContents& contents) {
    out_ += fmt::format("<nav class=\"contents\"><p>{}</p>\n", words_.contents);
    entries(contents.levels);
    out_ += "</nav>\n";
  }
  void sources() {
    if (document_.sources.empty()) return;
    out_ += fmt::format("<section class=\"sources\"><h2>{}</h2>\n<ol>\n", words_.sources);
    for (std::size_t i = 0; i < document_.sources.size(); ++i) {
      const auto& source = document_.sources[i];
      out_ += fmt::format("<li id=\"source-{}\">{}", i + 1, escape_xml(source.text));
      if (!source.address.empty()) out_ += fmt::format(" <a href=\"{0}\" rel=\"noopener noreferrer\">{0}</a>", escape_xml(source.address));
      out_ += "</li>\n";
    }
    out_ += "</ol></section>\n";
  }

  const Document& document_;
  const Words& words_;
  const std::vector<OutlineEntry> outline_;
  std::string out_;
  std::size_t block_ = 0, tables_ = 0, figures_ = 0;
};

}  // namespace

std::string render_html(const Document& document) { return Writer(document).run(); }

}  // namespace siyu::report
