// How the factors of catalogue/efficiency.yaml are chosen: planner_fit [ENGINE | all] [FACTOR=VALUE …]
// Moves the factors that are not held until the marked rows of `siyu plan published` (of one engine, of all, or of those without entries of their own)
// are foretold best, by the mean of |ln ratio|; leaving where it began costs a little, so that few rows do not move what they hardly tell. Prints what
// the other rows, which it does not look at, say of it.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "planner/published.h"

namespace {

using namespace siyu::planner;

constexpr double kStay = 0.6;  // what an e-fold of one factor costs, in the same measure, shared among the rows
const std::map<std::string_view, double EfficiencyEntry::*> kFactors{
    {"bandwidth", &EfficiencyEntry::bandwidth}, {"cache", &EfficiencyEntry::cache}, {"compute", &EfficiencyEntry::compute}, {"experts", &EfficiencyEntry::experts}, {"link", &EfficiencyEntry::link}};

struct Errors {
  double marked = 0, others = 0;
};

}  // namespace

int main(int argc, char** argv) {
  auto catalogue = builtin_catalogue().value();
  std::optional<std::string> engine;
  auto begin = **catalogue.efficiency({}, "");
  std::map<std::string_view, bool> held;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const auto equals = argument.find('=');
    const auto factor = kFactors.find(argument.substr(0, equals));
    if (equals == std::string_view::npos) engine = argument;
    else if (factor == kFactors.end()) return std::fprintf(stderr, "%s is no factor\n", argv[i]), 2;
    else std::from_chars(argument.data() + equals + 1, argument.data() + argument.size(), begin.*factor->second), held[factor->first] = true;
  }
  // Marked or not is decided over all rows, so the others stay and are told apart by what they are.
  const auto own = [&](const PublishedSpeed& one) {
    return engine == "all" || (engine ? one.engine == *engine : std::ranges::none_of(catalogue.efficiencies, [&](const auto& entry) { return entry.engine == one.engine; }));
  };
  std::map<std::string, bool> marked;
  for (const auto& row : compare_published(catalogue).rows)
    if (row.ratio) marked[row.id] = row.fitted;
  std::erase_if(catalogue.published, [&](const auto& one) { return !marked.contains(one.id) || !own(one); });
  const auto rate = [&](const EfficiencyEntry& entry) {
    catalogue.efficiencies = {entry};
    std::map<bool, std::pair<double, double>> sums;
    for (const auto& row : compare_published(catalogue).rows)
      if (row.ratio) sums[marked[row.id]].first += std::abs(std::log(*row.ratio)), sums[marked[row.id]].second += 1;
    return Errors{sums[true].first / sums[true].second, sums[false].first / sums[false].second};
  };
  const auto rows = static_cast<double>(catalogue.published.size());
  const auto cost = [&](const EfficiencyEntry& entry) {
    double moved = 0;
    for (const auto& [name, factor] : kFactors) moved += std::abs(std::log(entry.*factor / begin.*factor));
    return rate(entry).marked + kStay * moved / rows;
  };
  auto best = begin;
  double least = cost(best);
  for (double step = 0.3; step > 0.02; step *= 0.7)
    for (int round = 0; round < 4; ++round)
      for (const auto& [name, factor] : kFactors)
        for (const double sign : {1.0, -1.0}) {
          if (held.contains(name)) continue;
          auto tried = best;
          tried.*factor = std::min(0.98, tried.*factor * std::exp(sign * step));
          if (const auto now = cost(tried); now < least - 1e-9) best = tried, least = now;
        }
  const auto before = rate(begin), after = rate(best);
  fmt::print("{}: {} rows\n", engine.value_or("engines without an entry"), rows);
  for (const auto& [name, factor] : kFactors) fmt::print("  {:<10} {:.3f} -> {:.3f}{}\n", name, begin.*factor, best.*factor, held.contains(name) ? " (held)" : "");
  fmt::print("  mean |ln(predicted / published)|: marked {:.3f} -> {:.3f}, others {:.3f} -> {:.3f}\n", before.marked, after.marked, before.others, after.others);
  catalogue.efficiencies = {best};
  for (const auto& row : compare_published(catalogue).rows)
    if (row.ratio) fmt::print("  {}{} {:<18} {:<12} {} x {:<24} {:.2f}\n", row.id, marked[row.id] ? "*" : " ", row.model, row.precision, row.cards, row.accelerator, *row.ratio);
}
