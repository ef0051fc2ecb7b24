#include "planner/tco/reckon.h"

#include <algorithm>
#include <cmath>

namespace siyu::planner {
namespace {

constexpr double kHoursPerYear = 8760, kDaysPerYear = 365;

/// Nothing of something unknown costs nothing.
double times(double count, double price) { return count == 0 ? 0 : count * price; }

std::uint32_t months_of_year(std::uint32_t months, std::size_t year) { return std::min<std::uint32_t>(12, months - 12 * static_cast<std::uint32_t>(year)); }

/// What is bought at the beginning of each year.
std::vector<double> purchases(const std::vector<HardwareYear>& hardware, const Values& v) {
  std::vector<double> out;
  HardwareYear before;
  for (const auto& now : hardware) {
    const auto cards = std::max(0.0, now.cards - before.cards), servers = std::max(0.0, now.servers - before.servers);
    const auto storage = out.empty() && now.cards + now.servers > 0 ? at(v, Term::kStoragePrice) : 0;
    out.push_back(times(cards, at(v, Term::kCardPrice)) + times(servers, at(v, Term::kServerPrice)) + times(servers, at(v, Term::kNetworkPrice)) + storage);
    before = {.cards = std::max(before.cards, now.cards), .servers = std::max(before.servers, now.servers)};  // what is there is not bought again
  }
  return out;
}

/// The part of one purchase that is written off in a year of `months`: straight, from `age` months of its life on.
double written_off(double price, double age, double months, const Values& v) {
  const auto life = 12 * at(v, Term::kDepreciationYears);
  return times(std::clamp(life - age, 0.0, months) / life, price) * (1 - at(v, Term::kResidualShare));
}

Owned own(const std::vector<HardwareYear>& hardware, std::uint32_t months, const Values& v, const std::vector<double>& bought) {
  Owned out{.cash = Cash(months + 1, 0.0)};
  double held = 0;
  for (std::size_t year = 0; year < hardware.size(); ++year) {
    const auto count = months_of_year(months, year);
    const auto share = count / 12.0;
    const auto& now = hardware[year];
    held += bought[year];
    const auto watts = times(now.cards, at(v, Term::kCardPower)) + times(now.servers, at(v, Term::kServerPower));
    OwnedParts parts{.purchase = bought[year]};
    parts.power = times(watts / 1000 * kHoursPerYear * at(v, Term::kUtilisation) * at(v, Term::kPue), at(v, Term::kPricePerKwh)) * share;
    parts.rack = times(now.servers * at(v, Term::kRackUnits), at(v, Term::kRackPrice)) * count;
    parts.staff = times(now.cards + now.servers > 0 ? at(v, Term::kStaffShare) : 0, at(v, Term::kStaffCost)) * share;
    parts.support = times(at(v, Term::kSupportShare), held) * share;
    for (std::size_t before = 0; before <= year; ++before) parts.depreciation += written_off(bought[before], 12.0 * static_cast<double>(year - before), count, v);
    out.cash[12 * year] += bought[year];
    const auto monthly = (parts.power + parts.rack + parts.staff + parts.support) / count;
    for (std::uint32_t month = 1; month <= count; ++month) out.cash[12 * year + month] += monthly;
    out.years.push_back(parts);
  }
  out.years.back().sold = times(at(v, Term::kResidualShare), held);
  out.cash.back() -= out.years.back().sold;
  return out;
}

}  // namespace

Values Basis::values() const {
  Values out{};
  for (std::size_t i = 0; i < kTerms; ++i) out[i] = terms[i].value;
  return out;
}

Reckoning reckon(const Basis& basis, const Values& v) {
  Reckoning out{.on_premise = own(basis.hardware, basis.months, v, purchases(basis.hardware, v)),
                .hybrid_owned = own(basis.hybrid, basis.months, v, purchases(basis.hybrid, v))};
  out.cloud.assign(basis.months + 1, 0.0);
  const auto input = at(v, Term::kInputTokens), output = at(v, Term::kOutputTokens), cached = std::min(at(v, Term::kCachedTokens), input);
  for (std::size_t year = 0; year < basis.hardware.size(); ++year) {
    const auto count = months_of_year(basis.months, year);
    const auto days = kDaysPerYear * count / 12 * std::pow(1 + at(v, Term::kGrowth), static_cast<double>(year));
    out.input_tokens.push_back(input * days);
    out.output_tokens.push_back(output * days);
    const auto a_day = times(input - cached, at(v, Term::kCloudInput)) + times(cached, at(v, Term::kCloudCached)) + times(output, at(v, Term::kCloudOutput));
    for (std::uint32_t month = 1; month <= count; ++month) out.cloud[12 * year + month] = a_day / 1e6 * days / count;
  }
  out.hybrid = out.hybrid_owned.cash;
  for (std::size_t month = 0; month < out.hybrid.size(); ++month) out.hybrid[month] += times(1 - at(v, Term::kLocalShare), out.cloud[month]);
  return out;
}

double total(const Cash& cash) {
  double sum = 0;
  for (const auto one : cash) sum += one;
  return sum;
}

double net_present_value(const Cash& cash, double yearly_rate) {
  double sum = 0;
  for (std::size_t month = 0; month < cash.size(); ++month) sum += cash[month] / std::pow(1 + yearly_rate, static_cast<double>(month) / 12);
  return sum;
}

Cash cumulative(const Cash& cash) {
  Cash out = cash;
  for (std::size_t month = 1; month < out.size(); ++month) out[month] += out[month - 1];
  return out;
}

std::optional<std::uint32_t> break_even(const Cash& owned, const Cash& paid) {
  const auto a = cumulative(owned), b = cumulative(paid);
  std::optional<std::uint32_t> since;
  for (std::size_t month = a.size(); month-- > 0;) {
    if (!(a[month] <= b[month])) break;
    since = static_cast<std::uint32_t>(month);
  }
  return since;
}

PurchaseLine purchase_line(const Basis& basis, const Values& values) {
  auto profile = purchases(basis.hardware, values);
  const auto known = !profile.empty() && profile[0] > 0 && std::ranges::none_of(profile, [](double one) { return std::isnan(one); });
  if (!known) {  // by the number of cards, or servers where there are none
    auto units = values;
    const auto cards = basis.hardware.front().cards > 0;
    at(units, Term::kCardPrice) = cards ? 1 : 0, at(units, Term::kServerPrice) = cards ? 0 : 1, at(units, Term::kNetworkPrice) = at(units, Term::kStoragePrice) = 0;
    profile = purchases(basis.hardware, units);
  }
  const auto first = profile[0];
  for (auto& one : profile) one = first > 0 ? one / first : kUnknown;
  const auto npv = [&](const std::vector<double>& bought) {
    return net_present_value(own(basis.hardware, basis.months, values, bought).cash, at(values, Term::kDiscountRate));
  };
  const auto fixed = npv(std::vector<double>(profile.size(), 0.0));
  return {.fixed = fixed, .slope = npv(profile) - fixed};
}

}  // namespace siyu::planner
