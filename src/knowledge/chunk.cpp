#include "knowledge/chunk.h"

#include <algorithm>
#include <array>

namespace siyu::knowledge {
namespace {

// Long enough to answer from, short enough that several fit a model's context and a citation stays precise.
constexpr std::size_t kTargetCharacters = 500;
constexpr std::size_t kMaxCharacters = 800;
constexpr std::size_t kMaxHeadingBytes = 300;

using documents::Block;
using documents::BlockKind;

/// The headings above the current place, by level.
class HeadingPath {
 public:
  void enter(std::string_view markdown, const Block& block) {
    auto text = markdown.substr(block.span.begin, block.span.end - block.span.begin);
    text.remove_prefix(std::min(text.find_first_not_of('#'), text.size()));
    const auto level = static_cast<std::size_t>(std::clamp(block.level, 1, 6)) - 1;
    levels_[level] = trim(text);
    for (auto deeper = level + 1; deeper < levels_.size(); ++deeper) levels_[deeper].clear();
  }
  std::string text() const {
    std::string path;
    for (const auto& level : levels_)
      if (!level.empty()) path += (path.empty() ? "" : " › ") + level;
    return std::string(utf8_prefix(path, kMaxHeadingBytes));
  }

 private:
  std::array<std::string, 6> levels_;
};

/// Pieces of at most kMaxCharacters, cut between sentences, or inside one that is longer still.
std::vector<TextSpan> cut_long(std::string_view markdown, TextSpan span) {
  std::vector<TextSpan> pieces;
  TextSpan current{span.begin, span.begin};
  const auto length = [&](std::size_t begin, std::size_t end) { return utf8_length(markdown.substr(begin, end - begin)); };
  const auto flush = [&](std::size_t next) {
    if (current.end > current.begin) pieces.push_back(current);
    current = {next, next};
  };
  for (const auto& relative : split_sentences(markdown.substr(span.begin, span.end - span.begin))) {
    const TextSpan sentence{span.begin + relative.begin, span.begin + relative.end};
    if (current.end > current.begin && length(current.begin, sentence.end) > kTargetCharacters) flush(sentence.begin);
    current.end = sentence.end;
    while (length(current.begin, current.end) > kMaxCharacters) {  // one sentence, longer than a passage may be
      auto cut = current.begin;
      for (std::size_t count = 0; count < kMaxCharacters; ++count) {
        ++cut;
        while (cut < current.end && (static_cast<unsigned char>(markdown[cut]) & 0xC0U) == 0x80U) ++cut;
      }
      pieces.push_back({current.begin, cut});
      current.begin = cut;
    }
  }
  flush(span.end);
  return pieces;
}

int page_at(const documents::ParsedDocument& document, std::size_t offset) {
  const auto after = std::ranges::upper_bound(document.pages, offset, {}, [](const documents::PageSpan& page) { return page.span.begin; });
  return after == document.pages.begin() ? 0 : std::prev(after)->page;
}

}  // namespace

std::vector<Chunk> split_chunks(const documents::ParsedDocument& document) {
  std::vector<Chunk> chunks;
  HeadingPath headings;
  const std::string_view markdown = document.markdown;
  bool open = false;  // the last chunk may still grow
  const auto start = [&](TextSpan span) { chunks.push_back({.span = span, .page = page_at(document, span.begin), .heading = headings.text()}); };
  for (const auto& block : document.blocks) {
    if (block.kind == BlockKind::kHeading) {
      headings.enter(markdown, block);
      start(block.span);  // a heading opens its passage
      open = true;
      continue;
    }
    const auto joined = [&] { return utf8_length(markdown.substr(chunks.back().span.begin, block.span.end - chunks.back().span.begin)); };
    if (open && joined() <= kTargetCharacters && page_at(document, block.span.begin) == chunks.back().page) {
      chunks.back().span.end = block.span.end;
      continue;
    }
    for (const auto& piece : cut_long(markdown, block.span)) start(piece);
    open = true;
  }
  return chunks;
}

std::string indexed_text(std::string_view title, std::string_view heading, std::string_view text) {
  std::string all;
  if (!heading.contains(title)) all += std::string(title) + "\n";
  if (!heading.empty()) all += std::string(heading) + "\n";
  all += text;
  return all;
}

}  // namespace siyu::knowledge
