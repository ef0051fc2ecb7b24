// The numbers that a scenario may have, in one place for all who check them: the scenario itself, the fleet and the cost.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "planner/trace.h"

namespace siyu::planner {

struct Range {
  double low = 0, high = 0;
  bool holds(double value) const { return value >= low && value <= high; }  // nothing holds NaN
};

namespace range {

constexpr Range kDailyActive{1, 1e10}, kRequestsPerUserAndDay{1e-3, 1e6}, kPeakHourShare{1.0 / 24 - 1e-12, 1}, kPeakFactor{1, 60}, kRequestsPerSecond{1e-6, 1e6};
constexpr Range kGrowthPerYear{-0.9, 10};
constexpr Range kTokens{1, kLargestRequest}, kSharedPrefix{0, kLargestRequest};
constexpr Range kTtft{1e-3, 1e5}, kTpotMs{0.1, 1e6};
constexpr Range kYears{1.0 / 12, 15}, kCardsPerReplica{1, 4096};

constexpr Range kMoney{0, 1e12}, kPricePerKwh{0, 1e6}, kRackPerUnitAndMonth{0, 1e9}, kCloudPerMillion{0, 1e9}, kExchangeRate{1e-6, 1e6};
constexpr Range kShare{0, 1}, kDiscountRate{0, 1}, kStaffShare{0, 1000}, kPue{1, 5}, kDepreciationYears{0.5, 30};

}  // namespace range

/// kInvalidArgument names the field, the range and what was given. What is absent is within every range.
inline Status within(const std::optional<double>& value, Range range, std::string_view field) {
  if (!value || range.holds(*value)) return {};
  return invalid_field(std::string(field), fmt::format("must be a number from {:.6g} to {:.6g}; {} was given", range.low, range.high, *value));
}

}  // namespace siyu::planner
