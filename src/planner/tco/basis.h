// What a cost is reckoned with: every number by name, with its range, where it is from, or that nobody knows it.
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "planner/tco.h"

namespace siyu::planner {

/// Not known: whatever is reckoned with it is not known either.
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

enum class Term : std::size_t {
  kCardPrice,
  kServerPrice,
  kNetworkPrice,
  kStoragePrice,
  kCardPower,
  kServerPower,
  kUtilisation,
  kPue,
  kPricePerKwh,
  kRackUnits,
  kRackPrice,
  kStaffCost,
  kStaffShare,
  kSupportShare,
  kDepreciationYears,
  kResidualShare,
  kDiscountRate,
  kInputTokens,
  kCachedTokens,
  kOutputTokens,
  kGrowth,
  kCloudInput,
  kCloudCached,
  kCloudOutput,
  kLocalShare,
  kCount,
};
constexpr auto kTerms = static_cast<std::size_t>(Term::kCount);

struct TermInfo {
  std::string id;  ///< field of CostInputs or CostQuestion
  Words label;
  std::string unit;
  double value = kUnknown;
  double low = kUnknown, high = kUnknown;  ///< what it may be; unknown: not varied
  bool published_range = false;            ///< low and high are from the catalogue, not a usual share around the value
  std::string source;
  std::optional<Words> ask;  ///< what to give when it is missing
};

using Values = std::array<double, kTerms>;
inline double& at(Values& values, Term term) { return values[static_cast<std::size_t>(term)]; }
inline double at(const Values& values, Term term) { return values[static_cast<std::size_t>(term)]; }

struct Basis {
  std::string currency;
  std::uint32_t months = 0;
  std::vector<HardwareYear> hardware, hybrid;  ///< one a year, as many as the horizon has
  std::array<TermInfo, kTerms> terms;
  bool cached_as_input = true;  ///< cached prompt tokens cost what the others do: their price moves with the others'
  std::vector<Words> notes;

  const TermInfo& operator[](Term term) const { return terms[static_cast<std::size_t>(term)]; }
  TermInfo& operator[](Term term) { return terms[static_cast<std::size_t>(term)]; }
  Values values() const;
};

/// Checks the question and looks up what it leaves out.
Result<Basis> basis_of(const CostQuestion& question, const Catalogue& catalogue);

}  // namespace siyu::planner
