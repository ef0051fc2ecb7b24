#include "documents/ooxml.h"

#include <fmt/format.h>

#include <algorithm>

namespace siyu::documents {
namespace {

constexpr std::uint64_t kMaxXml = 96ULL << 20;        // one part; its tree takes about five times as much
constexpr std::size_t kMaxEmbedded = 200;             // files inside one document
constexpr std::uint64_t kMaxEmbeddedBytes = 64ULL << 20;

std::string_view folder_of(std::string_view part) {
  const auto slash = part.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : part.substr(0, slash + 1);
}

/// Joins a relative target to the folder of its source part, taking out "." and "..".
std::string resolve(std::string_view folder, std::string_view target) {
  const auto whole = target.starts_with('/') ? std::string(target.substr(1)) : std::string(folder) + std::string(target);
  std::vector<std::string_view> kept;
  for (std::size_t at = 0; at <= whole.size();) {
    const auto end = std::min(whole.find('/', at), whole.size());
    const auto piece = std::string_view(whole).substr(at, end - at);
    at = end + 1;
    if (piece == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (!piece.empty() && piece != ".") {
      kept.push_back(piece);
    }
  }
  std::string out;
  for (const auto piece : kept) out.append(out.empty() ? "" : "/").append(piece);
  return out;
}

}  // namespace

std::string_view target_of(const std::vector<Relationship>& relationships, std::string_view id) {
  const auto found = std::ranges::find(relationships, id, &Relationship::id);
  return found == relationships.end() ? std::string_view() : std::string_view(found->target);
}

Result<OoxmlPackage> OoxmlPackage::open(std::string_view bytes) {
  ASSIGN_OR_RETURN(auto zip, ZipReader::open(bytes));
  OoxmlPackage package(std::move(zip));
  for (const auto& relationship : package.relationships(""))
    if (relationship.type == "officeDocument") package.main_part_ = relationship.target;
  if (package.main_part_.empty()) return fail(ErrorCode::kCorrupted, "The file names no main part; it is not an Office document or is damaged");
  return package;
}

Result<XmlTree> OoxmlPackage::xml(std::string_view part) {
  ASSIGN_OR_RETURN(const auto bytes, zip_.read(part, kMaxXml + 1));
  if (bytes.size() > kMaxXml) return fail(ErrorCode::kTooLarge, fmt::format("The part {} inflates to more than {} MiB; split the document", part, kMaxXml >> 20));
  return load_xml(bytes, part);
}

Result<XmlTree> OoxmlPackage::xml_prefix(std::string_view part, std::uint64_t prefix, bool& cut) {
  ASSIGN_OR_RETURN(auto bytes, zip_.read(part, prefix + 1));
  cut = bytes.size() > prefix;
  return load_xml(bytes, part, cut);
}

std::vector<Relationship> OoxmlPackage::relationships(std::string_view part) {
  const auto folder = folder_of(part);
  const auto tree = xml(fmt::format("{}_rels/{}.rels", folder, part.substr(folder.size())));
  std::vector<Relationship> out;
  if (!tree) return out;
  for (const auto node : child(**tree, "Relationships").children()) {
    if (attribute(node, "TargetMode") == "External") continue;
    const auto type = attribute(node, "Type");
    out.push_back({.id = std::string(attribute(node, "Id")),
                   .type = std::string(type.substr(std::min(type.rfind('/') + 1, type.size()))),
                   .target = resolve(folder, attribute(node, "Target"))});
  }
  return out;
}

XmlTree OoxmlPackage::related_xml(std::string_view part, std::string_view type) {
  for (const auto& relationship : relationships(part)) {
    if (relationship.type != type) continue;
    if (auto tree = xml(relationship.target)) return std::move(*tree);
  }
  return nullptr;
}

std::string OoxmlPackage::title() {
  const auto core = related_xml("", "core-properties");
  return core ? all_text(descendant(*core, "title")) : std::string();
}

std::vector<EmbeddedFile> OoxmlPackage::embedded_files() {
  std::vector<EmbeddedFile> out;
  std::vector<std::string> of_charts;  // their workbooks repeat the numbers that the chart shows
  for (std::int64_t i = 0; i < zip_.count(); ++i) {
    auto name = zip_.name(i);
    const auto at = name.find("charts/_rels/");
    if (at == std::string::npos || !name.ends_with(".rels") || of_charts.size() >= kMaxEmbedded) continue;
    name = name.substr(0, at) + "charts/" + name.substr(at + 13, name.size() - at - 13 - 5);
    for (auto& relationship : relationships(name)) of_charts.push_back(std::move(relationship.target));
  }
  std::uint64_t bytes = 0;
  for (std::int64_t i = 0; i < zip_.count() && out.size() < kMaxEmbedded; ++i) {
    const auto name = zip_.name(i);
    const auto at = name.find("/embeddings/");
    if (at == std::string::npos || name.ends_with('/') || name.ends_with(".bin") || std::ranges::find(of_charts, name) != of_charts.end()) continue;
    auto content = zip_.read(name);
    if (!content || (bytes += content->size()) > kMaxEmbeddedBytes) continue;
    out.push_back({.name = resolve("", name.substr(at + 1)), .bytes = std::move(*content)});
  }
  return out;
}

}  // namespace siyu::documents
