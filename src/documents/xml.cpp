#include "documents/xml.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace siyu::documents {
namespace {

constexpr int kMaxDepth = 400;  // documents reach about 60; what walks the tree may recurse

int deepest(pugi::xml_node root) {
  int depth = 0, most = 0;
  for (auto node = root.first_child(); node;) {
    most = std::max(most, depth);
    if (node.first_child()) {
      node = node.first_child();
      ++depth;
      continue;
    }
    while (node && node != root && !node.next_sibling()) {
      node = node.parent();
      --depth;
    }
    if (!node || node == root) break;
    node = node.next_sibling();
  }
  return most;
}

std::string_view after_colon(std::string_view name) {
  const auto colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

}  // namespace

Result<XmlTree> load_xml(std::string_view bytes, std::string_view part, bool cut) {
  auto tree = std::make_unique<pugi::xml_document>();
  const auto flags = pugi::parse_default | pugi::parse_ws_pcdata;
  const auto parsed = tree->load_buffer(bytes.data(), bytes.size(), flags);
  if (parsed.status == pugi::status_out_of_memory) return fail(ErrorCode::kTooLarge, fmt::format("The part {} needs too much memory", part));
  if (!parsed && !cut) return fail(ErrorCode::kCorrupted, fmt::format("The part {} is not well-formed XML at byte {} ({})", part, parsed.offset, parsed.description()));
  if (deepest(*tree) > kMaxDepth) return fail(ErrorCode::kTooLarge, fmt::format("The part {} nests more than {} elements", part, kMaxDepth));
  return tree;
}

std::string_view local_name(pugi::xml_node node) { return after_colon(node.name()); }

pugi::xml_node child(pugi::xml_node parent, std::string_view name) {
  for (auto node = parent.first_child(); node; node = node.next_sibling())
    if (local_name(node) == name) return node;
  return {};
}

pugi::xml_node descendant(pugi::xml_node parent, std::string_view name) {
  return parent.find_node([name](pugi::xml_node node) { return local_name(node) == name; });
}

std::string_view attribute(pugi::xml_node node, std::string_view name) {
  for (auto found = node.first_attribute(); found; found = found.next_attribute())
    if (after_colon(found.name()) == name) return found.value();
  return {};
}

std::string_view prefixed_attribute(pugi::xml_node node, std::string_view name) {
  for (auto found = node.first_attribute(); found; found = found.next_attribute()) {
    const std::string_view whole = found.name();
    if (whole.size() > name.size() && after_colon(whole) == name) return found.value();
  }
  return {};
}

int number(std::string_view text, int otherwise, int lowest, int highest) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && value >= lowest && value <= highest ? value : otherwise;
}

std::string_view child_value(pugi::xml_node parent, std::string_view name) { return attribute(child(parent, name), "val"); }

bool is_on(pugi::xml_node parent, std::string_view name) {
  const auto node = child(parent, name);
  const auto value = attribute(node, "val");
  return node && value != "0" && value != "false" && value != "off";
}

std::string all_text(pugi::xml_node node) {
  struct Collect : pugi::xml_tree_walker {
    std::string text;
    bool for_each(pugi::xml_node& each) override {
      text += each.value();
      return true;
    }
  } collect;
  node.traverse(collect);
  return std::move(collect.text);
}

}  // namespace siyu::documents
