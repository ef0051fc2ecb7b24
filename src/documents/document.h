// A parsed document: Markdown text with its structure as byte spans.
#pragma once

#include <boost/describe.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/text.h"

namespace siyu::documents {

enum class ParseStatus {
  kOk,
  kRefused,  ///< understood, but not taken: encrypted, unsupported, over a limit
  kFailed,   ///< broken, or the parser was stopped
};
BOOST_DESCRIBE_ENUM(ParseStatus, kOk, kRefused, kFailed)

enum class BlockKind { kHeading, kParagraph, kList, kTable, kCode };
BOOST_DESCRIBE_ENUM(BlockKind, kHeading, kParagraph, kList, kTable, kCode)

struct Block {
  BlockKind kind = BlockKind::kParagraph;
  int level = 0;  ///< of a heading, 1 to 6
  TextSpan span;  ///< bytes of the Markdown
};

struct PageSpan {
  int page = 1;
  TextSpan span;
};

/// A file found inside another: a member of an archive, an attachment of a mail. It becomes a document of its own.
struct EmbeddedFile {
  std::string name;  ///< its path inside the outer file, UTF-8, without `..` or a leading slash
  std::string bytes;
};

struct ParsedDocument {
  ParseStatus status = ParseStatus::kOk;
  std::string reason;  ///< why it was refused or failed: what is wrong and what to do
  std::string format;  ///< text, markdown, html, pdf, …
  std::string title;
  std::string markdown;
  std::vector<Block> blocks;
  std::vector<PageSpan> pages;  ///< empty when the format has no pages
  std::vector<EmbeddedFile> embedded;
};

inline ParsedDocument refused(std::string format, std::string reason) {
  return {.status = ParseStatus::kRefused, .reason = std::move(reason), .format = std::move(format)};
}
/// Over a limit, encrypted or unsupported is refused; everything else failed.
ParsedDocument not_parsed(std::string format, const Error& error);

/// Finds the blocks of Markdown or plain text; together with the blank lines between them they cover every byte.
std::vector<Block> find_blocks(std::string_view markdown);
/// The first heading's text, or empty.
std::string first_heading(std::string_view markdown, const std::vector<Block>& blocks);

}  // namespace siyu::documents
