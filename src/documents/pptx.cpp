#include "documents/pptx.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "documents/drawings.h"
#include "documents/markdown_writer.h"
#include "documents/numbering.h"
#include "documents/omml.h"
#include "documents/ooxml.h"

namespace siyu::documents {
namespace {

constexpr std::size_t kMaxSlides = 5000;
constexpr std::size_t kMaxShapes = 5000;       // of one slide
constexpr std::int64_t kSameLine = 228'600;    // shapes whose tops are within a quarter inch (in EMU) stand on one line
constexpr int kMaxColumns = 1000;

struct Place {
  double x = 0, y = 0;  ///< EMU
};

/// Maps a group's inner coordinates to the slide's.
struct Frame {
  double scale_x = 1, scale_y = 1, shift_x = 0, shift_y = 0;
  [[nodiscard]] Place operator()(Place inner) const { return {inner.x * scale_x + shift_x, inner.y * scale_y + shift_y}; }
};

struct Shape {
  pugi::xml_node node;
  pugi::xml_node placeholder;  ///< p:ph, or a null node
  Place place;
  std::size_t order = 0;  ///< in the file
  bool title = false;
};

double coordinate(pugi::xml_node node, std::string_view name) { return number(attribute(node, name), 0, -2'000'000'000, 2'000'000'000); }

/// "arabicParenR" → "3)".
std::string auto_number(std::string_view type, int value) {
  std::string_view format = "decimal";
  if (type.starts_with("alphaLc")) format = "lowerLetter";
  else if (type.starts_with("alphaUc")) format = "upperLetter";
  else if (type.starts_with("romanLc")) format = "lowerRoman";
  else if (type.starts_with("romanUc")) format = "upperRoman";
  else if (type.starts_with("ea1Ch") || type.starts_with("ea1Jpn")) format = "chineseCounting";
  else if (type.starts_with("circleNum")) format = "decimalEnclosedCircle";
  const auto counter = format_counter(format, value);
  if (type.ends_with("ParenBoth")) return "(" + counter + ")";
  if (type.ends_with("ParenR")) return counter + ")";
  return counter + (type.ends_with("Plain") ? "" : ".");
}

std::string text_of(pugi::xml_node paragraph) {
  std::string out;
  for (const auto node : paragraph.children()) {
    const auto name = local_name(node);
    if (name == "r" || name == "fld") out += all_text(child(node, "t"));
    else if (name == "br") out += '\n';
    else if (name == "AlternateContent") out += text_of(child(node, "Choice"));
    else if (name == "m") {
      if (const auto math = descendant(node, "oMath")) out += " $" + latex_of(math) + "$ ";
    }
  }
  return out;
}

std::string body_text(pugi::xml_node body) {
  std::string out;
  for (const auto node : body.children())
    if (local_name(node) == "p") out += (out.empty() ? "" : "\n") + text_of(node);
  return out;
}

pugi::xml_node placeholder_of(pugi::xml_node shape) {
  for (const auto node : shape.children())
    if (local_name(node).starts_with("nv")) return child(child(node, "nvPr"), "ph");
  return {};
}

pugi::xml_node position_of(pugi::xml_node shape) {
  for (const auto* holder : {"spPr", "grpSpPr"})
    if (const auto position = child(child(shape, holder), "xfrm")) return position;
  return child(shape, "xfrm");  // of a graphic frame
}

/// The shape of a layout or master that this placeholder takes its place and style from.
pugi::xml_node inherited(pugi::xml_node root, pugi::xml_node placeholder, bool by_index) {
  const auto type = attribute(placeholder, "type"), index = attribute(placeholder, "idx");
  for (const auto shape : child(child(root, "cSld"), "spTree").children()) {
    const auto other = placeholder_of(shape);
    if (!other) continue;
    if (by_index && !index.empty() ? attribute(other, "idx") == index : attribute(other, "type") == type) return shape;
    if (!by_index && attribute(other, "type") == "body" && (type.empty() || type == "obj")) return shape;
  }
  return {};
}

class PptxReader {
 public:
  explicit PptxReader(OoxmlPackage& package) : package_(package) {}

  ParsedDocument read(pugi::xml_node presentation) && {
    const auto relationships = package_.relationships(package_.main_part());
    std::size_t count = 0;
    std::string problem;
    for (const auto id : child(presentation, "sldIdLst").children()) {
      if (++count > kMaxSlides || writer_.full()) break;
      writer_.begin_page(static_cast<int>(count));
      const auto part = std::string(target_of(relationships, prefixed_attribute(id, "id")));
      const auto tree = package_.xml(part);
      if (tree) slide(part, child(**tree, "sld"));
      else if (problem.empty()) problem = fmt::format("Slide {} was left out: {}", count, tree.error().message);
    }
    if (count > kMaxSlides) problem = fmt::format("Only the first {} slides were read", kMaxSlides);
    auto document = std::move(writer_).finish("pptx", package_.title());
    if (document.reason.empty()) document.reason = problem;
    return document;
  }

 private:
  pugi::xml_node cached(const std::string& part, std::string_view root) {
    auto [at, added] = trees_.try_emplace(part);
    if (added)
      if (auto tree = package_.xml(part)) at->second = std::move(*tree);
    return at->second ? child(*at->second, root) : pugi::xml_node();
  }

  void slide(const std::string& part, pugi::xml_node root) {
    const auto relationships = package_.relationships(part);
    layout_ = master_ = {};
    for (const auto& relationship : relationships) {
      if (relationship.type != "slideLayout") continue;
      layout_ = cached(relationship.target, "sldLayout");
      for (const auto& above : package_.relationships(relationship.target))
        if (above.type == "slideMaster") master_ = cached(above.target, "sldMaster");
    }
    std::vector<Shape> shapes;
    gather(child(child(root, "cSld"), "spTree"), {}, shapes);
    std::ranges::sort(shapes, {}, [](const Shape& shape) {
      return std::tuple(!shape.title, static_cast<std::int64_t>(shape.place.y) / kSameLine, shape.place.x, shape.order);
    });
    for (const auto& shape : shapes) write(shape, relationships);
    for (const auto& relationship : relationships) {
      if (relationship.type == "notesSlide") notes(relationship.target);
      if (relationship.type == "comments") comments(relationship.target);
    }
  }

  void gather(pugi::xml_node tree, const Frame& frame, std::vector<Shape>& out) {
    for (const auto node : tree.children()) {
      if (out.size() >= kMaxShapes) return;
      const auto name = local_name(node);
      if (name == "AlternateContent") {
        gather(child(node, "Choice"), frame, out);
      } else if (name == "grpSp") {
        gather(node, inner_frame(node, frame), out);
      } else if (name == "sp" || name == "graphicFrame") {
        Shape shape{.node = node, .placeholder = placeholder_of(node), .order = out.size()};
        const auto type = attribute(shape.placeholder, "type");
        if (type == "dt" || type == "ftr" || type == "sldNum") continue;
        shape.title = type == "title" || type == "ctrTitle";
        auto position = position_of(node);
        if (!position && shape.placeholder) position = position_of(inherited(layout_, shape.placeholder, true));
        if (!position && shape.placeholder) position = position_of(inherited(master_, shape.placeholder, false));
        const auto offset = child(position, "off");
        shape.place = frame({coordinate(offset, "x"), coordinate(offset, "y")});
        out.push_back(shape);
      }
    }
  }

  static Frame inner_frame(pugi::xml_node group, const Frame& outer) {
    const auto position = position_of(group);
    const auto size = child(position, "ext"), inner_size = child(position, "chExt"), inner = child(position, "chOff");
    const auto ratio = [&](std::string_view name) { return coordinate(inner_size, name) > 0 ? coordinate(size, name) / coordinate(inner_size, name) : 1.0; };
    const Place at{coordinate(child(position, "off"), "x"), coordinate(child(position, "off"), "y")};
    Frame frame{.scale_x = ratio("cx") * outer.scale_x, .scale_y = ratio("cy") * outer.scale_y};
    const auto origin = outer(at);
    frame.shift_x = origin.x - coordinate(inner, "x") * frame.scale_x;
    frame.shift_y = origin.y - coordinate(inner, "y") * frame.scale_y;
    return frame;
  }

  void write(const Shape& shape, const std::vector<Relationship>& relationships) {
    if (local_name(shape.node) == "sp") {
      const auto body = child(shape.node, "txBody");
      if (shape.title) writer_.heading(1, body_text(body));
      else text(body, shape.placeholder);
      return;
    }
    const auto data = child(child(shape.node, "graphic"), "graphicData");
    if (const auto grid = child(data, "tbl")) table(grid);
    write_drawing(data, relationships, package_, writer_);
  }

  /// The places that may say how paragraphs of this level are marked, nearest first.
  std::vector<pugi::xml_node> list_styles(pugi::xml_node body, pugi::xml_node placeholder) {
    std::vector<pugi::xml_node> out = {child(body, "lstStyle")};
    if (!placeholder) return out;
    out.push_back(child(child(inherited(layout_, placeholder, true), "txBody"), "lstStyle"));
    out.push_back(child(child(inherited(master_, placeholder, false), "txBody"), "lstStyle"));
    const auto type = attribute(placeholder, "type");
    if (type.empty() || type == "body" || type == "obj") out.push_back(child(child(master_, "txStyles"), "bodyStyle"));
    return out;
  }

  void text(pugi::xml_node body, pugi::xml_node placeholder) {
    const auto styles = list_styles(body, placeholder);
    std::array<int, 9> counters{};
    for (const auto node : body.children()) {
      if (local_name(node) != "p") continue;
      const auto own = child(node, "pPr");
      const int level = number(attribute(own, "lvl"), 0, 0, 8);
      auto mark = mark_of(own);
      for (std::size_t i = 0; i < styles.size() && !mark; ++i) mark = mark_of(child(styles[i], fmt::format("lvl{}pPr", level + 1)));
      const auto line = text_of(node);
      if (trim(line).empty()) continue;
      std::fill(counters.begin() + level + 1, counters.end(), 0);
      auto& counter = counters[static_cast<std::size_t>(level)];
      const auto kind = local_name(mark);
      if (kind == "buAutoNum") {
        counter = counter == 0 ? number(attribute(mark, "startAt"), 1, 1, 32767) : counter + 1;
        writer_.list_item(level, auto_number(attribute(mark, "type"), counter), line);
        continue;
      }
      counter = 0;
      if (kind == "buChar" || kind == "buBlip") writer_.list_item(level, "", line);
      else writer_.paragraph(line);
    }
  }

  static pugi::xml_node mark_of(pugi::xml_node properties) {
    for (const auto node : properties.children()) {
      const auto name = local_name(node);
      if (name == "buNone" || name == "buChar" || name == "buAutoNum" || name == "buBlip") return node;
    }
    return {};
  }

  void table(pugi::xml_node grid) {
    TableRows out;
    for (const auto row : grid.children()) {
      if (local_name(row) != "tr") continue;
      std::vector<std::string> cells;
      for (const auto cell : row.children()) {
        if (local_name(cell) != "tc" || cells.size() >= kMaxColumns) continue;
        const auto is = [&](std::string_view name) { return attribute(cell, name) == "1" || attribute(cell, name) == "true"; };
        if (is("hMerge") && !cells.empty()) cells.push_back(cells.back());
        else if (is("vMerge") && !out.empty() && cells.size() < out.back().size()) cells.push_back(out.back()[cells.size()]);
        else cells.push_back(body_text(child(cell, "txBody")));
      }
      out.push_back(std::move(cells));
    }
    writer_.table(out);
  }

  void notes(const std::string& part) {
    const auto tree = package_.xml(part);
    if (!tree) return;
    for (const auto shape : child(child(child(**tree, "notes"), "cSld"), "spTree").children())
      if (attribute(placeholder_of(shape), "type") == "body") writer_.quote(body_text(child(shape, "txBody")));
  }

  void comments(const std::string& part) {
    const auto tree = package_.xml(part);
    if (!tree) return;
    for (const auto comment : (*tree)->first_child().children()) {
      const auto plain = child(comment, "text");
      writer_.quote(plain ? all_text(plain) : body_text(child(comment, "txBody")));
    }
  }

  OoxmlPackage& package_;
  MarkdownWriter writer_;
  std::map<std::string, XmlTree> trees_;  // layouts and masters
  pugi::xml_node layout_, master_;        // of the slide being read
};

}  // namespace

ParsedDocument parse_pptx(const ParseInput& input) {
  auto package = OoxmlPackage::open(input.bytes);
  if (!package) return not_parsed("pptx", package.error());
  const auto tree = package->xml(package->main_part());
  if (!tree) return not_parsed("pptx", tree.error());
  const auto presentation = child(**tree, "presentation");
  if (!presentation) return not_parsed("pptx", Error{ErrorCode::kCorrupted, "The file's main part is no presentation"});
  auto parsed = PptxReader(*package).read(presentation);
  parsed.embedded = package->embedded_files();
  return parsed;
}

}  // namespace siyu::documents
