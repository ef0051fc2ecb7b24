#include "planner/papers.h"

#include <fmt/format.h>

#include <cmath>

#include "planner/papers/pen.h"

namespace siyu::planner {
namespace {

Status check_input(const PaperInput& input) {
  if (input.scenario.name.empty()) return invalid_field("scenario.name", "is empty; a paper needs the plan's name");
  bool finite = true;
  const auto look = [&](std::optional<double> value) { finite = finite && (!value || std::isfinite(*value)); };
  const auto look_at = [&](const std::vector<Figure>& figures) {
    for (const auto& figure : figures) {
      look(figure.value);
      for (const auto& one : figure.inputs) look(one.value);
    }
  };
  for (const auto& section : input.sections) look_at(section.figures);
  look_at(input.advice.figures);
  for (const auto& part : input.memory) look(part.bytes);
  look(input.memory_of_card_bytes);
  for (const auto& point : input.load)
    look(point.requests_per_second), look(point.ttft_p95_s), look(point.tpot_p95_ms), look(point.ttft_p50_s), look(point.ttft_p99_s), look(point.replicas);
  for (const auto& point : input.replicas) look(point.load), look(point.replicas), look(point.year);
  for (const auto& row : input.hardware) look(row.ttft_p95_s), look(row.tpot_p95_ms), look(row.power_w), look(row.purchase);
  for (const auto& row : input.bill) look(row.quantity), look(row.price_low), look(row.price_high), look(row.power_w);
  if (input.cost) {
    for (const auto& part : input.cost->parts) look(part.value);
    for (const auto& year : input.cost->years) look(year.on_premise), look(year.cloud), look(year.hybrid);
    for (const auto& swing : input.cost->sensitivities) look(swing.low), look(swing.high);
    look(input.cost->total), look(input.cost->advantage), look(input.cost->break_even_month), look(input.cost->per_million_tokens);
  }
  if (!finite) return invalid("The paper was given a number that is not finite; leave out what is not known");
  for (const auto& [day, field] : {std::pair{&input.date, "date"}, {&input.begins, "begins"}})
    if (!day->empty() && !report::parse_date(*day)) return invalid_field(field, fmt::format("must be a day as 2026-03-01; `{}` was given", *day));
  return {};
}

PlanFacts plan_facts(const PaperInput& input) {
  const auto& advice = input.advice;
  const auto constraints = input.scenario.constraints.value_or(Constraints{});
  PlanFacts facts{.servers = advice.tier.servers,
                  .air_gapped = constraints.air_gapped.value_or(false),
                  .domestic = advice.tier.edition == "domestic",
                  .training = advice.training};
  for (const auto& risk : advice.risks) {
    if (risk.id == "two_factors") facts.regulated = true;  // The graded protection applies.
    if (risk.id == "content_safety") facts.public_answers = true;
  }
  return facts;
}

}  // namespace

Words name_of(Paper paper) {
  switch (paper) {
    case Paper::kAlignment: return {"Business alignment document", "业务对齐文档"};
    case Paper::kSizing: return {"Sizing report", "容量测算报告"};
    case Paper::kBillOfMaterials: return {"Bill of materials", "物料清单"};
    case Paper::kResponsibilities: return {"Responsibility matrix (RACI)", "责任分配矩阵（RACI）"};
    case Paper::kProjectPlan: return {"Project plan", "项目实施计划"};
    case Paper::kRisks: return {"Risk register", "风险清单"};
    case Paper::kCost: return {"Cost report", "成本测算报告"};
  }
  return {};
}

std::string_view file_stem(Paper paper) {
  switch (paper) {
    case Paper::kAlignment: return "alignment";
    case Paper::kSizing: return "sizing";
    case Paper::kBillOfMaterials: return "bill-of-materials";
    case Paper::kResponsibilities: return "responsibilities";
    case Paper::kProjectPlan: return "project-plan";
    case Paper::kRisks: return "risks";
    case Paper::kCost: return "cost";
  }
  return "";
}

Result<report::Document> write_paper(Paper paper, const PaperInput& given, report::Language language) {
  RETURN_IF_ERROR(check_input(given));
  auto input = given;
  if (input.project.tasks.empty()) input.project = project_plan(plan_facts(input));
  else RETURN_IF_ERROR(schedule(input.project));
  Pen pen(paper, input, language);
  switch (paper) {
    case Paper::kAlignment: write_alignment(pen); break;
    case Paper::kSizing: write_sizing(pen); break;
    case Paper::kBillOfMaterials: write_bill(pen); break;
    case Paper::kResponsibilities: write_responsibilities(pen); break;
    case Paper::kProjectPlan: write_project(pen); break;
    case Paper::kRisks: write_risks(pen); break;
    case Paper::kCost: write_cost(pen); break;
  }
  return pen.finish();
}

}  // namespace siyu::planner
