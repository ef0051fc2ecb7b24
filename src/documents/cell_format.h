// How a spreadsheet shows a number.
#pragma once

#include <string>
#include <string_view>

namespace siyu::documents {

struct CellFormat {
  enum class Kind { kPlain, kDate, kTime, kDateTime, kElapsed, kPercent };
  Kind kind = Kind::kPlain;
  int decimals = 0;  ///< of a percentage
};

/// Of a number format code such as `yyyy"年"m"月"d"日"` or `0.00%`.
CellFormat read_format_code(std::string_view code);
/// Of the built-in formats (ECMA-376 part 1 §18.8.30), the East Asian dates among them.
CellFormat built_in_format(int id);
/// `value` as a cell of this format shows it; the text itself when it is no number. `from_1904`: the workbook counts days from 1904.
std::string show_number(std::string_view value, CellFormat format, bool from_1904);

}  // namespace siyu::documents
