// WordprocessingML of a document (ECMA-376 part 1 §17). Text is escaped where runs are written; nothing else comes from outside.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "report/column_shares.h"
#include "report/docx_parts.h"
#include "report/escape.h"
#include "report/renderers.h"
#include "report/svg.h"
#include "report/words.h"

namespace siyu::report {
namespace {

constexpr std::string_view kRelations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
constexpr int kEmuPerTwip = 635;

struct ToneFill {
  std::string_view strong, soft;
};
ToneFill tone_fill(Tone tone) {
  switch (tone) {
    case Tone::kNote: return {"1F5FA8", "EEF4FA"};
    case Tone::kGood: return {"17805F", "ECF6F2"};
    case Tone::kWarning: return {"A8690A", "FDF5E8"};
    case Tone::kRisk: return {"B83A2C", "FBEFED"};
  }
  return {"1F5FA8", "EEF4FA"};
}

std::string_view align_value(Align align) { return align == Align::kEnd ? "right" : align == Align::kCenter ? "center" : "left"; }

/// How a run looks beyond what it says of itself.
struct RunLook {
  bool bold = false;
  std::string_view colour = {};
  int half_points = 0;
};

std::string run_properties(const Run& run, const RunLook& look, bool linked) {
  std::string out;
  if (run.code) out += R"(<w:rStyle w:val="Code"/>)";
  else if (linked) out += R"(<w:rStyle w:val="Hyperlink"/>)";
  if (run.bold || look.bold) out += "<w:b/><w:bCs/>";
  if (run.italic) out += "<w:i/><w:iCs/>";
  if (!look.colour.empty()) out += fmt::format(R"(<w:color w:val="{}"/>)", look.colour);
  if (look.half_points > 0) out += fmt::format(R"(<w:sz w:val="{0}"/><w:szCs w:val="{0}"/>)", look.half_points);
  if (run.subscript || run.superscript) out += fmt::format(R"(<w:vertAlign w:val="{}"/>)", run.subscript ? "subscript" : "superscript");
  return out.empty() ? out : "<w:rPr>" + out + "</w:rPr>";
}

std::string plain_run(std::string_view text, const std::string& properties) {
  std::string out = "<w:r>" + properties;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    if (at > 0) out += "<w:br/>";
    out += "<w:t xml:space=\"preserve\">" + escape_xml(text.substr(at, end - at)) + "</w:t>";
    at = end + 1;
  }
  return out + "</w:r>";
}

/// What one paragraph is told besides its style.
struct ParagraphLook {
  std::string_view style = {};
  bool keep_next = false;
  std::string extra = {};  ///< further properties; the schema wants an order
  RunLook run = {};
};

class Writer {
 public:
  Writer(const Document& document, const PrintedParts& parts)
      : document_(document), words_(words(document.language)), pictures_(parts.chart_pictures), pages_(parts.heading_pages), outline_(outline(document)) {
    for (std::size_t i = 0; i < outline_.size(); ++i) bookmark_of_[outline_[i].anchor] = fmt::format("_Toc{:07}", i + 1);
    for (std::size_t i = 0; i < document.sources.size(); ++i) bookmark_of_[fmt::format("source-{}", i + 1)] = fmt::format("_Source{}", i + 1);
  }

  Result<std::string> run() && {
    title();
    for (std::size_t at = 0; at < document_.blocks.size(); ++at) {
      block_ = at;
      RETURN_IF_ERROR(std::visit([&](const auto& block) { return write_block(block); }, document_.blocks[at]));
    }
    sources();
    return package();
  }

 private:
  // Paragraphs and runs.

  std::string relation(std::string_view type, const std::string& target, bool external) {
    const auto id = fmt::format("rId{}", 100 + relations_count_++);
    relations_ +=
        fmt::format(R"(<Relationship Id="{}" Type="{}/{}" Target="{}"{}/>)", id, kRelations, type, escape_xml(target), external ? R"( TargetMode="External")" : "");
    return id;
  }

  std::string linked(const std::string& target, const std::string& runs) {
    if (target.starts_with('#')) {
      const auto found = bookmark_of_.find(target.substr(1));
      if (found == bookmark_of_.end()) return runs;
      return fmt::format(R"(<w:hyperlink w:anchor="{}" w:history="1">{}</w:hyperlink>)", found->second, runs);
    }
    return fmt::format(R"(<w:hyperlink r:id="{}" w:history="1">{}</w:hyperlink>)", relation("hyperlink", target, true), runs);
  }

  std::string runs(const Rich& text, const RunLook& look) {
    std::string out;
    for (const auto& run : text.runs) {
      if (!run.text.empty()) {
        const auto written = plain_run(run.text, run_properties(run, look, !run.link.empty()));
        out += run.link.empty() ? written : linked(run.link, written);
      }
      if (run.source > 0)
        out += linked(fmt::format("#source-{}", run.source), plain_run(fmt::format("[{}]", run.source), run_properties({.text = {}, .superscript = true}, {}, true)));
    }
    return out;
  }

  std::string paragraph_start(const ParagraphLook& look) {
    std::string properties;
    if (!look.style.empty()) properties += fmt::format(R"(<w:pStyle w:val="{}"/>)", look.style);
    if (look.keep_next) properties += "<w:keepNext/>";
    if (std::exchange(break_pending_, false)) properties += "<w:pageBreakBefore/>";
    return "<w:p><w:pPr>" + properties + look.extra + "</w:pPr>";
  }
  std::string paragraph(const Rich& text, const ParagraphLook& look) {
    auto start = paragraph_start(look);
    return std::move(start) + runs(text, look.run) + "</w:p>";
  }
  std::string bookmarked(const std::string& anchor, const std::string& inner) {
    const int id = ++bookmarks_;
    return fmt::format(R"(<w:bookmarkStart w:id="{0}" w:name="{1}"/>{2}<w:bookmarkEnd w:id="{0}"/>)", id, bookmark_of_.at(anchor), inner);
  }
  void add(const Rich& text, const ParagraphLook& look) { out_ += paragraph(text, look); }
  /// Between tables, which would else become one; and as the space after them.
  void spacer() { out_ += paragraph({}, {.style = "Spacer"}); }

  // Tables.

  static std::string border(std::string_view edge, std::string_view colour, int eighths) {
    return fmt::format(R"(<w:{} w:val="single" w:sz="{}" w:space="0" w:color="{}"/>)", edge, eighths, colour);
  }
  void table_start(const std::vector<int>& widths, bool flush = false) {
    // A table cannot begin a page itself.
    if (break_pending_) spacer();
    out_ += fmt::format(R"(<w:tbl><w:tblPr><w:tblW w:w="{}" w:type="dxa"/><w:tblLayout w:type="fixed"/>{}</w:tblPr><w:tblGrid>)", kDocxWidth,
                        flush ? R"(<w:tblCellMar><w:left w:w="0" w:type="dxa"/></w:tblCellMar>)" : "");
    for (const int width : widths) out_ += fmt::format(R"(<w:gridCol w:w="{}"/>)", width);
    out_ += "</w:tblGrid>";
  }
  void cell(int width, const std::string& borders, std::string_view fill, const std::string& paragraphs) {
    out_ += fmt::format(R"(<w:tc><w:tcPr><w:tcW w:w="{}" w:type="dxa"/>)", width);
    if (!borders.empty()) out_ += "<w:tcBorders>" + borders + "</w:tcBorders>";
    if (!fill.empty()) out_ += fmt::format(R"(<w:shd w:val="clear" w:color="auto" w:fill="{}"/>)", fill);
    out_ += "</w:tcPr>" + paragraphs + "</w:tc>";
  }
  /// LibreOffice does not come to an end over a row that is kept whole and is higher than a page.
  static constexpr std::size_t kWholeBytes = 900;
  void row_start(std::size_t longest_text) { out_ += longest_text <= kWholeBytes ? "<w:tr><w:trPr><w:cantSplit/></w:trPr>" : "<w:tr>"; }
  void table_end() {
    out_ += "</w:tbl>";
    spacer();
  }

  static std::vector<int> column_widths(const Table& table) {
    std::vector<int> widths;
    for (const double width : estimated_shares(table, 9, 14, kDocxWidth / 20.0)) widths.push_back(static_cast<int>(width * 20));
    return widths;
  }

  // The title.

  void title() {
    const auto align = [](std::string_view value) { return fmt::format(R"(<w:jc w:val="{}"/>)", value); };
    const bool page = document_.title_page;
    if (!document_.classification.empty()) add(document_.classification, {.extra = align("right"), .run = {.colour = "B83A2C", .half_points = 22}});
    if (!document_.organisation.empty()) add(document_.organisation, {.run = {.colour = "5F6B76", .half_points = 24}});
    const auto above = page ? 2600 : 120;
    out_ += paragraph_start({.style = "Title",
                             .extra = fmt::format(R"({}<w:spacing w:before="{}" w:after="160" w:line="264" w:lineRule="auto"/>)",
                                                  page ? R"(<w:pBdr><w:top w:val="single" w:sz="24" w:space="14" w:color="1F5FA8"/></w:pBdr>)" : "", above)});
    out_ += runs(document_.title, {}) + "</w:p>";
    if (!document_.subtitle.empty()) add(document_.subtitle, {.style = "Subtitle"});
    bool first = true;
    for (const auto& [label, value] : title_facts(document_)) {
      if (label == words_.organisation || label == words_.classification) continue;
      const auto space = page && std::exchange(first, false) ? R"(<w:spacing w:before="3200" w:after="60"/>)" : R"(<w:spacing w:after="60"/>)";
      const Rich line{Run{.text = label + std::string(words_.colon)}, Run{.text = value}};
      add(line, {.extra = space, .run = {.colour = "5F6B76"}});
    }
    if (page) break_pending_ = true;
    else
      out_ += paragraph(
          {},
          {.style = "Spacer",
           .extra =
               R"(<w:pBdr><w:bottom w:val="single" w:sz="18" w:space="1" w:color="1F5FA8"/></w:pBdr><w:spacing w:before="0" w:after="240" w:line="120" w:lineRule="exact"/>)"});
  }

  // Blocks.

  Status write_block(const Heading& heading) {
    const auto& entry = *std::ranges::find(outline_, block_, &OutlineEntry::block);
    const auto style = fmt::format("Heading{}", entry.level);
    out_ += paragraph_start({.style = style});
    const auto number = entry.number.empty() ? "" : plain_run(entry.number + "  ", "");
    out_ += bookmarked(entry.anchor, number + runs(heading.text, {})) + "</w:p>";
    return {};
  }
  Status write_block(const Paragraph& given) {
    if (!given.text.empty()) add(given.text, {});
    return {};
  }
  void items(const std::vector<ListItem>& all, bool numbered, int level) {
    if (all.empty()) return;
    const int list = numbered ? ++lists_ : 1;
    for (const auto& item : all) {
      add(item.text, {.style = "ListParagraph", .extra = fmt::format(R"(<w:numPr><w:ilvl w:val="{}"/><w:numId w:val="{}"/></w:numPr>)", level, list)});
      items(item.items, item.numbered, level + 1);
    }
  }
  Status write_block(const List& list) {
    items(list.items, list.numbered, 0);
    return {};
  }

  Status write_block(const Table& table) {
    if (table.columns.empty()) return {};
    if (const auto caption = numbered_caption(words_.table, ++tables_, table.caption, document_.language); !caption.empty()) add(caption, {.style = "TableCaption"});
    else spacer();
    const auto widths = column_widths(table);
    table_start(widths);
    std::size_t titles = 0;
    for (const auto& column : table.columns) titles = std::max(titles, column.title.size());
    const bool repeats = titles <= kWholeBytes;
    out_ += repeats ? "<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>" : "<w:tr>";
    for (std::size_t i = 0; i < widths.size(); ++i)
      cell(widths[i], border("bottom", "1F5FA8", 12), "F3F6F9",
           paragraph(
               Rich(table.columns[i].title),
               {.style = "TableText", .keep_next = repeats, .extra = fmt::format(R"(<w:jc w:val="{}"/>)", align_value(table.columns[i].align)), .run = {.bold = true}}));
    out_ += "</w:tr>";
    for (std::size_t at = 0; at < table.rows.size(); ++at) {
      const auto& row = table.rows[at];
      // The header is not left alone at a page's end, nor a sum at the next one's begin.
      std::size_t longest = 0;
      for (const auto& cell : row.cells) longest = std::max(longest, cell.plain().size());
      const bool keep = longest <= kWholeBytes && at + 1 < table.rows.size() && (at == 0 || at + 2 == table.rows.size());
      row_start(longest);
      for (std::size_t i = 0; i < widths.size(); ++i)
        cell(widths[i], border("bottom", row.emphasised ? "1F5FA8" : "D5DDE5", row.emphasised ? 8 : 4), row.emphasised ? "EEF4FA" : "",
             paragraph(row.cells[i], {.style = "TableText",
                                      .keep_next = keep,
                                      .extra = fmt::format(R"(<w:jc w:val="{}"/>)", align_value(table.columns[i].align)),
                                      .run = {.bold = row.emphasised}}));
      out_ += "</w:tr>";
    }
    table_end();
    return {};
  }

  Status write_block(const KeyFigures& figures) {
    const auto count = figures.figures.size();
    if (count == 0) return {};
    const auto rows = (count + 3) / 4, beside = std::max<std::size_t>((count + rows - 1) / rows, 2);
    constexpr int kGap = 180;
    const int width = (kDocxWidth - kGap * static_cast<int>(beside - 1)) / static_cast<int>(beside);
    std::vector<int> grid;
    for (std::size_t i = 0; i < beside; ++i) {
      if (i > 0) grid.push_back(kGap);
      grid.push_back(width);
    }
    const auto borders = border("top", "1F5FA8", 18) + border("left", "D5DDE5", 6) + border("bottom", "D5DDE5", 6) + border("right", "D5DDE5", 6);
    for (std::size_t first = 0; first < count; first += beside) {
      // A long value is set smaller rather than broken; one size for all of a row.
      double points = 16;
      for (std::size_t i = first; i < std::min(first + beside, count); ++i)
        points = std::min(points, static_cast<double>(width - 230) / 20 / std::max(text_width(figures.figures[i].value, 1.25), 1.0));
      const int half_points = 2 * static_cast<int>(std::max(points, 9.0));
      table_start(grid);
      std::size_t longest = 0;
      for (const auto& figure : figures.figures) longest = std::max({longest, figure.label.size(), figure.value.size(), figure.note.size()});
      row_start(longest);
      for (std::size_t i = first; i < first + beside; ++i) {
        if (i > first) cell(kGap, {}, {}, paragraph({}, {.style = "TableText"}));
        if (i >= count) {
          cell(width, {}, {}, paragraph({}, {.style = "TableText"}));
          continue;
        }
        const auto& figure = figures.figures[i];
        const auto tight = R"(<w:spacing w:before="60" w:after="0"/>)";
        cell(width, borders, {},
             paragraph(Rich(figure.label), {.style = "TableText", .extra = tight, .run = {.colour = "5F6B76", .half_points = 17}}) +
                 paragraph(Rich(figure.value), {.style = "TableText", .extra = tight, .run = {.bold = true, .half_points = half_points}}) +
                 paragraph(Rich(figure.note),
                           {.style = "TableText", .extra = R"(<w:spacing w:before="0" w:after="80"/>)", .run = {.colour = "5F6B76", .half_points = 16}}));
      }
      out_ += "</w:tr>";
      table_end();
    }
    return {};
  }

  Status write_block(const Callout& callout) {
    const auto fill = tone_fill(callout.tone);
    const auto title = callout.title.empty() ? std::string(tone_word(callout.tone, document_.language)) : callout.title;
    table_start({kDocxWidth});
    out_ += "<w:tr>";
    cell(kDocxWidth, border("left", fill.strong, 36), fill.soft,
         paragraph(Rich(title), {.keep_next = true,
                                 .extra = R"(<w:spacing w:before="110" w:after="20"/><w:ind w:left="120" w:right="120"/>)",
                                 .run = {.bold = true, .colour = fill.strong}}) +
             paragraph(callout.text, {.extra = R"(<w:spacing w:before="0" w:after="110"/><w:ind w:left="120" w:right="120"/>)", .run = {.half_points = 20}}));
    out_ += "</w:tr>";
    table_end();
    return {};
  }

  Status write_block(const ChartBlock& block) {
    if (figures_ >= pictures_.size()) return internal("A chart of the report has no picture");
    const auto& picture = pictures_[figures_++];
    // PNG's header says its size (RFC 2083 §11.2.1): 4 bytes each at 16 and 20.
    const auto number = [&](std::size_t at) {
      unsigned value = 0;
      for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(picture[at + i]);
      return value;
    };
    if (picture.size() < 24 || number(16) == 0 || number(20) == 0) return internal("A chart's picture is no PNG");
    constexpr double kMaxHeight = 12'400;  // twips: a page's, with room for the caption
    double width = kDocxWidth, height = width * number(20) / number(16);
    if (height > kMaxHeight) width *= kMaxHeight / height, height = kMaxHeight;
    const auto name = fmt::format("media/chart{}.png", figures_);
    const auto id = relation("image", name, false);
    media_.emplace_back("word/" + name, picture);
    const auto alt = escape_xml(describe_chart(block.chart, document_.language));
    const auto caption = numbered_caption(words_.figure, figures_, block.caption, document_.language);
    out_ += paragraph_start({.style = "Figure", .keep_next = !caption.empty()});
    out_ += fmt::format(
        R"(<w:r><w:drawing><wp:inline distT="0" distB="0" distL="0" distR="0"><wp:extent cx="{0}" cy="{1}"/><wp:docPr id="{2}" name="Chart {2}" descr="{3}"/><wp:cNvGraphicFramePr><a:graphicFrameLocks noChangeAspect="1"/></wp:cNvGraphicFramePr>)"
        R"(<a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic><pic:nvPicPr><pic:cNvPr id="{2}" name="Chart {2}" descr="{3}"/><pic:cNvPicPr/></pic:nvPicPr>)"
        R"(<pic:blipFill><a:blip r:embed="{4}"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill><pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="{0}" cy="{1}"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>)",
        static_cast<long>(width * kEmuPerTwip), static_cast<long>(height * kEmuPerTwip), figures_, alt, id);
    if (!caption.empty()) add(caption, {.style = "Caption"});
    return {};
  }

  Status write_block(const Definitions& definitions) {
    if (definitions.items.empty()) return {};
    const int term = kDocxWidth * 26 / 100;
    table_start({term, kDocxWidth - term}, true);
    for (const auto& item : definitions.items) {
      row_start(std::max(item.term.plain().size(), item.meaning.plain().size()));
      cell(term, {}, {}, paragraph(item.term, {.style = "TableText", .run = {.bold = true, .half_points = 20}}));
      cell(kDocxWidth - term, {}, {}, paragraph(item.meaning, {.style = "TableText", .run = {.half_points = 20}}));
      out_ += "</w:tr>";
    }
    table_end();
    return {};
  }

  Status write_block(const PageBreak&) {
    break_pending_ = true;
    return {};
  }

  /// A real field, so that Word updates it, with its entries already there. Page numbers are those of our own layout, which is near to
  /// Word's, in fields marked to be counted anew when the document is opened.
  Status write_block(const TableOfContents& contents) {
    add(std::string(words_.contents), {.style = "TOCHeading"});
    std::vector<std::size_t> entries;
    for (std::size_t i = 0; i < outline_.size(); ++i)
      if (outline_[i].level <= contents.levels) entries.push_back(i);
    const auto begin = fmt::format(
        R"(<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText xml:space="preserve"> TOC \o "1-{}" \h \z \u </w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r>)",
        contents.levels);
    const std::string end = R"(<w:r><w:fldChar w:fldCharType="end"/></w:r>)";
    if (entries.empty()) {
      out_ += paragraph_start({.style = "TOC1"}) + begin + end + "</w:p>";
      return {};
    }
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const auto& entry = outline_[entries[i]];
      const auto page = entries[i] < pages_.size() ? std::to_string(pages_[entries[i]]) : " ";
      const auto& bookmark = bookmark_of_.at(entry.anchor);
      const auto style = fmt::format("TOC{}", entry.level);
      out_ += paragraph_start({.style = style});
      if (i == 0) out_ += begin;
      const auto text = entry.number.empty() ? entry.text : entry.number + "  " + entry.text;
      out_ += fmt::format(
          R"(<w:hyperlink w:anchor="{0}" w:history="1">{1}<w:r><w:tab/></w:r><w:r><w:fldChar w:fldCharType="begin" w:dirty="true"/></w:r><w:r><w:instrText xml:space="preserve"> PAGEREF {0} \h </w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t xml:space="preserve">{2}</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r></w:hyperlink>)",
          bookmark, plain_run(text, ""), page);
      if (i + 1 == entries.size()) out_ += end;
      out_ += "</w:p>";
    }
    return {};
  }

  void sources() {
    if (document_.sources.empty()) return;
    add(std::string(words_.sources), {.style = "Heading1"});
    for (std::size_t i = 0; i < document_.sources.size(); ++i) {
      const auto& source = document_.sources[i];
      out_ += paragraph_start({.extra = R"(<w:tabs><w:tab w:val="left" w:pos="560"/></w:tabs><w:spacing w:after="80"/><w:ind w:left="560" w:hanging="560"/>)"});
      const RunLook look{.half_points = 19};
      out_ += bookmarked(fmt::format("source-{}", i + 1), plain_run(fmt::format("[{}]", i + 1), run_properties({.text = {}}, look, false))) + "<w:r><w:tab/></w:r>" +
              runs(Rich(source.text), look);
      if (!source.address.empty()) out_ += plain_run(" ", "") + runs(Rich(link(source.address, source.address)), look);
      out_ += "</w:p>";
    }
  }

  // The package.

  Result<std::string> package() {
    const std::string xml = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
    const auto section = fmt::format(
        R"(<w:sectPr><w:headerReference w:type="default" r:id="rId4"/><w:footerReference w:type="default" r:id="rId5"/><w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="{}" w:right="{}" w:bottom="{}" w:left="{}" w:header="760" w:footer="620" w:gutter="0"/>{}</w:sectPr>)",
        kDocxTop, kDocxLeft, kDocxBottom, kDocxLeft, document_.title_page ? "<w:titlePg/>" : "");
    auto body =
        xml +
        R"(<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"><w:body>)" +
        std::move(out_) + section + "</w:body></w:document>";
    const auto fonts =
        xml +
        R"(<w:fonts xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:font w:name="Microsoft YaHei"><w:altName w:val="Noto Sans CJK SC"/><w:charset w:val="86"/><w:family w:val="swiss"/></w:font></w:fonts>)";
    std::string document_relations = xml + R"(<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">)";
    int id = 0;
    for (const std::string_view part : {"styles", "numbering", "settings", "header", "footer", "fontTable"})
      document_relations +=
          fmt::format(R"(<Relationship Id="rId{}" Type="{}/{}" Target="{}{}.xml"/>)", ++id, kRelations, part, part, part == "header" || part == "footer" ? "1" : "");
    document_relations += relations_ + "</Relationships>";
    const auto package_relations =
        xml +
        fmt::format(
            R"(<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="{}/officeDocument" Target="word/document.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties" Target="docProps/core.xml"/></Relationships>)",
            kRelations);
    std::vector<std::pair<std::string, std::string>> parts{{"[Content_Types].xml", docx_content_types()},
                                                           {"_rels/.rels", package_relations},
                                                           {"docProps/core.xml", docx_core_properties(document_)},
                                                           {"word/document.xml", std::move(body)},
                                                           {"word/_rels/document.xml.rels", document_relations},
                                                           {"word/styles.xml", docx_styles()},
                                                           {"word/numbering.xml", docx_numbering(lists_)},
                                                           {"word/settings.xml", docx_settings()},
                                                           {"word/fontTable.xml", fonts},
                                                           {"word/header1.xml", docx_header(document_)},
                                                           {"word/footer1.xml", docx_footer(document_)}};
    std::ranges::move(media_, std::back_inserter(parts));
    return zip_parts(parts, document_.date);
  }

  const Document& document_;
  const Words& words_;
  const std::vector<std::string>& pictures_;
  const std::vector<std::size_t>& pages_;
  const std::vector<OutlineEntry> outline_;
  std::map<std::string, std::string> bookmark_of_;
  std::string out_, relations_;
  std::vector<std::pair<std::string, std::string>> media_;
  bool break_pending_ = false;
  int lists_ = 1, bookmarks_ = 0, relations_count_ = 0;
  std::size_t block_ = 0, tables_ = 0, figures_ = 0;
};

}  // namespace

Result<std::string> render_docx(const Document& document, const PrintedParts& parts) { return Writer(document, parts).run(); }

}  // namespace siyu::report
