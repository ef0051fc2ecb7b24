#include "documents/drawings.h"

namespace siyu::documents {
namespace {

constexpr int kMaxPoints = 5000;
constexpr std::size_t kMaxSeries = 200;

/// The cached values below c:cat, c:val, c:xVal, c:yVal or c:tx, by index.
std::vector<std::string> cached_values(pugi::xml_node parent) {
  std::vector<std::string> out;
  const auto cache = parent.find_node([](pugi::xml_node node) { return local_name(node) == "strCache" || local_name(node) == "numCache"; });
  for (const auto point : cache.children()) {
    const int at = number(attribute(point, "idx"), -1, 0, kMaxPoints - 1);
    if (local_name(point) != "pt" || at < 0) continue;
    if (out.size() <= static_cast<std::size_t>(at)) out.resize(static_cast<std::size_t>(at) + 1);
    out[static_cast<std::size_t>(at)] = all_text(child(point, "v"));
  }
  return out;
}

pugi::xml_node either(pugi::xml_node parent, std::string_view first, std::string_view second) {
  const auto found = child(parent, first);
  return found ? found : child(parent, second);
}

void write_chart(pugi::xml_node chart, MarkdownWriter& writer) {
  if (const auto title = child(chart, "title")) {
    std::string text;
    for (auto node = descendant(title, "p"); node; node = node.next_sibling()) text += all_text(node) + "\n";
    writer.paragraph(text);
  }
  TableRows columns;
  for (const auto plot : child(chart, "plotArea").children()) {
    for (const auto series : plot.children()) {
      if (local_name(series) != "ser" || columns.size() >= kMaxSeries) continue;
      if (columns.empty()) {
        columns.push_back(cached_values(either(series, "cat", "xVal")));
        columns.back().insert(columns.back().begin(), std::string());
      }
      const auto name = cached_values(child(series, "tx"));
      columns.push_back(cached_values(either(series, "val", "yVal")));
      columns.back().insert(columns.back().begin(), name.empty() ? std::string() : name.front());
    }
  }
  TableRows rows;
  for (std::size_t column = 0; column < columns.size(); ++column) {
    if (rows.size() < columns[column].size()) rows.resize(columns[column].size());
    for (std::size_t row = 0; row < columns[column].size(); ++row) {
      rows[row].resize(columns.size());
      rows[row][column] = std::move(columns[column][row]);
    }
  }
  writer.table(rows);
}

void write_diagram(pugi::xml_node model, MarkdownWriter& writer) {
  for (const auto point : child(model, "ptLst").children()) {
    std::string text;
    for (const auto paragraph : child(point, "t").children())
      if (local_name(paragraph) == "p") text += all_text(paragraph) + " ";
    writer.list_item(0, "", text);
  }
}

}  // namespace

void write_drawing(pugi::xml_node graphic_data, const std::vector<Relationship>& relationships, OoxmlPackage& package, MarkdownWriter& writer) {
  const auto chart = child(graphic_data, "chart"), diagram = child(graphic_data, "relIds");
  if (!chart && !diagram) return;
  const auto tree = package.xml(target_of(relationships, chart ? prefixed_attribute(chart, "id") : attribute(diagram, "dm")));
  if (!tree) return;
  if (chart) write_chart(child(child(**tree, "chartSpace"), "chart"), writer);
  else write_diagram(child(**tree, "dataModel"), writer);
}

}  // namespace siyu::documents
