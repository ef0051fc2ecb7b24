// The planner. A model's name is one of the library or of the catalogue, never a path.
#include <algorithm>
#include <chrono>

#include "api/call.h"
#include "api/worked_reply.h"
#include "models/shape.h"
#include "planner/plan.h"
#include "planner/shapes.h"
#include "report/docx_parts.h"
#include "routes.gen.h"

namespace siyu::api {
namespace {

using planner::Catalogue;
using planner::Paper;

struct CatalogueBody {
  planner::Words origin;
  std::optional<planner::Words> problem;
  std::vector<planner::Accelerator> accelerators;
  std::vector<planner::ModelEntry> models;
  std::vector<planner::Network> networks;
  std::vector<planner::Industry> industries;
  std::vector<planner::TokenPrice> token_prices;
  std::vector<planner::UserClass> user_classes;
  std::vector<planner::EfficiencyEntry> efficiencies;
};
BOOST_DESCRIBE_STRUCT(CatalogueBody, (), (origin, problem, accelerators, models, networks, industries, token_prices, user_classes, efficiencies))

struct ReportBody {
  planner::Scenario scenario;
  std::optional<std::vector<Paper>> papers;
  report::Language language = report::Language::kZh;
  report::Format format = report::Format::kDocx;
  std::optional<std::string> date, begins, author, revision, classification;
};
BOOST_DESCRIBE_STRUCT(ReportBody, (), (scenario, papers, language, format, date, begins, author, revision, classification))

constexpr std::size_t kMaxLine = 200;  // bytes of an author, a revision, a classification

Result<sizing::ModelShape> shape_of_library(const Services& services, const models::Model& model) {
  if (model.facts.adapter) return invalid_field("model", "is the adapter " + model.name + ", which runs with a model only; name that model");
  ASSIGN_OR_RETURN(const auto header, models::read_whole_gguf(services.models.file_of(model)));
  ASSIGN_OR_RETURN(auto shape, models::shape_of(header));
  shape.name = model.name;
  return shape;
}

/// The library first: its files say what the catalogue only tells of.
planner::ShapeFinder shapes(Services& services, Pass pass) {
  return [&services, pass = std::move(pass)](const std::string& name) -> Result<sizing::ModelShape> {
    if (name.empty()) return invalid_field("model", "is empty; name a model of the catalogue or of the library");
    if (models::check_name(name)) {
      const auto model = services.models.get(pass, name);
      if (model) return shape_of_library(services, *model);
      if (model.error().code != ErrorCode::kNotFound) return std::unexpected(model.error());
    }
    ASSIGN_OR_RETURN(const auto* entry, services.planning.catalogue().model(name));
    return planner::shape_of(*entry);
  };
}

Status check_date(const std::optional<std::string>& date, const char* field) {
  if (!date) return {};
  const auto day = report::parse_date(*date);
  if (!day || day->year() < std::chrono::year(2000)) return invalid_field(field, "must be a day, such as 2026-03-01");
  return {};
}

Status check(const ReportBody& body) {
  RETURN_IF_ERROR(check_date(body.date, "date"));
  RETURN_IF_ERROR(check_date(body.begins, "begins"));
  for (const auto& [field, text] : {std::pair{"author", &body.author}, {"revision", &body.revision}, {"classification", &body.classification}})
    if (*text && (*text)->size() > kMaxLine) return invalid_field(field, "must have at most 200 bytes");
  if (body.papers && body.papers->empty()) return invalid_field("papers", "is empty; leave it out for all papers");
  return {};
}

std::vector<Paper> papers_of(const ReportBody& body) {
  std::vector<Paper> all;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<Paper>>([&](auto each) {
    if (!body.papers || std::ranges::find(*body.papers, each.value) != body.papers->end()) all.push_back(each.value);
  });
  return all;
}

net::Response file_reply(std::string name, std::string_view type, std::string bytes) {
  net::Response response{.status = 200, .headers = {}, .body = std::move(bytes)};
  response.headers.add("Content-Type", std::string(type));
  response.headers.add("Content-Disposition", "attachment; filename=\"" + name + "\"");
  response.headers.add("Cache-Control", "no-store");
  response.headers.add("X-Content-Type-Options", "nosniff");
  return response;
}

Reply report_of(Services& services, const Pass& pass, const ReportBody& body, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const auto plan, planner::make_plan(body.scenario, services.planning.catalogue(), shapes(services, pass), {.stop = stop}));
  const auto date = body.date.value_or(to_rfc3339(services.clock.now()).substr(0, 10));
  const auto input = planner::paper_input(plan, {.date = date, .begins = body.begins.value_or(""), .author = body.author.value_or(""), .revision = body.revision.value_or(""),
                                                 .classification = body.classification.value_or("")});
  const bool chinese = body.language == report::Language::kZh;
  std::vector<std::pair<std::string, std::string>> files;
  for (const auto paper : papers_of(body)) {
    if (stop.stop_requested()) return fail(ErrorCode::kCancelled, "The papers were given up before they were written");
    ASSIGN_OR_RETURN(const auto document, planner::write_paper(paper, input, body.language));
    ASSIGN_OR_RETURN(auto rendered, report::render(document, body.format, std::string(planner::file_stem(paper)) + (chinese ? "-zh" : "-en"), &services.planning.printer()));
    for (auto& file : rendered.files) files.emplace_back(std::move(file.name), std::move(file.bytes));
  }
  if (files.size() == 1) return file_reply(std::move(files[0].first), report::media_type(body.format), std::move(files[0].second));
  ASSIGN_OR_RETURN(auto archive, report::zip_parts(files, date));
  return file_reply(chinese ? "plan-zh.zip" : "plan-en.zip", "application/zip", std::move(archive));
}

}  // namespace

namespace handlers {

Reply plan_memory(Call& call) {
  ASSIGN_OR_RETURN(const auto body, call.body<planner::MemoryRequest>());
  ASSIGN_OR_RETURN(const auto answer, planner::answer(body, call.services.planning.catalogue(), shapes(call.services, *call.pass)));
  return reply_json(answer);
}

Reply plan_speed(Call& call) {
  ASSIGN_OR_RETURN(const auto body, call.body<planner::SpeedRequest>());
  ASSIGN_OR_RETURN(const auto speed, planner::answer(body, call.services.planning.catalogue(), shapes(call.services, *call.pass), call.services.planning.measured()));
  return reply_json(speed.plan);
}

Reply make_plan(Call& call) {
  ASSIGN_OR_RETURN(auto scenario, call.body<planner::Scenario>());
  ASSIGN_OR_RETURN(auto turn, call.services.planning.take_turn());
  auto work = [&services = call.services, pass = *call.pass, scenario = std::move(scenario), turn = std::move(turn)](const std::stop_token& stop) -> Reply {
    ASSIGN_OR_RETURN(const auto plan, planner::make_plan(scenario, services.planning.catalogue(), shapes(services, pass), {.stop = stop}));
    return reply_json(plan);
  };
  return worked_reply(std::move(work), call.request.id, call.services.log);
}

Reply plan_report(Call& call) {
  ASSIGN_OR_RETURN(auto body, call.body<ReportBody>());
  RETURN_IF_ERROR(check(body));
  ASSIGN_OR_RETURN(auto turn, call.services.planning.take_turn());
  auto work = [&services = call.services, pass = *call.pass, body = std::move(body), turn = std::move(turn)](const std::stop_token& stop) {
    return report_of(services, pass, body, stop);
  };
  return worked_reply(std::move(work), call.request.id, call.services.log);
}

Reply plan_catalogue(Call& call) {
  const auto& planning = call.services.planning;
  const auto& all = planning.catalogue();
  return reply_json(CatalogueBody{.origin = planning.origin(), .problem = planning.problem(), .accelerators = all.accelerators, .models = all.models, .networks = all.networks,
                                  .industries = all.industries, .token_prices = all.token_prices, .user_classes = all.user_classes, .efficiencies = all.efficiencies});
}

Reply plan_published(Call& call) { return reply_json(call.services.planning.published()); }

}  // namespace handlers
}  // namespace siyu::api
