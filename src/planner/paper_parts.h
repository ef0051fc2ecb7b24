// What the papers take from the fleet and the cost, as the papers want it.
#pragma once

#include "planner/fleet.h"
#include "planner/papers.h"
#include "planner/tco.h"

namespace siyu::planner {

PaperCost paper_cost(const CostPlan& plan);
/// Latency of one replica from idle to saturated.
std::vector<LoadPoint> paper_load(const FleetPlan& plan);
std::vector<ReplicaPoint> paper_replicas(const FleetPlan& plan);

}  // namespace siyu::planner
