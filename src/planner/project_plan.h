// The seven steps of a deployment as tasks with durations, dependencies and exit criteria; the critical path is reckoned (CPM, Kelley
// and Walker 1959).
#pragma once

#include <boost/describe.hpp>
#include <string>
#include <vector>

#include "planner/advise.h"

namespace siyu::planner {

struct PlanTask {
  std::string id;
  int step = 1;  ///< 1–7
  Words name;
  double days = 1;  ///< working days
  std::vector<std::string> after;
  Role responsible = Role::kProject;
  Words result;       ///< what is there when it is done
  std::string parts;  ///< a letter for each Role in its order: R does it, A answers for it, B both, C is asked, I is told, - has no part
  // Reckoned:
  double start = 0, end = 0, slack = 0;  ///< working days from the beginning
  bool critical = false;
};
BOOST_DESCRIBE_STRUCT(PlanTask, (), (id, step, name, days, after, responsible, result, parts, start, end, slack, critical))

struct PlanStep {
  int number = 1;
  Words name, exit;  ///< what must hold before the next step is left to itself
};
BOOST_DESCRIBE_STRUCT(PlanStep, (), (number, name, exit))

struct ProjectPlan {
  std::vector<PlanStep> steps;
  std::vector<PlanTask> tasks;             ///< in the order of steps, then of their starts
  double days = 0;                         ///< working days in all
  std::vector<std::string> critical_path;  ///< ids of tasks, in order
  std::vector<Words> assumptions;          ///< of the durations
};
BOOST_DESCRIBE_STRUCT(ProjectPlan, (), (steps, tasks, days, critical_path, assumptions))

/// What lengthens or shortens the plan.
struct PlanFacts {
  double servers = 1;
  bool air_gapped = false, domestic = false, regulated = false, public_answers = false;
  Training training = Training::kNone;
};

/// The usual tasks, fitted to the facts.
ProjectPlan project_plan(const PlanFacts& facts);
/// Fills starts, ends, slack and the critical path. kInvalidArgument on an unknown predecessor, a cycle, or a duration that is negative.
Status schedule(ProjectPlan& plan);

}  // namespace siyu::planner
