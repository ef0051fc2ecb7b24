// A worksheet as sparse cells, and how it is cut into the tables a reader sees.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "documents/markdown_writer.h"

namespace siyu::documents {

struct CellRange {
  int top = 0, left = 0, bottom = 0, right = 0;  ///< inclusive, counted from 0
};

class SheetGrid {
 public:
  static constexpr int kMaxRow = 1 << 20;
  static constexpr int kMaxColumn = 1 << 14;

  /// Empty text and places outside a sheet are not kept.
  void set(int row, int column, std::string text);
  [[nodiscard]] std::string_view at(int row, int column) const;
  [[nodiscard]] std::size_t cells() const { return cells_; }
  /// Repeats the upper left text over the range, as far as it lies within the used part of the sheet.
  void merge(const CellRange& range);

  /// Writes the tables of the sheet: parts between empty rows, and side by side where they differ in height. A part of one
  /// cell, and a head line merged over the whole part, are paragraphs.
  void write(MarkdownWriter& writer) const;

 private:
  using Row = std::map<int, std::string>;
  void write_part(const CellRange& part, MarkdownWriter& writer, int depth) const;
  void write_table(const CellRange& part, MarkdownWriter& writer) const;
  /// The smallest range around the cells within `part`; false when there are none.
  bool shrink(CellRange& part) const;

  std::map<int, Row> rows_;
  std::vector<CellRange> merged_;
  std::size_t cells_ = 0;
};

}  // namespace siyu::documents
