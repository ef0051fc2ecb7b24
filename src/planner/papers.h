// The papers of a plan, in Chinese and English: business alignment, sizing, bill of materials, responsibilities, project plan, risks and
// cost. They are written from plain data, so that a page can make them from a stored result; report/render.h makes files of them.
//
// Every number comes from a figure or a row that is given here; what is absent is written as unknown, never guessed.
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "planner/advise.h"
#include "planner/project_plan.h"
#include "planner/scenario.h"
#include "planner/worksheet.h"
#include "report/document.h"

namespace siyu::planner {

enum class Paper { kAlignment, kSizing, kBillOfMaterials, kResponsibilities, kProjectPlan, kRisks, kCost };
BOOST_DESCRIBE_ENUM(Paper, kAlignment, kSizing, kBillOfMaterials, kResponsibilities, kProjectPlan, kRisks, kCost)
Words name_of(Paper paper);
std::string_view file_stem(Paper paper);  ///< "alignment", "sizing", "bill-of-materials" …

/// A part of the appendix: all figures of one reckoning.
struct FigureSection {
  Words title;
  std::vector<Figure> figures;
};
BOOST_DESCRIBE_STRUCT(FigureSection, (), (title, figures))

/// A share of the memory of one card, the fullest. Bytes.
struct MemoryPart {
  Words label;
  double bytes = 0;
};
BOOST_DESCRIBE_STRUCT(MemoryPart, (), (label, bytes))

/// One point of latency over load, of the simulated fleet.
struct LoadPoint {
  double requests_per_second = 0;
  std::optional<double> ttft_p50_s, ttft_p95_s, ttft_p99_s, tpot_p95_ms;
  std::optional<double> replicas;
};
BOOST_DESCRIBE_STRUCT(LoadPoint, (), (requests_per_second, ttft_p50_s, ttft_p95_s, ttft_p99_s, tpot_p95_ms, replicas))

/// How many replicas a date or load asks for.
struct ReplicaPoint {
  double load = 0;  ///< requests a second at the peak
  double replicas = 0;
  std::optional<double> year;
};
BOOST_DESCRIBE_STRUCT(ReplicaPoint, (), (load, replicas, year))

/// One kind of card that was tried for this plan.
struct HardwareRow {
  std::string accelerator;
  bool chosen = false;
  double replicas = 0, cards = 0, servers = 0;  ///< today, with spare
  std::optional<double> ttft_p95_s, tpot_p95_ms, power_w, purchase;
  std::optional<Words> why_not;  ///< it cannot do it; the numbers say nothing then
};
BOOST_DESCRIBE_STRUCT(HardwareRow, (), (accelerator, chosen, replicas, cards, servers, ttft_p95_s, tpot_p95_ms, power_w, purchase, why_not))

struct BillRow {
  std::string group;  ///< server, card, network, storage, software, service; others are shown as they are
  Words item;
  Words specification;
  double quantity = 0;
  std::string unit;                             ///< server, card, port, drive, node, TB, licence, year …
  std::optional<double> price_low, price_high;  ///< of one, in PaperInput::currency; absent: unknown
  std::optional<double> power_w;                ///< of one
  std::optional<std::string> edition;           ///< domestic, international
  Phrase source;                                ///< of quantity and price; empty: not known
  std::optional<Words> note;
};
BOOST_DESCRIBE_STRUCT(BillRow, (), (group, item, specification, quantity, unit, price_low, price_high, power_w, edition, source, note))

/// Money of one year, per way of running it; absent: not reckoned.
struct PaidByYear {
  double year = 1;
  std::optional<double> on_premise, cloud, hybrid;  ///< paid up to the end of this year
};
BOOST_DESCRIBE_STRUCT(PaidByYear, (), (year, on_premise, cloud, hybrid))

struct CostPart {
  Words label;
  std::optional<double> value;  ///< over the horizon
  std::string figure;           ///< id of the figure it is from
};
BOOST_DESCRIBE_STRUCT(CostPart, (), (label, value, figure))

/// What an assumption's low and high end do to the result.
struct Swing {
  Words label;
  double low = 0, high = 0;
  Words low_label, high_label;
};
BOOST_DESCRIBE_STRUCT(Swing, (), (label, low, high, low_label, high_label))

struct PaperCost {
  std::string currency;  ///< CNY, USD
  std::vector<CostPart> parts;
  std::vector<PaidByYear> years;
  std::optional<double> break_even_month;
  Words break_even_note;            ///< why there is none, or what it rests on
  std::optional<double> total;      ///< on premises, over the horizon
  std::optional<double> advantage;  ///< present value of paying the cloud less that of owning; what the swings move
  std::vector<Swing> sensitivities;
  std::optional<double> per_million_tokens;
};
BOOST_DESCRIBE_STRUCT(PaperCost, (), (currency, parts, years, break_even_month, break_even_note, total, advantage, sensitivities, per_million_tokens))

/// What the plan comes to, for the first page of a paper. Ids of figures in `sections`; absent or unknown ones are shown as unknown.
struct Headline {
  std::string figure;
  Words label;
};
BOOST_DESCRIBE_STRUCT(Headline, (), (figure, label))

struct PaperInput {
  Scenario scenario;
  Advice advice;
  ProjectPlan project;      ///< empty: made from the advice
  std::string date;         ///< YYYY-MM-DD, of the paper
  std::string begins = {};  ///< YYYY-MM-DD of the project's first day; empty: days are counted
  std::string author = {}, revision = {}, classification = {};
  std::vector<FigureSection> sections = {};  ///< memory, speed, fleet, cost …; the advice's own figures are added
  std::vector<Headline> headlines = {};
  std::vector<MemoryPart> memory = {};
  std::optional<double> memory_of_card_bytes = {};
  std::vector<LoadPoint> load = {};
  std::vector<ReplicaPoint> replicas = {};
  std::vector<HardwareRow> hardware = {};
  std::vector<BillRow> bill = {};
  std::string currency = "CNY";  ///< of the bill; costs have their own
  std::optional<PaperCost> cost = {};
  std::vector<Words> measured = {}, published = {};  ///< what was measured here, what others published
  std::vector<Words> missing = {};                   ///< what was not given and what stands in its place
};

/// kInvalidArgument when a number is not finite, a date is none, or the scenario has no name.
Result<report::Document> write_paper(Paper paper, const PaperInput& input, report::Language language);

/// The rows that follow from the advice and, when they were given, replicas and cards: servers, cards, ports, storage, software, services.
/// Prices are the scenario's where it gives them, else the catalogue's, in `currency` or converted to it with the scenario's rate, as the cost
/// takes them; others are absent.
std::vector<BillRow> bill_of(const Advice& advice, const AdviceQuestion& question, const Catalogue& catalogue, const std::string& currency);

/// Probability × impact, gravest first: the compliance risks of the advice and those of the project itself.
struct ProjectRisk {
  std::string id;
  Words title, why, mitigation, sign;  ///< `sign`: by what it is seen early
  int probability = 1, impact = 1;     ///< 1–5
  Severity severity = Severity::kLow;
  Role owner = Role::kProject;
};
BOOST_DESCRIBE_STRUCT(ProjectRisk, (), (id, title, why, mitigation, sign, probability, impact, severity, owner))
std::vector<ProjectRisk> project_risks(const PaperInput& input);

}  // namespace siyu::planner
