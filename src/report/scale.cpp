// Scales and their ticks.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/svg.h"

namespace siyu::report {
namespace {

/// The step of 1, 2 or 5 times a power of ten that gives about `count` ticks over `span`.
double readable_step(double span, std::size_t count) {
  const double rough = span / static_cast<double>(std::max<std::size_t>(count, 1));
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  const double part = rough / power;
  return (part <= 1.0001 ? 1 : part <= 2.0001 ? 2 : part <= 5.0001 ? 5 : 10) * power;
}

struct Unit {
  double divisor = 1;
  std::string_view sign;
};
/// Large numbers are counted in the language's own units, so that ticks stay short.
Unit large_unit(double largest, Language language) {
  if (largest < 1e6 || largest >= 1e15) return {};
  if (language == Language::kZh) return largest >= 1e9 ? Unit{1e8, "亿"} : Unit{1e4, "万"};
  return largest >= 1e12 ? Unit{1e12, "T"} : largest >= 1e9 ? Unit{1e9, "G"} : Unit{1e6, "M"};
}

std::string tick_label(double value, double step, const Unit& unit) {
  if (value == 0) return "0";
  const double shown = value / unit.divisor;
  const double shown_step = std::abs(step / unit.divisor);
  const int digits = shown_step >= 1 ? 0 : std::min(8, static_cast<int>(std::ceil(-std::log10(shown_step) - 1e-9)));
  return format_number(shown, digits) + std::string(unit.sign);
}

Ticks linear_ticks(double low, double high, double step, Language language) {
  const auto unit = large_unit(std::max(std::abs(low), std::abs(high)), language);
  Ticks ticks;
  const double first = std::ceil(low / step - 1e-9);
  for (int i = 0; i < 40; ++i) {
    const double value = (first + i) * step;
    if (value > high + step * 1e-9) break;
    ticks.values.push_back(std::abs(value) < step * 1e-9 ? 0 : value);
    ticks.labels.push_back(tick_label(ticks.values.back(), step, unit));
  }
  return ticks;
}

Ticks log_ticks(double low, double high, std::size_t count, Language language) {
  const double decades = std::log10(high / low);
  const int stride = std::max(1, static_cast<int>(std::ceil(decades / static_cast<double>(std::max<std::size_t>(count, 2)))));
  Ticks ticks;
  for (int power = static_cast<int>(std::floor(std::log10(low))); power <= static_cast<int>(std::ceil(std::log10(high))); power += stride) {
    for (const double part : {1.0, 2.0, 5.0}) {
      if (part > 1 && decades > 3.1) continue;
      const double value = part * std::pow(10.0, power);
      if (value < low * (1 - 1e-9) || value > high * (1 + 1e-9)) continue;
      ticks.values.push_back(value);
      ticks.labels.push_back(tick_label(value, value, large_unit(value, language)));
    }
  }
  return ticks;
}

/// The ends on ticks of 1, 2 or 5, where the axis leaves them free.
void widen_log(double& low, double& high, const Axis& axis) {
  const auto power_of = [](double value) { return std::pow(10.0, std::floor(std::log10(value) + 1e-9)); };
  if (!axis.low) {
    const double power = power_of(low), part = low / power;
    low = (part >= 4.9999 ? 5 : part >= 1.9999 ? 2 : 1) * power;
  }
  if (!axis.high) {
    const double power = power_of(high), part = high / power;
    high = (part <= 1.0001 ? 1 : part <= 2.0001 ? 2 : part <= 5.0001 ? 5 : 10) * power;
  }
}

}  // namespace

bool is_drawable(double value) { return std::isfinite(value) && std::abs(value) <= 1e100; }

double ScaleMap::at(double value) const {
  if (!is_drawable(value)) return from;
  double part = 0;
  if (!log) part = (value - low) / (high - low);
  else part = (std::log10(std::max(value, 1e-100)) - std::log10(low)) / (std::log10(high) - std::log10(low));
  return from + std::clamp(part, -1e3, 1e3) * (to - from);
}

std::pair<ScaleMap, Ticks> make_scale(const std::vector<double>& values, const Axis& axis, std::size_t count, bool from_zero, Language language) {
  const bool log = axis.scale == Scale::kLog;
  double low = 1e300, high = -1e300;
  for (const double value : values) {
    if (!is_drawable(value) || (log && value < 1e-90)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (low > high) low = log ? 1 : 0, high = log ? 10 : 1;
  if (from_zero && !log) low = std::min(low, 0.0), high = std::max(high, 0.0);
  if (axis.low && (!log || *axis.low > 1e-90)) low = *axis.low;
  if (axis.high && (!log || *axis.high > 1e-90)) high = *axis.high;
  // A range must have a breadth that doubles can tell, seen from its own size.
  if (high - low <= std::max(std::abs(high), std::abs(low)) * 1e-9) {
    const double middle = high;
    if (log) low = middle / 2, high = middle * 2;
    else if (middle == 0) high = 1;
    else low = std::min(0.0, 2 * middle), high = std::max(0.0, 2 * middle);
    if (!log && low == high) high = low + 1;
  }
  if (log) {
    widen_log(low, high, axis);
    if (high <= low * 1.0001) high = low * 10;
    return {ScaleMap{.low = low, .high = high, .log = true}, log_ticks(low, high, count, language)};
  }
  const double step = readable_step(high - low, count);
  if (!axis.low) low = std::floor(low / step + 1e-9) * step;
  if (!axis.high) high = std::ceil(high / step - 1e-9) * step;
  return {ScaleMap{.low = low, .high = high}, linear_ticks(low, high, step, language)};
}

std::string format_number(double value, int digits) {
  if (!is_drawable(value)) return "—";
  const double size = std::abs(value);
  if (size >= 1e15 || (size > 0 && size < 0.5 * std::pow(10.0, -std::max(digits, 4)))) {
    auto text = fmt::format("{:.3g}", value);
    if (const auto plus = text.find("e+"); plus != std::string::npos) text.erase(plus + 1, 1);
    return text;
  }
  if (size > 0 && size < 0.5 * std::pow(10.0, -digits)) digits = 4;
  auto text = fmt::format("{:.{}f}", value, digits);
  if (text.find('.') != std::string::npos) {
    while (text.ends_with('0')) text.pop_back();
    if (text.ends_with('.')) text.pop_back();
  }
  const std::size_t begin = text.starts_with('-') ? 1 : 0;
  if (text == "-0") return "0";
  const auto point = std::min(text.find('.'), text.size());
  for (std::size_t at = point; at > begin + 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string axis_title(const Axis& axis) {
  if (axis.unit.empty()) return axis.title;
  return axis.title.empty() ? axis.unit : axis.title + " (" + axis.unit + ")";
}

}  // namespace siyu::report
