#include "api/knowledge_bodies.h"

namespace siyu::api {
namespace {

std::optional<std::string> unless_empty(const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); }

}  // namespace

KnowledgeBaseBody to_body(const knowledge::KnowledgeBase& base) {
  return {.id = base.id.str(), .name = base.name, .description = base.description, .created_at = to_rfc3339(base.created_at), .documents = base.documents,
          .indexed = base.indexed, .queued = base.queued, .failed = base.failed, .chunks = base.chunks, .bytes = base.bytes,
          .embedding_model = unless_empty(base.embedding_model.substr(0, base.embedding_model.find('@')))};
}

DocumentBody to_body(const knowledge::Document& document) {
  DocumentBody body{.id = document.id.str(), .name = document.name, .title = unless_empty(document.title), .state = document.state,
                    .reason = unless_empty(document.reason), .format = unless_empty(document.format), .pages = document.pages, .chunks = document.chunks,
                    .bytes = document.bytes, .sha256 = document.sha256, .added_at = to_rfc3339(document.added_at), .indexed_at = {}};
  if (document.indexed_at) body.indexed_at = to_rfc3339(*document.indexed_at);
  return body;
}

PassageBody to_body(const knowledge::Passage& passage) {
  return {.document_id = passage.document_id.str(), .document = passage.document, .title = passage.title, .page = passage.page, .start = passage.start,
          .end = passage.end, .text = passage.text, .score = passage.score};
}

CitationBody to_body(const knowledge::Citation& citation, const std::string& base) {
  CitationBody body;
  static_cast<PassageBody&>(body) = to_body(citation.passage);
  body.number = citation.number;
  body.knowledge_base = base;
  body.answer_start = citation.answer_start;
  body.answer_end = citation.answer_end;
  return body;
}

}  // namespace siyu::api
