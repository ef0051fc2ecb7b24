#include "planner/project_plan.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace siyu::planner {
namespace {

using testing::HasSubstr;

TEST(ProjectPlan, TheCriticalPathOfAKnownNetworkIsRight) {
  ProjectPlan plan;
  const auto task = [](std::string id, double days, std::vector<std::string> after) {
    return PlanTask{.id = std::move(id), .days = days, .after = std::move(after)};
  };
  plan.tasks = {task("d", 4, {"b", "c"}), task("a", 3, {}), task("b", 2, {"a"}), task("c", 6, {"a"}), task("e", 1, {"d"}), task("f", 2, {"a"})};
  ASSERT_TRUE(schedule(plan));
  EXPECT_EQ(plan.days, 14);
  EXPECT_THAT(plan.critical_path, testing::ElementsAre("a", "c", "d", "e"));
  const auto by_id = [&](const std::string& id) { return *std::ranges::find(plan.tasks, id, &PlanTask::id); };
  EXPECT_EQ(by_id("b").slack, 4);
  EXPECT_EQ(by_id("f").slack, 9);
  EXPECT_FALSE(by_id("b").critical);
  EXPECT_TRUE(by_id("c").critical);
}

TEST(ProjectPlan, CyclesAndUnknownPredecessorsAreNamed) {
  ProjectPlan plan;
  plan.tasks = {{.id = "a", .days = 1, .after = {"b"}}, {.id = "b", .days = 1, .after = {"a"}}};
  EXPECT_THAT(schedule(plan).error().message, HasSubstr("waits for itself"));
  plan.tasks = {{.id = "a", .days = 1, .after = {"z"}}};
  EXPECT_THAT(schedule(plan).error().message, HasSubstr("`z`"));
  plan.tasks = {{.id = "a", .days = -1}};
  EXPECT_FALSE(schedule(plan));
  plan.tasks = {{.id = "a"}, {.id = "a"}};
  EXPECT_FALSE(schedule(plan));
}

TEST(ProjectPlan, HoldsForEveryCombinationOfFacts) {
  for (int bits = 0; bits < 16; ++bits)
    for (const auto training : {Training::kNone, Training::kAdapters, Training::kAll}) {
      auto plan = project_plan({.servers = 1.0 + bits,
                                .air_gapped = (bits & 1) != 0,
                                .domestic = (bits & 2) != 0,
                                .regulated = (bits & 4) != 0,
                                .public_answers = (bits & 8) != 0,
                                .training = training});
      ASSERT_TRUE(schedule(plan));
      EXPECT_EQ(plan.steps.size(), 7U);
      double on_path = 0;
      for (const auto& task : plan.tasks) {
        EXPECT_EQ(task.parts.size(), 9U) << task.id;
        EXPECT_EQ(std::ranges::count_if(task.parts, [](char c) { return c == 'A' || c == 'B'; }), 1) << task.id;
        EXPECT_GE(std::ranges::count_if(task.parts, [](char c) { return c == 'R' || c == 'B'; }), 1) << task.id;
        EXPECT_FALSE(task.result.zh.empty()) << task.id;
        for (const auto& id : task.after) EXPECT_LE(std::ranges::find(plan.tasks, id, &PlanTask::id)->end, task.start + 1e-9);
        if (std::ranges::find(plan.critical_path, task.id) != plan.critical_path.end()) {
          on_path += task.days;
          EXPECT_TRUE(task.critical) << task.id;
        }
      }
      EXPECT_NEAR(on_path, plan.days, 1e-9);
    }
}

}  // namespace
}  // namespace siyu::planner
