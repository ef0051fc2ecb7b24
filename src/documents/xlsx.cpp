#include "documents/xlsx.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "documents/cell_format.h"
#include "documents/ooxml.h"
#include "documents/sheet_grid.h"

namespace siyu::documents {
namespace {

constexpr std::uint64_t kMaxSheetXml = 64ULL << 20;  // read of one sheet; about 1.5 million cells
constexpr std::size_t kMaxCells = 1'000'000;         // of the whole workbook
constexpr int kMaxSheets = 1000;

/// "BC12" → row 11, column 54; false when it is no reference.
bool read_reference(std::string_view text, int& row, int& column) {
  std::size_t i = 0;
  int letters = 0;
  for (; i < text.size() && i < 4 && text[i] >= 'A' && text[i] <= 'Z'; ++i) letters = letters * 26 + (text[i] - 'A' + 1);
  const int found = number(text.substr(i), -1, 1, SheetGrid::kMaxRow);
  if (i == 0 || i > 3 || found < 0) return false;
  row = found - 1;
  column = letters - 1;
  return true;
}

/// Text runs without the phonetic guides of East Asian workbooks.
std::string rich_text(pugi::xml_node node) {
  std::string out;
  for (const auto each : node.children()) {
    const auto name = local_name(each);
    if (name == "t") out += all_text(each);
    else if (name == "r") out += all_text(child(each, "t"));
  }
  return out;
}

class XlsxReader {
 public:
  explicit XlsxReader(OoxmlPackage& package) : package_(package) {}

  ParsedDocument read(pugi::xml_node workbook) && {
    const auto& main = package_.main_part();
    if (const auto strings = package_.related_xml(main, "sharedStrings"))
      for (const auto node : child(*strings, "sst").children())
        if (local_name(node) == "si") strings_.push_back(rich_text(node));
    if (const auto styles = package_.related_xml(main, "styles")) read_formats(child(*styles, "styleSheet"));
    const auto epoch = attribute(child(workbook, "workbookPr"), "date1904");
    from_1904_ = epoch == "1" || epoch == "true";

    const auto relationships = package_.relationships(main);
    int page = 0;
    for (const auto node : child(workbook, "sheets").children()) {
      if (page == kMaxSheets || writer_.full()) break;
      writer_.begin_page(++page);
      const std::string name(attribute(node, "name"));
      writer_.heading(2, name);
      sheet(name, std::string(target_of(relationships, prefixed_attribute(node, "id"))));
    }
    auto document = std::move(writer_).finish("xlsx", "");
    document.title = one_line(package_.title());  // a sheet's name is no title
    if (document.reason.empty()) document.reason = note_;
    return document;
  }

 private:
  void read_formats(pugi::xml_node styles) {
    std::map<int, CellFormat> custom;
    for (const auto node : child(styles, "numFmts").children()) custom[number(attribute(node, "numFmtId"), -1)] = read_format_code(attribute(node, "formatCode"));
    for (const auto node : child(styles, "cellXfs").children()) {
      const int id = number(attribute(node, "numFmtId"), 0);
      const auto found = custom.find(id);
      formats_.push_back(found == custom.end() ? built_in_format(id) : found->second);
    }
  }

  void sheet(const std::string& name, const std::string& part) {
    bool cut = false;
    const auto tree = package_.xml_prefix(part, kMaxSheetXml, cut);
    if (!tree) {
      note(fmt::format("Sheet {} was left out: {}", name, tree.error().message));
      return;
    }
    const auto root = child(**tree, "worksheet");
    SheetGrid grid;
    cut = !cells(child(root, "sheetData"), grid) || cut;
    if (cut) note(fmt::format("Sheet {} is too large to be read whole; its end was left out. Export it as CSV or split it", name));
    for (const auto node : child(root, "mergeCells").children()) {
      const auto reference = attribute(node, "ref");
      const auto colon = reference.find(':');
      CellRange range;
      if (colon != std::string_view::npos && read_reference(reference.substr(0, colon), range.top, range.left) &&
          read_reference(reference.substr(colon + 1), range.bottom, range.right))
        grid.merge(range);
    }
    grid.write(writer_);
    for (const auto& relationship : package_.relationships(part)) {
      if (relationship.type == "drawing") drawing(relationship.target);
      if (relationship.type == "comments") comments(relationship.target);
    }
  }

  /// False when the workbook's limit was reached.
  bool cells(pugi::xml_node data, SheetGrid& grid) {
    int row = -1;
    for (const auto line : data.children()) {
      row = number(attribute(line, "r"), row + 2, 1, SheetGrid::kMaxRow) - 1;
      int column = -1;
      for (const auto cell : line.children()) {
        ++column;
        int at_row = row;
        read_reference(attribute(cell, "r"), at_row, column);
        if (cells_ >= kMaxCells) return false;
        const auto before = grid.cells();
        grid.set(at_row, column, cell_text(cell));
        cells_ += grid.cells() - before;
      }
    }
    return true;
  }

  [[nodiscard]] std::string cell_text(pugi::xml_node cell) const {
    const auto type = attribute(cell, "t");
    if (type == "inlineStr") return rich_text(child(cell, "is"));
    const auto value = all_text(child(cell, "v"));
    if (type == "s") {
      const int index = number(value, -1, 0);
      return index >= 0 && static_cast<std::size_t>(index) < strings_.size() ? strings_[static_cast<std::size_t>(index)] : std::string();
    }
    if (type == "b") return value.empty() ? std::string() : value == "1" ? "TRUE" : "FALSE";
    if (type == "str" || type == "e" || type == "d") return value;
    const int style = number(attribute(cell, "s"), -1, 0);
    const auto format = style >= 0 && static_cast<std::size_t>(style) < formats_.size() ? formats_[static_cast<std::size_t>(style)] : CellFormat{};
    return show_number(value, format, from_1904_);
  }

  void drawing(const std::string& part) {
    const auto tree = package_.xml(part);
    if (tree) texts_of(**tree);
  }

  void texts_of(pugi::xml_node parent) {
    for (const auto node : parent.children()) {
      const auto name = local_name(node);
      if (name == "AlternateContent") texts_of(child(node, "Choice"));
      else if (name == "txBody") {
        for (const auto paragraph : node.children())
          if (local_name(paragraph) == "p") writer_.paragraph(all_text(paragraph));
      } else texts_of(node);
    }
  }

  void comments(const std::string& part) {
    const auto tree = package_.xml(part);
    if (!tree) return;
    const auto root = child(**tree, "comments");
    std::vector<std::string> authors;
    for (const auto node : child(root, "authors").children()) authors.push_back(all_text(node));
    for (const auto node : child(root, "commentList").children()) {
      const auto author = static_cast<std::size_t>(number(attribute(node, "authorId"), 1 << 30, 0, 1 << 30));
      writer_.quote(fmt::format("{} {}: {}", attribute(node, "ref"), author < authors.size() ? authors[author] : "", one_line(rich_text(child(node, "text")))));
    }
  }

  void note(std::string text) {
    if (note_.empty()) note_ = std::move(text);
  }

  OoxmlPackage& package_;
  MarkdownWriter writer_;
  std::vector<std::string> strings_;
  std::vector<CellFormat> formats_;  // by style index
  bool from_1904_ = false;
  std::size_t cells_ = 0;
  std::string note_;
};

}  // namespace

ParsedDocument parse_xlsx(const ParseInput& input) {
  auto package = OoxmlPackage::open(input.bytes);
  if (!package) return not_parsed("xlsx", package.error());
  if (package->main_part().ends_with(".bin")) return refused("xlsb", "Binary workbooks (.xlsb) are not supported; save the file as .xlsx");
  const auto tree = package->xml(package->main_part());
  if (!tree) return not_parsed("xlsx", tree.error());
  const auto workbook = child(**tree, "workbook");
  if (!workbook) return not_parsed("xlsx", Error{ErrorCode::kCorrupted, "The file's main part is no workbook"});
  auto parsed = XlsxReader(*package).read(workbook);
  parsed.embedded = package->embedded_files();
  return parsed;
}

}  // namespace siyu::documents
