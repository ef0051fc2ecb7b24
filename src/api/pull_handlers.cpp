// Downloads of models from hubs, and which to download.
#include "api/call.h"
#include "planner/recommend.h"
#include "routes.gen.h"

namespace siyu::api {
namespace {

struct NewPullBody {
  std::string reference;
  std::optional<std::string> name, sha256;
  std::optional<bool> load;
};
BOOST_DESCRIBE_STRUCT(NewPullBody, (), (reference, name, sha256, load))

struct PullBody {
  std::string id, reference, name;
  models::PullState state = models::PullState::kQueued;
  std::optional<std::string> reason;
  std::uint64_t bytes_done = 0, bytes_total = 0;
  double bytes_per_second = 0;
  std::string created_at;
};
BOOST_DESCRIBE_STRUCT(PullBody, (), (id, reference, name, state, reason, bytes_done, bytes_total, bytes_per_second, created_at))
struct PullListBody {
  std::vector<PullBody> pulls;
};
BOOST_DESCRIBE_STRUCT(PullListBody, (), (pulls))

struct RecommendationBody {
  std::string name, reference, mirror;
  serving::Kind kind = serving::Kind::kChat;
  std::uint64_t parameters = 0;
  std::string quantization, license;
  bool fits = false, comfortable = false;
  std::uint64_t file_bytes = 0, predicted_bytes = 0;
  std::optional<double> tokens_per_second;
  std::string reason, command;
};
BOOST_DESCRIBE_STRUCT(RecommendationBody, (), (name, reference, mirror, kind, parameters, quantization, license, fits, comfortable, file_bytes, predicted_bytes,
                                               tokens_per_second, reason, command))
struct MachineBody {
  std::uint64_t memory_bytes = 0, memory_available_bytes = 0;
  double cores = 0;
  std::optional<double> memory_bytes_per_second;
  std::vector<models::Card> cards;
  std::uint64_t disk_free_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(MachineBody, (), (memory_bytes, memory_available_bytes, cores, memory_bytes_per_second, cards, disk_free_bytes))
struct RecommendationListBody {
  MachineBody machine;
  std::vector<RecommendationBody> recommendations;
};
BOOST_DESCRIBE_STRUCT(RecommendationListBody, (), (machine, recommendations))

std::optional<double> when_known(double value) { return value > 0 ? std::optional(value) : std::nullopt; }

RecommendationBody to_body(const planner::Recommendation& one) {
  return {.name = one.name, .reference = one.reference, .mirror = one.mirror, .kind = one.embedding ? serving::Kind::kEmbedding : serving::Kind::kChat,
          .parameters = static_cast<std::uint64_t>(one.parameters), .quantization = one.quantization, .license = one.license, .fits = one.fits,
          .comfortable = one.comfortable, .file_bytes = one.file_bytes, .predicted_bytes = one.predicted_bytes, .tokens_per_second = when_known(one.tokens_per_second),
          .reason = one.reason, .command = "siyu model pull " + one.reference};
}

PullBody to_body(const models::Pull& pull) {
  return {.id = pull.id, .reference = pull.reference, .name = pull.name, .state = pull.state, .reason = pull.reason.empty() ? std::nullopt : std::optional(pull.reason),
          .bytes_done = pull.bytes_done, .bytes_total = pull.bytes_total, .bytes_per_second = pull.bytes_per_second, .created_at = to_rfc3339(pull.created_at)};
}

}  // namespace

namespace handlers {

Reply create_pull(Call& call) {
  ASSIGN_OR_RETURN(auto body, call.body<NewPullBody>());
  ASSIGN_OR_RETURN(const auto pull, call.services.pulls.create(*call.pass, {.reference = std::move(body.reference), .name = std::move(body.name), .sha256 = std::move(body.sha256),
                                                                           .load = body.load.value_or(false)}));
  return reply_json(to_body(pull), 202);
}

Reply list_pulls(Call& call) {
  ASSIGN_OR_RETURN(const auto pulls, call.services.pulls.list(*call.pass));
  PullListBody body;
  for (const auto& pull : pulls) body.pulls.push_back(to_body(pull));
  return reply_json(body);
}

Reply get_pull(Call& call) {
  ASSIGN_OR_RETURN(const auto pull, call.services.pulls.get(*call.pass, call.param("pull")));
  return reply_json(to_body(pull));
}

Reply recommend_models(Call& call) {
  std::error_code error;
  const auto space = std::filesystem::space(call.services.config.data, error);
  const auto result = planner::recommend(call.services.planning.catalogue(), call.services.machine(), error ? 0 : space.available, call.services.config.worker.context_length);
  RecommendationListBody body{.machine = {.memory_bytes = result.machine.memory_bytes, .memory_available_bytes = result.machine.memory_available_bytes,
                                          .cores = result.machine.cores, .memory_bytes_per_second = when_known(result.machine.memory_bytes_per_second),
                                          .cards = result.machine.cards, .disk_free_bytes = result.disk_free_bytes},
                              .recommendations = {}};
  for (const auto& one : result.models) body.recommendations.push_back(to_body(one));
  return reply_json(body);
}

Reply cancel_pull(Call& call) {
  RETURN_IF_ERROR(call.services.pulls.remove(*call.pass, call.param("pull")));
  return reply_empty();
}

}  // namespace handlers
}  // namespace siyu::api
