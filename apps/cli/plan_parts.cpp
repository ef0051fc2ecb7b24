#include "cli/plan_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "planner/shapes.h"

namespace siyu::cli {
namespace {

std::string scaled(double value, double step, std::initializer_list<const char*> units) {
  auto unit = units.begin();
  while (std::abs(value) >= step && unit + 1 != units.end()) value /= step, ++unit;
  return fmt::format("{:.{}f} {}", value, std::abs(value) < 10 ? 2 : std::abs(value) < 100 ? 1 : 0, *unit);
}

std::string trimmed_number(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return fmt::format("{:.0f}", value);
  return fmt::format("{:.4g}", value);
}

std::string shown_value(const std::optional<double>& value, const std::string& unit, bool chinese) {
  return value ? human_figure(*value, unit) : std::string(chinese ? "未知" : "not known");
}

void print_inputs(const planner::Figure& figure, bool chinese) {
  const auto say = [&](const planner::Phrase& phrase) { return chinese ? phrase.zh : phrase.en; };
  std::printf("      = %s\n", say(figure.formula).c_str());
  for (const auto& input : figure.inputs) {
    const auto from = input.figure ? " ← " + *input.figure : input.source ? " (" + say(*input.source) + ")" : "";
    std::printf("        %s = %s%s\n", say(input.name).c_str(), shown_value(input.value, input.unit, chinese).c_str(), from.c_str());
  }
}

}  // namespace

bool PlanOptions::chinese() const {
  if (!lang.empty()) return lang == "zh";
  const char* locale = std::getenv("LC_ALL");
  if (locale == nullptr || *locale == '\0') locale = std::getenv("LANG");
  return locale != nullptr && std::string_view(locale).starts_with("zh");
}

void add_plan_options(CLI::App& command, PlanOptions& options) {
  command.add_option("--catalogue", options.catalogue, "Folder whose YAML files replace and add entries of the built-in catalogue")->check(CLI::ExistingDirectory);
  command.add_option("--lang", options.lang, "Language of what is printed; the locale's when absent")->check(CLI::IsMember({"en", "zh"}));
  command.add_flag("--explain", options.explain, "Show formula, inputs and source of each number");
  command.add_flag("--json", options.as_json, "Print the answer as JSON, with the worksheet of all figures");
}

Result<planner::Catalogue> catalogue_for(const PlanOptions& options) { return planner::load_catalogue(options.catalogue); }

planner::ShapeFinder local_shapes(const planner::Catalogue& catalogue) {
  return [&catalogue](const std::string& model) { return planner::find_shape(catalogue, model); };
}

std::string human_figure(double value, const std::string& unit) {
  if (unit == "B") return scaled(value, 1000, {"B", "kB", "MB", "GB", "TB"});
  if (unit == "B/s") return scaled(value, 1000, {"B/s", "kB/s", "MB/s", "GB/s", "TB/s"});
  if (unit == "FLOP/s") return scaled(value, 1000, {"FLOP/s", "kFLOP/s", "MFLOP/s", "GFLOP/s", "TFLOP/s", "PFLOP/s"});
  if (unit == "s" && std::abs(value) < 1) return std::abs(value) < 1e-3 ? fmt::format("{:.3g} µs", value * 1e6) : fmt::format("{:.3g} ms", value * 1e3);
  if (unit.empty() && std::abs(value) >= 1e6) return scaled(value, 1000, {"", "K", "M", "B", "T"});
  return trimmed_number(value) + (unit.empty() ? "" : " " + unit);
}

void print_figures(const std::vector<planner::Figure>& figures, const PlanOptions& options, const std::vector<std::string>& ids) {
  const bool chinese = options.chinese();
  std::size_t widest = 0;
  const auto shown = [&](const planner::Figure& one) { return ids.empty() || std::ranges::find(ids, one.id) != ids.end(); };
  const auto label = [&](const planner::Figure& one) -> const std::string& { return chinese ? one.label.zh : one.label.en; };
  for (const auto& figure : figures)
    if (shown(figure)) widest = std::max(widest, display_width(label(figure)));
  for (const auto& figure : figures) {
    if (!shown(figure)) continue;
    const auto value = shown_value(figure.value, figure.unit, chinese);
    std::printf("  %s%s  %s\n", label(figure).c_str(), std::string(widest - display_width(label(figure)), ' ').c_str(), value.c_str());
    if (options.explain) print_inputs(figure, chinese);
  }
}

}  // namespace siyu::cli
