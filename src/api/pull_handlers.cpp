// Downloads of models from hubs.
#include "api/call.h"
#include "routes.gen.h"

namespace siyu::api {
namespace {

struct NewPullBody {
  std::string reference;
  std::optional<std::string> name, sha256;
};
BOOST_DESCRIBE_STRUCT(NewPullBody, (), (reference, name, sha256))

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

PullBody to_body(const models::Pull& pull) {
  return {.id = pull.id, .reference = pull.reference, .name = pull.name, .state = pull.state, .reason = pull.reason.empty() ? std::nullopt : std::optional(pull.reason),
          .bytes_done = pull.bytes_done, .bytes_total = pull.bytes_total, .bytes_per_second = pull.bytes_per_second, .created_at = to_rfc3339(pull.created_at)};
}

}  // namespace

namespace handlers {

Reply create_pull(Call& call) {
  ASSIGN_OR_RETURN(auto body, call.body<NewPullBody>());
  ASSIGN_OR_RETURN(const auto pull, call.services.pulls.create(*call.pass, {.reference = std::move(body.reference), .name = std::move(body.name), .sha256 = std::move(body.sha256)}));
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

Reply cancel_pull(Call& call) {
  RETURN_IF_ERROR(call.services.pulls.remove(*call.pass, call.param("pull")));
  return reply_empty();
}

}  // namespace handlers
}  // namespace siyu::api
