#include "rpc/services.h"

#include "rpc/answer_call.h"
#include "rpc/convert.h"
#include "siyu.grpc.pb.h"

namespace siyu::rpc {
namespace {

constexpr auto kEmbedLimit = std::chrono::minutes(2);

/// A call with one answer. Its body runs on the pool; until Finish gRPC keeps context, request and reply.
template <class Request, class Reply>
grpc::ServerUnaryReactor* unary(Host& host, grpc::CallbackServerContext* context, std::string_view method, const Request* request, Reply* reply,
                                Status (*body)(const Call&, const Request&, Reply&)) {
  auto* reactor = context->DefaultReactor();
  auto call = std::make_unique<Call>(host, *context, method);
  auto* const kept = call.get();
  BoundedPool::Task task = [reactor, request, reply, body, call = std::move(call)]() mutable {
    Status outcome;
    try {
      outcome = body(*call, *request, *reply);
    } catch (const std::exception& error) {
      outcome = internal("The server failed on this call", error.what());
    }
    const auto status = call->settle(outcome);
    call.reset();
    reactor->Finish(status);
  };
  // A refused task still owns the call.
  if (const auto submitted = submit(host, task); !submitted) reactor->Finish(kept->settle(submitted));
  return reactor;
}

Result<chat::Answer> answer_chat(const Call& call, const v1::ChatRequest& request) {
  ASSIGN_OR_RETURN(const auto pass, call.enter(Permission::kInfer, "chat.create", "chat/completions"));
  ASSIGN_OR_RETURN(auto decoded, to_chat(request));
  ASSIGN_OR_RETURN(const auto left, call.time_left());
  decoded.generate.time_limit_ms = left.count();
  return call.parts().chat.answer(pass, std::move(decoded));
}

Result<chat::Answer> answer_completion(const Call& call, const v1::CompleteRequest& request) {
  ASSIGN_OR_RETURN(const auto pass, call.enter(Permission::kInfer, "completion.create", "completions"));
  ASSIGN_OR_RETURN(auto decoded, to_generate(request));
  ASSIGN_OR_RETURN(const auto left, call.time_left());
  decoded.time_limit_ms = left.count();
  ASSIGN_OR_RETURN(const auto served, call.parts().gateway.route(pass, request.model(), serving::Kind::kChat));
  ASSIGN_OR_RETURN(auto generation, served.engine->generate(std::move(decoded)));
  return chat::Answer{.model = served.name, .grounding = {}, .stream = chat::plain(std::move(generation))};
}

Status embed(const Call& call, const v1::EmbedRequest& request, v1::EmbedReply& reply) {
  ASSIGN_OR_RETURN(const auto pass, call.enter(Permission::kInfer, "embedding.create", "embeddings"));
  ASSIGN_OR_RETURN(auto decoded, to_embed(request));
  ASSIGN_OR_RETURN(decoded.timeout, call.time_left(kEmbedLimit));
  ASSIGN_OR_RETURN(const auto served, call.parts().gateway.route(pass, request.model(), serving::Kind::kEmbedding));
  ASSIGN_OR_RETURN(const auto result, served.engine->embed(decoded));
  if (call.parts().embedded) call.parts().embedded(served.name, result.prompt_tokens);
  reply.set_model(served.name);
  reply.set_prompt_tokens(result.prompt_tokens);
  for (const auto& vector : result.vectors) reply.add_vectors()->mutable_values()->Add(vector.begin(), vector.end());
  return {};
}

Status rerank(const Call& call, const v1::RerankRequest& request, v1::RerankReply& reply) {
  ASSIGN_OR_RETURN(const auto pass, call.enter(Permission::kInfer, "rerank.create", "rerank"));
  ASSIGN_OR_RETURN(auto decoded, to_rerank(request));
  ASSIGN_OR_RETURN(decoded.timeout, call.time_left(kEmbedLimit));
  ASSIGN_OR_RETURN(const auto served, call.parts().gateway.route(pass, request.model(), serving::Kind::kRerank));
  ASSIGN_OR_RETURN(const auto ranking, served.engine->rerank(decoded));
  if (call.parts().embedded) call.parts().embedded(served.name, ranking.prompt_tokens);
  reply.set_model(served.name);
  reply.set_prompt_tokens(ranking.prompt_tokens);
  const auto order = engine::best_first(ranking, request.has_top_n() ? static_cast<std::size_t>(request.top_n()) : ranking.scores.size());
  for (const auto index : order) {
    auto& one = *reply.add_results();
    one.set_index(static_cast<std::int32_t>(index));
    one.set_relevance_score(ranking.scores[index]);
    if (request.return_documents()) one.set_document(request.documents(static_cast<int>(index)));
  }
  return {};
}

class InferenceService final : public v1::Inference::CallbackService {
 public:
  explicit InferenceService(Host& host) : host_(host) {}

  grpc::ServerWriteReactor<v1::ChatEvent>* Chat(grpc::CallbackServerContext* context, const v1::ChatRequest* request) override {
    auto* call = new AnswerCall(host_, *context, "Chat", [request](const Call& one) { return answer_chat(one, *request); });
    call->begin();
    return call;
  }
  grpc::ServerWriteReactor<v1::ChatEvent>* Complete(grpc::CallbackServerContext* context, const v1::CompleteRequest* request) override {
    auto* call = new AnswerCall(host_, *context, "Complete", [request](const Call& one) { return answer_completion(one, *request); });
    call->begin();
    return call;
  }
  grpc::ServerUnaryReactor* Embed(grpc::CallbackServerContext* context, const v1::EmbedRequest* request, v1::EmbedReply* reply) override {
    return unary(host_, context, "Embed", request, reply, &embed);
  }
  grpc::ServerUnaryReactor* Rerank(grpc::CallbackServerContext* context, const v1::RerankRequest* request, v1::RerankReply* reply) override {
    return unary(host_, context, "Rerank", request, reply, &rerank);
  }

 private:
  Host& host_;
};

Status list_bases(const Call& call, const v1::ListBasesRequest&, v1::ListBasesReply& reply) {
  ASSIGN_OR_RETURN(const auto pass, call.enter(Permission::kKnowledgeRead, "knowledge.list", "knowledge-bases"));
  ASSIGN_OR_RETURN(const auto bases, call.parts().knowledge.list(pass));
  for (const auto& base : bases) {
    auto& one = *reply.add_bases();
    one.set_name(base.name);
    one.set_description(base.description);
    one.set_documents(base.documents);
    one.set_indexed(base.indexed);
  }
  return {};
}

Result<std::optional<knowledge::SearchMode>> to_mode(v1::SearchMode mode) {
  switch (mode) {
    case v1::SEARCH_MODE_UNSPECIFIED: return std::nullopt;
    case v1::SEARCH_MODE_FULL_TEXT: return knowledge::SearchMode::kFullText;
    case v1::SEARCH_MODE_VECTOR: return knowledge::SearchMode::kVector;
    case v1::SEARCH_MODE_HYBRID: return knowledge::SearchMode::kHybrid;
    default: return invalid("`mode` must be one of SEARCH_MODE_FULL_TEXT, SEARCH_MODE_VECTOR and SEARCH_MODE_HYBRID");
  }
}

v1::SearchMode to_proto(knowledge::SearchMode mode) {
  switch (mode) {
    case knowledge::SearchMode::kFullText: return v1::SEARCH_MODE_FULL_TEXT;
    case knowledge::SearchMode::kVector: return v1::SEARCH_MODE_VECTOR;
    case knowledge::SearchMode::kHybrid: return v1::SEARCH_MODE_HYBRID;
  }
  return v1::SEARCH_MODE_UNSPECIFIED;
}

Status search(const Call& call, const v1::SearchRequest& request, v1::SearchReply& reply) {
  const auto top = request.top() == 0 ? 5 : request.top();
  ASSIGN_OR_RETURN(const auto pass, call.enter(Permission::kKnowledgeRead, "knowledge.search", "knowledge-bases/" + request.knowledge_base() + "/search"));
  ASSIGN_OR_RETURN(const auto mode, to_mode(request.mode()));
  if (top < 1 || top > 100) return invalid("`top` must be from 1 to 100");
  ASSIGN_OR_RETURN(const auto found, call.parts().knowledge.search(pass, request.knowledge_base(), request.query(), static_cast<std::size_t>(top), mode));
  for (const auto& passage : found.passages) write(passage, *reply.add_hits());
  reply.set_mode(to_proto(found.mode));
  return {};
}

class KnowledgeService final : public v1::Knowledge::CallbackService {
 public:
  explicit KnowledgeService(Host& host) : host_(host) {}
  grpc::ServerUnaryReactor* ListBases(grpc::CallbackServerContext* context, const v1::ListBasesRequest* request, v1::ListBasesReply* reply) override {
    return unary(host_, context, "ListBases", request, reply, &list_bases);
  }
  grpc::ServerUnaryReactor* Search(grpc::CallbackServerContext* context, const v1::SearchRequest* request, v1::SearchReply* reply) override {
    return unary(host_, context, "Search", request, reply, &search);
  }

 private:
  Host& host_;
};

}  // namespace

std::unique_ptr<grpc::Service> make_inference_service(Host& host) { return std::make_unique<InferenceService>(host); }
std::unique_ptr<grpc::Service> make_knowledge_service(Host& host) { return std::make_unique<KnowledgeService>(host); }

}  // namespace siyu::rpc
