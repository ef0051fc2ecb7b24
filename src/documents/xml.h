// XML of documents by pugixml: no document type, no entities but the five and character references, a bounded depth.
// Office files bind any prefix to a namespace (and Strict files other namespaces), so elements are known by local name.
#pragma once

#include <memory>
#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace siyu::documents {

using XmlTree = std::unique_ptr<pugi::xml_document>;

/// `part` names the bytes in errors. With `cut` the bytes are the beginning of a longer text: what stands there whole is kept.
Result<XmlTree> load_xml(std::string_view bytes, std::string_view part, bool cut = false);

/// "p" of "w:p".
std::string_view local_name(pugi::xml_node node);
/// First child of that local name, or a null node.
pugi::xml_node child(pugi::xml_node parent, std::string_view name);
/// First descendant of that local name, in document order, or a null node.
pugi::xml_node descendant(pugi::xml_node parent, std::string_view name);
/// The attribute of that local name, with or without prefix; the value lives as long as the tree. Empty when it is not there.
std::string_view attribute(pugi::xml_node node, std::string_view name);
/// Only with a prefix: `r:id` beside `id`.
std::string_view prefixed_attribute(pugi::xml_node node, std::string_view name);
/// A decimal attribute within [lowest, highest], else `otherwise`.
int number(std::string_view text, int otherwise, int lowest = -1'000'000, int highest = 100'000'000);
/// `w:val` of the child, as `<w:ilvl w:val="1"/>`.
std::string_view child_value(pugi::xml_node parent, std::string_view name);
/// A switch like `<w:b/>` or `<w:b w:val="0"/>`.
bool is_on(pugi::xml_node parent, std::string_view name);
/// All character data below the node.
std::string all_text(pugi::xml_node node);

}  // namespace siyu::documents
