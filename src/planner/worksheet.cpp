#include "planner/worksheet.h"

#include <algorithm>

namespace siyu::planner {

const Input* Figure::input(std::string_view english) const {
  const auto at = std::ranges::find_if(inputs, [&](const Input& one) { return one.name.en == english; });
  return at == inputs.end() ? nullptr : &*at;
}

double Worksheet::add(Figure figure) {
  const auto value = figure.value.value_or(0);
  const auto at = std::ranges::find(figures_, figure.id, &Figure::id);
  if (at != figures_.end()) *at = std::move(figure);
  else figures_.push_back(std::move(figure));
  return value;
}

const Figure* Worksheet::find(std::string_view id) const {
  const auto at = std::ranges::find(figures_, id, &Figure::id);
  return at == figures_.end() ? nullptr : &*at;
}

Input Worksheet::input(std::string_view id, std::string_view name) const {
  const auto* figure = find(id);
  if (figure == nullptr) return {.name = name};
  return {.name = name, .value = figure->value, .unit = figure->unit, .figure = std::string(id)};
}

void Worksheet::include(const Worksheet& other, std::string_view prefix) {
  const auto prefixed = [&](const std::string& id) { return std::string(prefix) + "." + id; };
  for (auto figure : other.figures_) {
    figure.id = prefixed(figure.id);
    for (auto& input : figure.inputs)
      if (input.figure) input.figure = prefixed(*input.figure);
    add(std::move(figure));
  }
}

}  // namespace siyu::planner
