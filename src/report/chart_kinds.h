// One file per kind of chart draws it.
#pragma once

#include "report/chart.h"

namespace siyu::report {

Drawing draw(const LineChart& chart, Language language, const std::string& label);
Drawing draw(const BarChart& chart, Language language, const std::string& label);
Drawing draw(const TornadoChart& chart, Language language, const std::string& label);
Drawing draw(const GanttChart& chart, Language language, const std::string& label);
Drawing draw(const DonutChart& chart, Language language, const std::string& label);

}  // namespace siyu::report
