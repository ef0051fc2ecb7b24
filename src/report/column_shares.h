// How columns share a table's width, for the formats that must be told.
#pragma once

#include <vector>

#include "report/document.h"

namespace siyu::report {

/// All columns say how wide they are, relative to each other.
bool has_given_widths(const Table& table);
/// Widths that come to `room`: as the columns say, or else as their contents ask. `wanted` is each column's content on one line, `floor`
/// what it must have. Where not all fit, what is over the floors goes by the root of what is wanted: a long text gets much, and
/// short ones are not broken for it.
std::vector<double> column_shares(const Table& table, const std::vector<double>& wanted, const std::vector<double>& floor, double room);

/// The same where no font measures: contents by `text_width` at `size`, with `pad` for the space beside them, all in the unit of `room`.
std::vector<double> estimated_shares(const Table& table, double size, double pad, double room);

}  // namespace siyu::report
