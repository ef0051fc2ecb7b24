#include "documents/odf.h"

#include <algorithm>
#include <set>

#include "documents/markdown_writer.h"
#include "documents/xml.h"
#include "documents/zip_reader.h"

namespace siyu::documents {
namespace {

constexpr int kMaxSpaces = 100;
constexpr int kMaxRepeatedRows = 1000;  // a sheet's empty end is written as one row repeated a million times
constexpr int kMaxRepeatedCells = 200;
constexpr std::size_t kMaxColumns = 1000;
constexpr std::size_t kMaxRows = 100'000;

class OdfReader {
 public:
  /// Learns which lists are numbered, from the styles of the content and of the document.
  void learn_styles(pugi::xml_node root) {
    for (const auto group : root.children())
      for (const auto style : group.children()) {
        if (local_name(style) != "list-style") continue;
        for (const auto level : style.children())
          if (local_name(level) == "list-level-style-number" && !attribute(level, "num-format").empty())
            numbered_.emplace(attribute(style, "name"), number(attribute(level, "level"), 1));
      }
  }

  void read(pugi::xml_node body, std::string_view kind) {
    if (kind == "ods") {
      sheets(body);
    } else if (kind == "odp") {
      int page = 0;
      for (const auto node : body.children())
        if (local_name(node) == "page") {
          writer_.begin_page(++page);
          blocks(node, 0);
        }
    } else {
      blocks(body, 0);
    }
  }
  ParsedDocument finish(std::string kind, std::string title) && {
    const bool cut = writer_.full() || cut_;
    auto parsed = std::move(writer_).finish(std::move(kind), std::move(title));
    if (cut) parsed.reason = "the document is too long and its end was not read";
    return parsed;
  }

 private:
  void blocks(pugi::xml_node parent, int list_level) {
    for (const auto node : parent.children()) {
      const auto name = local_name(node);
      if (name == "h") {
        writer_.heading(number(attribute(node, "outline-level"), 1, 1, 10), one_line(inline_text(node)));
      } else if (name == "p") {
        writer_.paragraph(inline_text(node));
      } else if (name == "list") {
        list(node, list_level);
      } else if (name == "table") {
        writer_.table(rows_of(node));
      } else if (name != "tracked-changes" && name != "annotation" && name != "forms" && name != "sequence-decls" && name != "desc" && name != "title") {
        blocks(node, list_level);  // sections, indexes, frames, text boxes, notes of a slide
      }
      flush_boxes();
    }
  }

  void list(pugi::xml_node node, int level, std::string_view style = {}) {
    if (const auto own = attribute(node, "style-name"); !own.empty()) style = own;
    const bool is_numbered = numbered_.contains({std::string(style), level + 1});
    int count = 0;
    for (const auto item : node.children()) {
      if (local_name(item) != "list-item" && local_name(item) != "list-header") continue;
      ++count;
      for (const auto part : item.children()) {
        if (local_name(part) == "list") list(part, level + 1, style);
        else if (local_name(part) == "p" || local_name(part) == "h") writer_.list_item(level, is_numbered ? std::to_string(count) + "." : "", one_line(inline_text(part)));
        else blocks(part, level);
      }
    }
  }

  std::string inline_text(pugi::xml_node parent) {
    std::string out;
    collect(parent, out);
    return out;
  }

  void collect(pugi::xml_node parent, std::string& out) {
    for (const auto node : parent.children()) {
      if (node.type() == pugi::node_pcdata || node.type() == pugi::node_cdata) {
        out += node.value();
        continue;
      }
      const auto name = local_name(node);
      if (name == "s") out.append(static_cast<std::size_t>(number(attribute(node, "c"), 1, 1, kMaxSpaces)), ' ');
      else if (name == "tab") out += '\t';
      else if (name == "line-break") out += '\n';
      else if (name == "note") out += " (" + one_line(all_text(child(node, "note-body"))) + ")";
      else if (name == "text-box") boxes_.push_back(node);
      else if (name != "annotation" && name != "desc" && name != "title" && name != "object" && name != "tracked-changes") collect(node, out);
    }
  }

  /// Boxes stand after the paragraph that they hang on.
  void flush_boxes() {
    auto boxes = std::move(boxes_);
    boxes_.clear();
    for (const auto box : boxes) blocks(box, 0);
  }

  /// Everything in a cell as running text.
  std::string cell_text(pugi::xml_node parent, bool is_numbered = false) {
    std::string out;
    int count = 0;
    for (const auto node : parent.children()) {
      const auto name = local_name(node);
      if (name == "annotation" || name == "desc" || name == "title") continue;
      const bool numbered = name == "list" ? numbered_.contains({std::string(attribute(node, "style-name")), 1}) : is_numbered;
      const auto text = one_line(name == "p" || name == "h" ? inline_text(node) : cell_text(node, numbered));
      if (text.empty()) continue;
      const auto label = name != "list-item" ? std::string() : is_numbered ? std::to_string(++count) + ". " : std::string("- ");
      out += (out.empty() ? "" : " ") + label + text;
    }
    return out;
  }

  TableRows rows_of(pugi::xml_node table) {
    TableRows rows;
    add_rows(table, rows);
    while (!rows.empty() && std::ranges::all_of(rows.back(), &std::string::empty)) rows.pop_back();
    return rows;
  }

  void add_rows(pugi::xml_node parent, TableRows& rows) {
    for (const auto node : parent.children()) {
      const auto name = local_name(node);
      if (name == "table-header-rows" || name == "table-rows" || name == "table-row-group") add_rows(node, rows);
      if (name != "table-row") continue;
      const auto row = cells_of(node);
      const bool empty = std::ranges::all_of(row, &std::string::empty);
      const int repeated = empty ? 1 : number(attribute(node, "number-rows-repeated"), 1, 1, kMaxRepeatedRows);
      for (int i = 0; i < repeated; ++i) {
        if (rows.size() == kMaxRows) {
          cut_ = true;
          return;
        }
        if (!empty || !rows.empty()) rows.push_back(row);
      }
    }
  }

  std::vector<std::string> cells_of(pugi::xml_node row) {
    std::vector<std::string> cells;
    for (const auto cell : row.children()) {
      const auto name = local_name(cell);
      if (name != "table-cell" && name != "covered-table-cell") continue;
      const auto text = name == "covered-table-cell" && !cells.empty() ? cells.back() : cell_text(cell);
      const int repeated = number(attribute(cell, "number-columns-repeated"), 1, 1, text.empty() ? kMaxRepeatedCells : static_cast<int>(kMaxColumns));
      cells.insert(cells.end(), std::min(static_cast<std::size_t>(repeated), kMaxColumns - std::min(kMaxColumns, cells.size())), text);
    }
    while (!cells.empty() && cells.back().empty()) cells.pop_back();
    return cells;
  }

  void sheets(pugi::xml_node body) {
    int page = 0;
    for (const auto table : body.children()) {
      if (local_name(table) != "table") continue;
      writer_.begin_page(++page);
      writer_.heading(2, attribute(table, "name"));
      writer_.table(rows_of(table));
    }
  }

  MarkdownWriter writer_;
  std::set<std::pair<std::string, int>> numbered_;  // list style, level from 1
  std::vector<pugi::xml_node> boxes_;
  bool cut_ = false;
};

}  // namespace

ParsedDocument parse_odf(const ParseInput& input) {
  auto zip = ZipReader::open(input.bytes);
  if (!zip) return not_parsed("odf", zip.error());
  const auto manifest = zip->read("META-INF/manifest.xml", 1 << 20);
  if (manifest && manifest->find("encryption-data") != std::string::npos) return refused("odf", "The document is encrypted; save it without a password");
  const auto content = zip->read("content.xml");
  if (!content) return not_parsed("odf", content.error());
  const auto tree = load_xml(*content, "content.xml");
  if (!tree) return not_parsed("odf", tree.error());
  const auto body = child(child(**tree, "document-content"), "body");
  for (const auto& [element, kind] : {std::pair{"text", "odt"}, {"spreadsheet", "ods"}, {"presentation", "odp"}, {"drawing", "odp"}}) {
    const auto found = child(body, element);
    if (!found) continue;
    std::string title;
    if (const auto meta = zip->read("meta.xml", 1 << 20))
      if (const auto facts = load_xml(*meta, "meta.xml")) title = one_line(all_text(descendant(**facts, "title")));
    OdfReader reader;
    reader.learn_styles(child(**tree, "document-content"));
    if (const auto styles = zip->read("styles.xml", 16UL << 20))
      if (const auto known = load_xml(*styles, "styles.xml")) reader.learn_styles(child(**known, "document-styles"));
    reader.read(found, kind);
    return std::move(reader).finish(kind, std::move(title));
  }
  return {.status = ParseStatus::kFailed, .reason = "The file holds no OpenDocument text, sheet or slides", .format = "odf"};
}

}  // namespace siyu::documents
