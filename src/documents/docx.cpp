#include "documents/docx.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>

#include "documents/docx_styles.h"
#include "documents/markdown_writer.h"
#include "documents/numbering.h"
#include "documents/omml.h"
#include "documents/ooxml.h"

namespace siyu::documents {
namespace {

constexpr int kMaxColumns = 1000;
constexpr std::size_t kMaxNotes = 20'000;

/// What one paragraph holds beside its text.
struct Inline {
  std::string text;
  std::vector<pugi::xml_node> boxes;      // w:txbxContent
  std::vector<pugi::xml_node> comments;   // w:comment
};

/// Check marks of forms are drawn with symbol fonts, whose letters would say nothing.
std::string symbol(std::string_view code, std::string_view font) {
  unsigned value = 0;
  std::from_chars(code.data(), code.data() + code.size(), value, 16);
  value &= 0xFFU;
  if (font == "Wingdings 2") return value == 0x52 || value == 0x50 ? "☑" : value == 0xA3 || value == 0x2A ? "☐" : value == 0x53 || value == 0x54 ? "☒" : "";
  if (font != "Wingdings") return {};
  return value == 0xFE || value == 0xFC ? "☑" : value == 0xA8 || value == 0x6F || value == 0x71 ? "☐" : value == 0xFD || value == 0x78 ? "☒" : "";
}

class DocxReader {
 public:
  DocxReader(OoxmlPackage& package, pugi::xml_node document) : package_(package), document_(document) {
    const auto& main = package_.main_part();
    styles_tree_ = package_.related_xml(main, "styles");
    styles_.emplace(styles_tree_ ? child(*styles_tree_, "styles") : pugi::xml_node());
    if (const auto numbering = package_.related_xml(main, "numbering")) numbering_.emplace(child(*numbering, "numbering"));
    load_notes("footnotes", "footnote", footnotes_tree_, footnotes_);
    load_notes("endnotes", "endnote", endnotes_tree_, endnotes_);
    load_notes("comments", "comment", comments_tree_, comments_);
  }

  ParsedDocument read() && {
    blocks(child(document_, "body"));
    // A note may refer to further notes; the list grows while it is written.
    for (std::size_t i = 0; i < notes_.size(); ++i) writer_.paragraph(fmt::format("[^{}]: {}", i + 1, one_line(flat_text(notes_[i]))));
    return std::move(writer_).finish("docx", package_.title());
  }

 private:
  using Notes = std::map<std::string, pugi::xml_node, std::less<>>;

  void load_notes(std::string_view type, std::string_view element, XmlTree& tree, Notes& notes) {
    tree = package_.related_xml(package_.main_part(), type);
    if (!tree) return;
    for (const auto node : child(*tree, type).children())
      if (local_name(node) == element) notes.emplace(attribute(node, "id"), node);
  }

  void blocks(pugi::xml_node parent) {
    for (const auto node : parent.children()) {
      const auto name = local_name(node);
      if (name == "p") paragraph(node);
      else if (name == "tbl") table(node);
      else if (name == "sdt") blocks(child(node, "sdtContent"));
      else if (name == "AlternateContent") blocks(chosen(node));
      else if (name == "customXml" || name == "ins" || name == "moveTo" || name == "smartTag") blocks(node);
      else if (name == "oMathPara" || name == "oMath") writer_.paragraph("$$" + latex_of(node) + "$$");
    }
  }

  static pugi::xml_node chosen(pugi::xml_node alternate) {
    const auto choice = child(alternate, "Choice");
    return choice ? choice : child(alternate, "Fallback");
  }

  void paragraph(pugi::xml_node node) {
    Inline content;
    collect(node, content);
    const auto kind = styles_->kind_of(child(node, "pPr"));
    const bool empty = trim(content.text).empty();
    const auto label = empty ? std::nullopt : label_of(kind);
    const auto level = std::max(list_level(kind), 0);
    if (kind.title && !empty) {
      writer_.heading(1, content.text);
      below_title_ = 1;
    } else if (kind.heading > 0 && !empty) {
      writer_.heading(kind.heading + below_title_, (label && !label->empty() ? *label + " " : "") + content.text);
    } else if (label) {
      writer_.list_item(level, *label, content.text);
    } else {
      writer_.paragraph(content.text);
    }
    for (const auto comment : content.comments) writer_.quote(fmt::format("{}: {}", attribute(comment, "author"), one_line(flat_text(comment))));
    for (const auto box : content.boxes) blocks(box);
  }

  [[nodiscard]] int list_level(const ParagraphKind& kind) const {
    if (kind.list_level >= 0 || !numbering_) return kind.list_level;
    return numbering_->level_of_style(kind.list, kind.list_style);
  }

  std::optional<std::string> label_of(const ParagraphKind& kind) {
    if (kind.list == 0 || !numbering_) return std::nullopt;
    return numbering_->next(kind.list, std::max(list_level(kind), 0));
  }

  void collect(pugi::xml_node parent, Inline& out) {
    for (const auto node : parent.children()) {
      const auto name = local_name(node);
      if (name == "r") {
        if (!is_on(child(node, "rPr"), "vanish")) collect(node, out);
      } else if (name == "t") {
        out.text += all_text(node);
      } else if (name == "tab" || name == "ptab") {
        out.text += '\t';
      } else if (name == "br" || name == "cr") {
        out.text += '\n';
      } else if (name == "noBreakHyphen") {
        out.text += '-';
      } else if (name == "sym") {
        out.text += symbol(attribute(node, "char"), attribute(node, "font"));
      } else if (name == "oMath") {
        out.text += " $" + latex_of(node) + "$ ";
      } else if (name == "oMathPara") {
        for (const auto math : node.children())
          if (local_name(math) == "oMath") out.text += "\n$$" + latex_of(math) + "$$\n";
      } else if (name == "ruby") {
        collect(child(node, "rubyBase"), out);
      } else if (name == "footnoteReference") {
        note(footnotes_, node, out);
      } else if (name == "endnoteReference") {
        note(endnotes_, node, out);
      } else if (name == "commentReference") {
        if (const auto found = comments_.find(attribute(node, "id")); found != comments_.end()) out.comments.push_back(found->second);
      } else if (name == "AlternateContent") {
        collect(chosen(node), out);
      } else if (name == "drawing" || name == "pict" || name == "object") {
        boxes(node, out);
      } else if (name != "pPr" && name != "rPr" && name != "del" && name != "moveFrom" && name != "instrText" && name != "delText" &&
                 name != "sdtPr" && name != "fldData") {
        collect(node, out);  // hyperlinks, insertions, fields, content controls, …
      }
    }
  }

  static void boxes(pugi::xml_node parent, Inline& out) {
    for (const auto node : parent.children()) {
      const auto name = local_name(node);
      if (name == "txbxContent") out.boxes.push_back(node);
      else if (name == "AlternateContent") boxes(chosen(node), out);
      else boxes(node, out);
    }
  }

  void note(const Notes& notes, pugi::xml_node reference, Inline& out) {
    const auto found = notes.find(attribute(reference, "id"));
    if (found == notes.end() || notes_.size() >= kMaxNotes) return;
    auto at = std::ranges::find(notes_, found->second);
    if (at == notes_.end()) at = notes_.insert(notes_.end(), found->second);
    out.text += fmt::format("[^{}]", at - notes_.begin() + 1);
  }

  /// Paragraphs, lists and tables below the node as running text, for cells and notes.
  std::string flat_text(pugi::xml_node parent) {
    std::string out;
    const auto add = [&out](std::string_view text) {
      if (text.empty()) return;
      if (!out.empty()) out += ' ';
      out += text;
    };
    for (const auto node : parent.children()) {
      const auto name = local_name(node);
      if (name == "p") {
        Inline content;
        collect(node, content);
        const auto text = one_line(content.text);
        const auto kind = styles_->kind_of(child(node, "pPr"));
        if (const auto label = text.empty() ? std::nullopt : label_of(kind)) add(label->empty() ? "-" : *label);
        add(text);
        for (const auto box : content.boxes) add(flat_text(box));
        for (const auto comment : content.comments) add("> " + one_line(flat_text(comment)));
      } else if (name == "AlternateContent") {
        add(flat_text(chosen(node)));
      } else if (name != "tcPr" && name != "trPr" && name != "tblPr" && name != "sdtPr" && name != "del") {
        add(flat_text(node));
      }
    }
    return out;
  }

  /// Rows stand below the table, or inside content controls and insertions.
  static void rows_of(pugi::xml_node parent, std::string_view wanted, std::vector<pugi::xml_node>& out) {
    for (const auto node : parent.children()) {
      const auto name = local_name(node);
      if (name == wanted) out.push_back(node);
      else if (name == "sdt") rows_of(child(node, "sdtContent"), wanted, out);
      else if (name == "customXml" || name == "ins" || name == "moveTo") rows_of(node, wanted, out);
    }
  }

  void table(pugi::xml_node node) {
    std::vector<pugi::xml_node> rows;
    rows_of(node, "tr", rows);
    if (rows.size() == 1) {  // one cell is a frame around text, not a table
      std::vector<pugi::xml_node> cells;
      rows_of(rows.front(), "tc", cells);
      if (cells.size() == 1) return blocks(cells.front());
    }
    TableRows out;
    for (const auto row : rows) {
      if (is_on(child(row, "trPr"), "del")) continue;
      out.push_back(table_row(row, out.empty() ? std::vector<std::string>() : out.back()));
    }
    writer_.table(out);
  }

  std::vector<std::string> table_row(pugi::xml_node row, const std::vector<std::string>& above) {
    std::vector<std::string> out(static_cast<std::size_t>(number(child_value(child(row, "trPr"), "gridBefore"), 0, 0, kMaxColumns)));
    std::vector<pugi::xml_node> cells;
    rows_of(row, "tc", cells);
    for (const auto cell : cells) {
      if (out.size() >= kMaxColumns) break;
      const auto properties = child(cell, "tcPr");
      const auto merge = child(properties, "vMerge");
      const bool goes_on = merge && attribute(merge, "val") != "restart";
      const auto text = goes_on ? (out.size() < above.size() ? above[out.size()] : std::string()) : flat_text(cell);
      const int span = number(child_value(properties, "gridSpan"), 1, 1, 100);
      out.insert(out.end(), static_cast<std::size_t>(span), text);
    }
    return out;
  }

  OoxmlPackage& package_;
  pugi::xml_node document_;
  XmlTree styles_tree_, footnotes_tree_, endnotes_tree_, comments_tree_;
  std::optional<DocxStyles> styles_;
  std::optional<Numbering> numbering_;
  Notes footnotes_, endnotes_, comments_;
  std::vector<pugi::xml_node> notes_;  // in the order of their references
  MarkdownWriter writer_;
  int below_title_ = 0;  // 1 once a title was seen: the headings below it are one level deeper
};

}  // namespace

ParsedDocument parse_docx(const ParseInput& input) {
  auto package = OoxmlPackage::open(input.bytes);
  if (!package) return not_parsed("docx", package.error());
  const auto tree = package->xml(package->main_part());
  if (!tree) return not_parsed("docx", tree.error());
  const auto document = child(**tree, "document");
  if (!document) return not_parsed("docx", Error{ErrorCode::kCorrupted, "The file's main part is no Word document"});
  auto parsed = DocxReader(*package, document).read();
  parsed.embedded = package->embedded_files();
  return parsed;
}

}  // namespace siyu::documents
