// Numbers that can be asked where they come from. Every result of the planner carries the worksheet of its figures: value, unit,
// formula, inputs and source, so that a page, a report or an auditor can follow each one back to what was given or published.
#pragma once

#include <boost/describe.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "planner/phrase.h"

namespace siyu::planner {

/// A text that people read, in both languages.
struct Words {
  std::string en, zh;
};
BOOST_DESCRIBE_STRUCT(Words, (), (en, zh))

/// What a formula was given. `figure` names another figure of the sheet when the input was reckoned; `source` says where it is from otherwise.
struct Input {
  Phrase name;
  std::optional<double> value = {};     ///< absent: not known, as the figure behind it
  std::string unit = {};
  std::optional<std::string> figure = {};
  std::optional<Phrase> source = {};
};
BOOST_DESCRIBE_STRUCT(Input, (), (name, value, unit, figure, source))

struct Figure {
  std::string id;                       ///< "memory.weights"; unique in its sheet
  Words label;
  std::optional<double> value;          ///< absent: not known, and `note` says why
  std::string unit = {};                ///< B, s, tokens/s, FLOP/s, cards, CNY …; empty: a plain number
  Phrase formula = {};                  ///< in the inputs' names
  std::vector<Input> inputs = {};
  std::optional<Words> note = {};

  const Input* input(std::string_view english) const;  ///< by its name; none: nullptr
};
BOOST_DESCRIBE_STRUCT(Figure, (), (id, label, value, unit, formula, inputs, note))

class Worksheet {
 public:
  /// Returns the figure's value (0 when unknown), so that reckoning reads as a chain. An id given twice replaces the first.
  double add(Figure figure);
  /// The figure as another one's input: its value and unit, under its own id.
  Input input(std::string_view id, std::string_view name) const;
  const Figure* find(std::string_view id) const;
  const std::vector<Figure>& figures() const { return figures_; }
  /// Takes over another sheet's figures, their ids behind `prefix` and a dot.
  void include(const Worksheet& other, std::string_view prefix);

 private:
  std::vector<Figure> figures_;
};

}  // namespace siyu::planner
