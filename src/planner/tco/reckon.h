// The reckoning itself: cash by month from numbers alone. What is not known is NaN and spreads to what depends on it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "planner/tco/basis.h"

namespace siyu::planner {

/// Cash that leaves at the end of each month; [0] is the beginning. Index m × 12 holds what a new year's hardware costs, too.
using Cash = std::vector<double>;

struct OwnedParts {
  double purchase = 0, power = 0, rack = 0, staff = 0, support = 0, sold = 0, depreciation = 0;
};

struct Owned {
  std::vector<OwnedParts> years;
  Cash cash;
};

struct Reckoning {
  Owned on_premise, hybrid_owned;
  Cash cloud, hybrid;                               ///< hybrid: its own hardware and the cloud's part
  std::vector<double> input_tokens, output_tokens;  ///< by year
};

Reckoning reckon(const Basis& basis, const Values& values);

double total(const Cash& cash);
/// Discounted monthly at a yearly rate: Σ cash[m] / (1 + rate)^(m/12).
double net_present_value(const Cash& cash, double yearly_rate);
Cash cumulative(const Cash& cash);
/// The first month from whose end on `owned` has cost no more than `paid` to the end; unknown or never: none.
std::optional<std::uint32_t> break_even(const Cash& owned, const Cash& paid);

/// The NPV of owning is `fixed` + first purchase × `slope`: how, with what is bought later in proportion.
struct PurchaseLine {
  double fixed = 0, slope = 0;
};
PurchaseLine purchase_line(const Basis& basis, const Values& values);

}  // namespace siyu::planner
