// Knowledge bases, documents, search, evaluation.
#include <charconv>

#include "api/call_options.h"
#include "api/knowledge_bodies.h"
#include "api/query.h"
#include "api/upload.h"
#include "knowledge/eval.h"
#include "routes.gen.h"

namespace siyu::api {
namespace {

using knowledge::DocumentState;

Result<std::vector<std::size_t>> parse_ks(const std::string& text) {
  std::vector<std::size_t> ks;
  for (std::string_view rest = text; !rest.empty();) {
    const auto comma = rest.find(',');
    const auto piece = trim(rest.substr(0, comma));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    std::size_t k = 0;
    const auto [end, error] = std::from_chars(piece.data(), piece.data() + piece.size(), k);
    if (error != std::errc() || end != piece.data() + piece.size()) return invalid("`k` must be whole numbers separated by commas, such as 1,5,10");
    ks.push_back(k);
  }
  return ks;
}

double milliseconds_since(const Call& call, SteadyTime begin) {
  return std::chrono::duration<double, std::milli>(call.services.clock.steady_now() - begin).count();
}

}  // namespace

namespace handlers {

Reply list_knowledge_bases(Call& call) {
  ASSIGN_OR_RETURN(const auto bases, call.services.knowledge.list(*call.pass));
  KnowledgeBaseListBody body;
  for (const auto& base : bases) body.knowledge_bases.push_back(to_body(base));
  return reply_json(body);
}

Reply create_knowledge_base(Call& call) {
  ASSIGN_OR_RETURN(const auto body, call.body<NewKnowledgeBaseBody>());
  ASSIGN_OR_RETURN(const auto base, call.services.knowledge.create(*call.pass, body.name, body.description.value_or("")));
  return reply_json(to_body(base), 201);
}

Reply get_knowledge_base(Call& call) {
  ASSIGN_OR_RETURN(const auto base, call.services.knowledge.get(*call.pass, call.param("base")));
  return reply_json(to_body(base));
}

Reply delete_knowledge_base(Call& call) {
  ASSIGN_OR_RETURN(const auto version, call.services.knowledge.version(*call.pass, call.param("base")));
  RETURN_IF_ERROR(call.services.knowledge.remove(*call.pass, call.param("base")));
  forget_answers(call, call.services.answers.forget_base(version.id.str()));
  return reply_empty();
}

Reply rebuild_knowledge_base(Call& call) {
  ASSIGN_OR_RETURN(const auto queued, call.services.knowledge.rebuild(*call.pass, call.param("base")));
  call.services.ingester.wake();
  return reply_json(QueuedBody{queued}, 202);
}

Reply list_documents(Call& call) {
  ASSIGN_OR_RETURN(const auto limit, count_param(call.request, "limit", 100, 1000));
  std::optional<DocumentId> after;
  if (const auto text = call.request.query_param("after")) after = DocumentId(*text);
  std::optional<DocumentState> state;
  if (const auto text = call.request.query_param("state")) {
    ASSIGN_OR_RETURN(state, from_json<DocumentState>(json::value(*text)));
  }
  ASSIGN_OR_RETURN(const auto page, call.services.knowledge.list_documents(*call.pass, call.param("base"), limit, after, state));
  DocumentListBody body;
  for (const auto& document : page.documents) body.documents.push_back(to_body(document));
  if (page.next) body.next = page.next->str();
  return reply_json(body);
}

Reply add_documents(Call& call) {
  ASSIGN_OR_RETURN(const auto upload, UploadBody::open(call.request));
  ASSIGN_OR_RETURN(const auto parts, net::parse_form(call.request.headers.get("Content-Type").value_or(""), upload->view()));
  AddedDocumentsBody body;
  for (const auto& part : parts) {
    if (part.filename.empty()) continue;
    ScratchFile file;
    RETURN_IF_ERROR(write_part(call, upload->view().substr(part.begin, part.end - part.begin), file));
    ASSIGN_OR_RETURN(const auto added, call.services.knowledge.add_file(*call.pass, call.param("base"), part.filename, file.path));
    body.documents.push_back({.id = added.id.str(), .name = added.name, .outcome = added.unchanged ? "unchanged" : "queued"});
  }
  if (body.documents.empty()) return invalid("The upload has no files; send each as a part named `file` with a filename");
  call.services.ingester.wake();
  return reply_json(body, 202);
}

Reply get_document(Call& call) {
  ASSIGN_OR_RETURN(const auto document, call.services.knowledge.get_document(*call.pass, call.param("base"), DocumentId(call.param("document"))));
  return reply_json(to_body(document));
}

Reply delete_document(Call& call) {
  ASSIGN_OR_RETURN(const auto version, call.services.knowledge.version(*call.pass, call.param("base")));
  RETURN_IF_ERROR(call.services.knowledge.remove_document(*call.pass, call.param("base"), DocumentId(call.param("document"))));
  forget_answers(call, call.services.answers.forget_base(version.id.str()));
  return reply_empty();
}

Reply get_document_text(Call& call) {
  ASSIGN_OR_RETURN(auto text, call.services.knowledge.get_text(*call.pass, call.param("base"), DocumentId(call.param("document"))));
  DocumentTextBody body{.id = text.document.id.str(), .name = text.document.name, .title = text.document.title, .markdown = std::move(text.markdown), .pages = {}};
  for (const auto& page : text.pages) body.pages.push_back({page.page, page.span.begin, page.span.end});
  return reply_json(body);
}

Reply search_knowledge_base(Call& call) {
  ASSIGN_OR_RETURN(const auto body, call.body<SearchBody>());
  const auto top = body.top.value_or(5);
  if (top < 1 || top > 100) return invalid("`top` must be from 1 to 100");
  const auto begin = call.services.clock.steady_now();
  ASSIGN_OR_RETURN(const auto found, call.services.knowledge.search(*call.pass, call.param("base"), body.query, static_cast<std::size_t>(top), body.mode));
  SearchResultBody result{.hits = {}, .mode = found.mode, .milliseconds = milliseconds_since(call, begin)};
  for (const auto& passage : found.passages) result.hits.push_back(to_body(passage));
  return reply_json(result);
}

Reply evaluate_knowledge_base(Call& call) {
  ASSIGN_OR_RETURN(const auto upload, UploadBody::open(call.request));
  ASSIGN_OR_RETURN(const auto parts, net::parse_form(call.request.headers.get("Content-Type").value_or(""), upload->view()));
  ASSIGN_OR_RETURN(const auto ks, parse_ks(call.request.query_param("k").value_or("1,5,10")));
  std::optional<knowledge::SearchMode> mode;
  if (const auto wanted = call.request.query_param("mode")) {
    ASSIGN_OR_RETURN(mode, from_json<knowledge::SearchMode>(json::value(*wanted)));
  }
  std::optional<std::vector<knowledge::Query>> queries;
  std::optional<knowledge::Qrels> qrels;
  for (const auto& part : parts) {
    ScratchFile file;
    RETURN_IF_ERROR(write_part(call, upload->view().substr(part.begin, part.end - part.begin), file));
    if (part.name == "queries") {
      ASSIGN_OR_RETURN(queries, knowledge::read_queries(file.path));
    } else if (part.name == "qrels") {
      ASSIGN_OR_RETURN(qrels, knowledge::read_qrels(file.path));
    }
  }
  if (!queries || !qrels) return invalid("The upload needs the parts `queries` and `qrels`");
  ASSIGN_OR_RETURN(const auto result,
                   knowledge::evaluate(call.services.knowledge, *call.pass, call.param("base"), *queries, *qrels, ks, call.services.clock, mode));
  EvaluationBody body{.queries = result.queries, .recall = {}, .mrr_at_10 = result.mrr_at_10, .ndcg_at_10 = result.ndcg_at_10,
                      .latency_ms = {result.p50_ms, result.p99_ms}};
  for (const auto& [k, value] : result.recall) body.recall[std::to_string(k)] = value;
  return reply_json(body);
}

}  // namespace handlers
}  // namespace siyu::api
