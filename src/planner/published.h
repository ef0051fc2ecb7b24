// Predictions beside what others published (catalogue/published.yaml), so that everybody can see how far to trust them.
#pragma once

#include <boost/describe.hpp>

#include <optional>
#include <string>
#include <vector>

#include "planner/catalogue.h"
#include "planner/speed.h"
#include "planner/worksheet.h"

namespace siyu::planner {

struct Comparison {
  std::string id, model, precision, accelerator, parallel, engine, load, metric;
  std::uint32_t cards = 0;
  double published = 0;
  std::optional<double> predicted;   ///< absent: `why_not`
  std::optional<double> ratio;       ///< predicted / published
  bool fitted = false;               ///< the factors of catalogue/efficiency.yaml were chosen with it; the others were not looked at for that
  std::optional<Words> why_not;      ///< what of the setting the planner does not reckon, or the source does not tell
  std::string source, date;
};
BOOST_DESCRIBE_STRUCT(Comparison, (), (id, model, precision, accelerator, parallel, engine, load, metric, cards, published, predicted, ratio, fitted, why_not, source, date))

struct Comparisons {
  std::vector<Comparison> rows;
  double median_error = 0, median_error_fitted = 0;  ///< |ratio − 1|, over those that were not fitted, and over those that were
  double within_a_third = 0;                         ///< share of all whose ratio is from 2/3 to 3/2
};
BOOST_DESCRIBE_STRUCT(Comparisons, (), (rows, median_error, median_error_fitted, within_a_third))

Comparisons compare_published(const Catalogue& catalogue);

}  // namespace siyu::planner
