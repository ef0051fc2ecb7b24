// Builds a document's Markdown block by block: headings, paragraphs, lists, tables, pages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "documents/document.h"

namespace siyu::documents {

using TableRows = std::vector<std::vector<std::string>>;

/// Text that is too long is not kept; `full()` then says so, and the format tells it in its reason.
class MarkdownWriter {
 public:
  explicit MarkdownWriter(std::size_t max_bytes = 64UL << 20) : max_bytes_(max_bytes) {}

  /// `level` 1 to 6; others are brought into the range. Empty text writes nothing, here and below.
  void heading(int level, std::string_view text);
  /// Lines of the text stay lines; what would read as Markdown structure is escaped.
  void paragraph(std::string_view text);
  /// A remark beside the text: a comment, a slide's notes.
  void quote(std::string_view text);
  /// `label` is the number as the document shows it ("1.", "1.1", "(a)", "第一条"); empty for a bullet. `level` counts from 0.
  void list_item(int level, std::string_view label, std::string_view text);
  /// The first row is the head. Rows are filled up to one width; cells become one line each.
  void table(const TableRows& rows);
  void code(std::string_view text);
  /// Markdown made elsewhere.
  void raw(std::string_view markdown);
  /// What follows belongs to this page, until the next call.
  void begin_page(int page);

  [[nodiscard]] bool full() const { return full_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  /// The finished document, with blocks found. `title` is used when no heading stands in the text.
  ParsedDocument finish(std::string format, std::string title) &&;

 private:
  void block(std::string_view text, bool tight = false);

  std::size_t max_bytes_;
  std::string text_;
  std::vector<PageSpan> pages_;
  bool full_ = false;
  bool in_list_ = false;
  bool page_pending_ = false;
};

/// White space, line ends among it, becomes one space each; none at the ends.
std::string one_line(std::string_view text);

}  // namespace siyu::documents
