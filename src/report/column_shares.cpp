#include "report/column_shares.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "report/svg.h"

namespace siyu::report {
namespace {

double sum_of(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

/// From the floors upwards; a column takes no more than it wants.
std::vector<double> grown(const std::vector<double>& wanted, std::vector<double> widths, double room) {
  double left = room - sum_of(widths);
  for (int round = 0; round < 8 && left > 0.5; ++round) {
    std::vector<double> roots;
    for (std::size_t i = 0; i < widths.size(); ++i) roots.push_back(std::sqrt(std::max(wanted[i] - widths[i], 0.0)));
    const double all = sum_of(roots), share = left;
    if (all <= 0) break;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const double more = std::max(std::min(share * roots[i] / all, wanted[i] - widths[i]), 0.0);
      widths[i] += more;
      left -= more;
    }
  }
  return widths;
}

}  // namespace

bool has_given_widths(const Table& table) {
  return std::ranges::all_of(table.columns, [](const Column& column) { return column.width > 0; });
}

std::vector<double> column_shares(const Table& table, const std::vector<double>& wanted, const std::vector<double>& floor, double room) {
  std::vector<double> widths;
  if (has_given_widths(table))
    for (const auto& column : table.columns) widths.push_back(column.width);
  else if (sum_of(wanted) <= room) widths = wanted;
  else if (sum_of(floor) >= room) widths = floor;
  else widths = grown(wanted, floor, room);
  const double sum = sum_of(widths);
  for (auto& width : widths) width = sum > 0 ? width * room / sum : room / static_cast<double>(widths.size());
  return widths;
}

std::vector<double> estimated_shares(const Table& table, double size, double pad, double room) {
  constexpr std::size_t kMeasured = 200;  // rows; the last one, most often a sum, is always among them
  constexpr double kWider = 1.12, kBoldWider = 1.25;  // than estimated, for fonts that are
  const auto count = table.columns.size();
  std::vector<double> wanted(count), floor(count);
  const auto step = std::max<std::size_t>(table.rows.size() / kMeasured, 1);
  for (std::size_t i = 0; i < count; ++i) {
    wanted[i] = text_width(table.columns[i].title, size) * kBoldWider + pad;
    floor[i] = std::min(wanted[i], size * 5);
    const auto consider = [&](const Row& row) {
      const double width = text_width(row.cells[i].plain(), size) * (row.emphasised ? kBoldWider : kWider) + pad;
      wanted[i] = std::max(wanted[i], width);
      // Numbers are not broken.
      if (table.columns[i].align == Align::kEnd) floor[i] = std::max(floor[i], std::min(width, size * 10));
    };
    for (std::size_t row = 0; row < table.rows.size(); row += step) consider(table.rows[row]);
    if (!table.rows.empty()) consider(table.rows.back());
  }
  return column_shares(table, wanted, floor, room);
}

}  // namespace siyu::report
