#include "documents/sheet_grid.h"

#include <algorithm>
#include <set>

namespace siyu::documents {
namespace {

constexpr int kMaxCuts = 8;                    // how often a part is cut again
constexpr std::int64_t kMaxMergedCells = 200'000;  // of one range, after it is clipped to the used part

}  // namespace

void SheetGrid::set(int row, int column, std::string text) {
  if (row < 0 || column < 0 || row >= kMaxRow || column >= kMaxColumn || trim(text).empty()) return;
  auto [at, added] = rows_[row].insert_or_assign(column, std::move(text));
  cells_ += added ? 1 : 0;
}

std::string_view SheetGrid::at(int row, int column) const {
  const auto found = rows_.find(row);
  if (found == rows_.end()) return {};
  const auto cell = found->second.find(column);
  return cell == found->second.end() ? std::string_view() : std::string_view(cell->second);
}

bool SheetGrid::shrink(CellRange& part) const {
  CellRange used{kMaxRow, kMaxColumn, -1, -1};
  for (auto row = rows_.lower_bound(part.top); row != rows_.end() && row->first <= part.bottom; ++row) {
    const auto first = row->second.lower_bound(part.left);
    if (first == row->second.end() || first->first > part.right) continue;
    const auto last = std::prev(row->second.upper_bound(part.right));
    used.top = std::min(used.top, row->first);
    used.bottom = row->first;
    used.left = std::min(used.left, first->first);
    used.right = std::max(used.right, last->first);
  }
  if (used.bottom < 0) return false;
  part = used;
  return true;
}

void SheetGrid::merge(const CellRange& range) {
  const std::string text(at(range.top, range.left));
  CellRange used{0, 0, kMaxRow, kMaxColumn};
  if (text.empty() || !shrink(used)) return;
  const CellRange clipped{range.top, range.left, std::min(range.bottom, used.bottom), std::min(range.right, used.right)};
  const auto size = static_cast<std::int64_t>(clipped.bottom - clipped.top + 1) * (clipped.right - clipped.left + 1);
  if (size <= 1 || size > kMaxMergedCells) return;
  merged_.push_back(clipped);
  for (int row = clipped.top; row <= clipped.bottom; ++row)
    for (int column = clipped.left; column <= clipped.right; ++column) set(row, column, text);
}

void SheetGrid::write(MarkdownWriter& writer) const { write_part({0, 0, kMaxRow, kMaxColumn}, writer, 0); }

void SheetGrid::write_part(const CellRange& wanted, MarkdownWriter& writer, int depth) const {
  auto part = wanted;
  if (!shrink(part) || writer.full()) return;
  if (depth >= kMaxCuts) return write_table(part, writer);

  // Between empty rows.
  std::vector<CellRange> bands;
  std::set<int> used_columns;
  for (auto row = rows_.lower_bound(part.top); row != rows_.end() && row->first <= part.bottom; ++row) {
    auto cell = row->second.lower_bound(part.left);
    if (cell == row->second.end() || cell->first > part.right) continue;
    if (bands.empty() || row->first > bands.back().bottom + 1) bands.push_back({row->first, part.left, row->first, part.right});
    bands.back().bottom = row->first;
    for (; cell != row->second.end() && cell->first <= part.right; ++cell) used_columns.insert(cell->first);
  }
  if (bands.size() > 1) {
    for (const auto& band : bands) write_part(band, writer, depth + 1);
    return;
  }

  // Between empty columns, when both sides are tables of their own: labels stay with their numbers.
  for (auto column = used_columns.begin(); std::next(column) != used_columns.end(); ++column) {
    if (*std::next(column) == *column + 1) continue;
    CellRange left{part.top, part.left, part.bottom, *column}, right{part.top, *std::next(column), part.bottom, part.right};
    if (!shrink(left) || !shrink(right)) continue;
    const auto is_table = [](const CellRange& side) { return side.right > side.left && side.bottom > side.top; };
    if (!is_table(left) || !is_table(right) || (left.top == right.top && left.bottom == right.bottom)) continue;
    write_part(left, writer, depth + 1);
    write_part(right, writer, depth + 1);
    return;
  }
  write_table(part, writer);
}

void SheetGrid::write_table(const CellRange& part, MarkdownWriter& writer) const {
  int top = part.top;
  for (const auto& range : merged_) {
    const bool head = range.top == top && range.left <= part.left && range.right >= part.right && range.bottom < part.bottom;
    if (!head) continue;
    writer.paragraph(one_line(at(range.top, range.left)));
    top = range.bottom + 1;
  }
  if (top == part.bottom && part.left == part.right) return writer.paragraph(at(top, part.left));

  std::set<int> used;
  for (auto row = rows_.lower_bound(top); row != rows_.end() && row->first <= part.bottom; ++row)
    for (auto cell = row->second.lower_bound(part.left); cell != row->second.end() && cell->first <= part.right; ++cell) used.insert(cell->first);
  TableRows out;
  for (auto row = rows_.lower_bound(top); row != rows_.end() && row->first <= part.bottom; ++row) {
    auto& cells = out.emplace_back();
    for (const int column : used) {
      const auto cell = row->second.find(column);
      cells.push_back(cell == row->second.end() ? std::string() : cell->second);
    }
  }
  writer.table(out);
}

}  // namespace siyu::documents
