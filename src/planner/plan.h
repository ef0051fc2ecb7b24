// A whole plan from a scenario: which cards and how many, how fast, what it costs, where it should run, and the papers about it.
#pragma once

#include <boost/describe.hpp>

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "planner/advise.h"
#include "planner/fleet.h"
#include "planner/memory.h"
#include "planner/papers.h"
#include "planner/requests.h"
#include "planner/scenario.h"
#include "planner/speed.h"
#include "planner/tco.h"

namespace siyu::planner {

/// One kind of card, with what the scenario would take of it.
struct HardwareOption {
  std::string accelerator, vendor, edition;
  bool chosen = false;
  std::optional<Split> split;               ///< of one replica; absent: `why_not`
  std::uint32_t replicas = 0, cards = 0, servers = 0;  ///< today, with spare
  double ttft_p95_s = 0, tpot_p95_ms = 0, utilisation = 0;
  std::optional<double> purchase;           ///< of the cards, in the currency of the cost; absent: no price known
  double power_w = 0;                       ///< of the cards, rated; 0: not known
  std::optional<Words> why_not;
  std::vector<Words> doubts;                ///< figures of the catalogue without a source at hand
};
BOOST_DESCRIBE_STRUCT(HardwareOption, (), (accelerator, vendor, edition, chosen, split, replicas, cards, servers, ttft_p95_s, tpot_p95_ms, utilisation, purchase, power_w, why_not, doubts))

struct Plan {
  Scenario scenario;
  std::string model, weights, accelerator;
  Split split;
  std::uint32_t replicas = 0, cards = 0, servers = 0;  ///< today, with spare; no fewer servers than the tier begins with
  std::vector<HardwareOption> hardware;                ///< the chosen one first
  MemoryPlan memory;
  SpeedPlan speed;
  FleetPlan fleet;
  CostPlan cost;
  Advice advice;
  QualityCurve quality;                                ///< what a larger model brings, for how much more: catalogue/quality.yaml
  std::vector<BillRow> bill;
  std::vector<Words> assumptions;                      ///< what was not given, and what stands in its place
};
BOOST_DESCRIBE_STRUCT(Plan, (), (scenario, model, weights, accelerator, split, replicas, cards, servers, hardware, memory, speed, fleet, cost, advice, quality, bill, assumptions))

struct PlanSettings {
  std::optional<Trace> trace;      ///< of real arrivals, instead of Poisson's
  bool compare_hardware = true;    ///< false: only the card that the scenario names
  bool curves = true;
  std::stop_token stop = {};       ///< asked to stop, the plan ends within a second with kCancelled
};

/// kInvalidArgument names the scenario's field; kUnsupported when no card that is allowed can do it, with the nearest one's reason.
Result<Plan> make_plan(const Scenario& scenario, const Catalogue& catalogue, const ShapeFinder& find, const PlanSettings& settings = {});

struct PaperSettings {
  std::string date;                ///< YYYY-MM-DD
  std::string begins = {}, author = {}, revision = {}, classification = {};
};
PaperInput paper_input(const Plan& plan, const PaperSettings& settings);

}  // namespace siyu::planner
