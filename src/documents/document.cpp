#include "documents/document.h"

#include <algorithm>

namespace siyu::documents {
namespace {

bool is_list_item(std::string_view line) {
  line = trim(line);
  if (line.starts_with("- ") || line.starts_with("* ") || line.starts_with("+ ")) return true;
  const auto digits = line.find_first_not_of("0123456789");
  return digits != std::string_view::npos && digits > 0 && digits < 4 && (line.substr(digits).starts_with(". ") || line.substr(digits).starts_with(") "));
}

int heading_level(std::string_view line) {
  const auto marks = line.find_first_not_of('#');
  return marks != std::string_view::npos && marks >= 1 && marks <= 6 && line[marks] == ' ' ? static_cast<int>(marks) : 0;
}

BlockKind kind_of(std::string_view line) {
  if (line.starts_with("|")) return BlockKind::kTable;
  return is_list_item(line) ? BlockKind::kList : BlockKind::kParagraph;
}

}  // namespace

ParsedDocument not_parsed(std::string format, const Error& error) {
  const bool understood = error.code == ErrorCode::kTooLarge || error.code == ErrorCode::kUnsupported || error.code == ErrorCode::kPermissionDenied;
  return {.status = understood ? ParseStatus::kRefused : ParseStatus::kFailed, .reason = error.message, .format = std::move(format)};
}

std::vector<Block> find_blocks(std::string_view markdown) {
  std::vector<Block> blocks;
  bool open = false, fenced = false;
  for (std::size_t at = 0; at < markdown.size();) {
    const auto newline = markdown.find('\n', at);
    const auto end = newline == std::string_view::npos ? markdown.size() : newline;
    const auto line = markdown.substr(at, end - at);
    const auto next = newline == std::string_view::npos ? markdown.size() : newline + 1;
    const bool fence = line.starts_with("```");
    if (fenced) {
      blocks.back().span.end = end;
      fenced = !fence;
      open = false;
    } else if (fence) {
      blocks.push_back({.kind = BlockKind::kCode, .level = 0, .span = {at, end}});
      fenced = true;
    } else if (trim(line).empty()) {
      open = false;
    } else if (const int level = heading_level(line)) {
      blocks.push_back({.kind = BlockKind::kHeading, .level = level, .span = {at, end}});
      open = false;
    } else {
      const auto kind = kind_of(line);
      const bool continues = open && (kind == blocks.back().kind || (kind == BlockKind::kParagraph && blocks.back().kind == BlockKind::kList));
      if (continues) blocks.back().span.end = end;
      else blocks.push_back({.kind = kind, .level = 0, .span = {at, end}});
      open = true;
    }
    at = next;
  }
  return blocks;
}

std::string first_heading(std::string_view markdown, const std::vector<Block>& blocks) {
  const auto found = std::ranges::find(blocks, BlockKind::kHeading, &Block::kind);
  if (found == blocks.end()) return {};
  auto line = markdown.substr(found->span.begin, found->span.end - found->span.begin);
  line.remove_prefix(std::min(line.find_first_not_of('#'), line.size()));
  return std::string(trim(line));
}

}  // namespace siyu::documents
