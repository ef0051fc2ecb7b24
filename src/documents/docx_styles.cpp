#include "documents/docx_styles.h"

#include <array>

#include "base/text.h"

namespace siyu::documents {
namespace {

constexpr int kMaxInheritance = 20;
constexpr int kBodyText = 9;

// Built-in styles keep their English names in the file whatever Word's language; other programs write their own.
constexpr auto kHeadingNames = std::to_array<std::string_view>(
    {"heading", "标题", "標題", "überschrift", "titre", "título", "titulo", "titolo", "заголовок", "見出し", "제목", "nagłówek", "kop", "rubrik"});
constexpr auto kTitleNames = std::to_array<std::string_view>({"title", "标题", "標題", "文档标题", "titel", "titre", "название", "表題"});

/// "heading 2", "标题2" → 2; 0 for anything else.
int heading_of_name(std::string_view name) {
  for (const auto heading : kHeadingNames) {
    if (!name.starts_with(heading)) continue;
    const auto digit = trim(name.substr(heading.size()));
    if (digit.size() == 1 && digit[0] >= '1' && digit[0] <= '9') return digit[0] - '0';
  }
  return 0;
}

bool is_title_name(std::string_view name) {
  for (const auto title : kTitleNames)
    if (name == title) return true;
  return false;
}

}  // namespace

DocxStyles::DocxStyles(pugi::xml_node styles) {
  for (const auto node : styles.children()) {
    if (local_name(node) != "style" || attribute(node, "type") != "paragraph") continue;
    const auto properties = child(node, "pPr");
    const auto list = child(properties, "numPr");
    Style style{.name = fold(child_value(node, "name")), .based_on = std::string(child_value(node, "basedOn"))};
    style.outline = number(child_value(properties, "outlineLvl"), -1, 0, kBodyText);
    style.list = number(child_value(list, "numId"), -1, 0);
    style.list_level = number(child_value(list, "ilvl"), -1, 0, 8);
    const std::string id(attribute(node, "styleId"));
    if (const auto is_default = attribute(node, "default"); is_default == "1" || is_default == "true") default_style_ = id;
    styles_.emplace(id, std::move(style));
  }
}

ParagraphKind DocxStyles::kind_of(pugi::xml_node properties) const {
  ParagraphKind kind;
  int outline = number(child_value(properties, "outlineLvl"), -1, 0, kBodyText);
  const auto direct = child(properties, "numPr");
  int list = number(child_value(direct, "numId"), -1, 0);
  if (list >= 0) kind.list_level = number(child_value(direct, "ilvl"), 0, 0, 8);
  int named = 0;
  auto id = child_value(properties, "pStyle");
  if (id.empty()) id = default_style_;
  for (int hop = 0; hop < kMaxInheritance; ++hop) {
    const auto found = styles_.find(id);
    if (found == styles_.end()) {
      if (hop == 0) named = heading_of_name(fold(id));  // a style that is used but not defined
      break;
    }
    const auto& style = found->second;
    if (hop == 0) kind.title = is_title_name(style.name);
    if (named == 0) named = heading_of_name(style.name);
    if (outline < 0) outline = style.outline;
    if (list < 0 && style.list >= 0) {
      list = style.list;
      kind.list_level = style.list_level;
      kind.list_style = id;
    }
    id = style.based_on;
  }
  if (outline >= 0) kind.heading = outline == kBodyText ? 0 : outline + 1;
  else kind.heading = named;
  kind.list = list > 0 ? list : 0;
  return kind;
}

}  // namespace siyu::documents
