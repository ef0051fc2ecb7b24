// Ranking of documents.
#include "api/generation_call.h"
#include "routes.gen.h"

namespace siyu::api {
namespace {

struct RerankBody {
  std::optional<std::string> model;
  std::string query;
  std::vector<json::value> documents;  ///< texts, or objects with one
  std::optional<std::int64_t> top_n;
  std::optional<bool> return_documents;
};
BOOST_DESCRIBE_STRUCT(RerankBody, (), (model, query, documents, top_n, return_documents))
struct DocumentBody {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(DocumentBody, (), (text))

Result<engine::RerankRequest> to_request(const RerankBody& body) {
  engine::RerankRequest request{.query = body.query, .documents = {}};
  if (body.top_n && *body.top_n < 1) return invalid_field("top_n", "must be at least 1");
  for (std::size_t i = 0; i < body.documents.size(); ++i) {
    const auto& document = body.documents[i];
    const auto path = json_detail::join_index("documents", i);
    if (document.is_string()) {
      request.documents.emplace_back(document.get_string());
      continue;
    }
    ASSIGN_OR_RETURN(auto object, from_json<DocumentBody>(document, UnknownKeys::kIgnore, path));
    request.documents.push_back(std::move(object.text));
  }
  RETURN_IF_ERROR(engine::validate(request));
  return request;
}

}  // namespace

namespace handlers {

Reply create_rerank(Call& call) {
  ASSIGN_OR_RETURN(const auto body, from_json_text<RerankBody>(call.request.body));
  ASSIGN_OR_RETURN(const auto request, to_request(body));
  ASSIGN_OR_RETURN(const auto served, call.services.gateway.route(*call.pass, body.model.value_or(""), serving::Kind::kRerank));
  ASSIGN_OR_RETURN(const auto ranking, served.engine->rerank(request));
  call.services.metrics.on_embedding(served.name, ranking.prompt_tokens);
  json::array results;
  for (const auto index : engine::best_first(ranking, body.top_n ? static_cast<std::size_t>(*body.top_n) : ranking.scores.size())) {
    json::object one{{"index", index}, {"relevance_score", ranking.scores[index]}};
    if (body.return_documents.value_or(true)) one["document"] = json::object{{"text", request.documents[index]}};
    results.push_back(std::move(one));
  }
  const auto head = head_of(call, "rerank", served.name);
  const json::object answer{{"id", head.id}, {"object", "rerank"}, {"model", head.model}, {"results", std::move(results)},
                            {"usage", {{"prompt_tokens", ranking.prompt_tokens}, {"total_tokens", ranking.prompt_tokens}}}};
  return net::json_response(200, json::serialize(answer));
}

}  // namespace handlers
}  // namespace siyu::api
