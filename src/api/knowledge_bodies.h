// Request and answer bodies of the knowledge operations, as openapi/siyu.yaml states them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "chat/chat.h"
#include "knowledge/knowledge.h"

namespace siyu::api {

struct NewKnowledgeBaseBody {
  std::string name;
  std::optional<std::string> description;
};
BOOST_DESCRIBE_STRUCT(NewKnowledgeBaseBody, (), (name, description))

struct KnowledgeBaseBody {
  std::string id, name, description, created_at;
  std::int64_t documents = 0, indexed = 0, queued = 0, failed = 0, chunks = 0, bytes = 0;
  std::optional<std::string> embedding_model;
};
BOOST_DESCRIBE_STRUCT(KnowledgeBaseBody, (), (id, name, description, created_at, documents, indexed, queued, failed, chunks, bytes, embedding_model))

struct KnowledgeBaseListBody {
  std::vector<KnowledgeBaseBody> knowledge_bases;
};
BOOST_DESCRIBE_STRUCT(KnowledgeBaseListBody, (), (knowledge_bases))

struct QueuedBody {
  std::int64_t queued = 0;
};
BOOST_DESCRIBE_STRUCT(QueuedBody, (), (queued))

struct DocumentBody {
  std::string id, name;
  std::optional<std::string> title;
  knowledge::DocumentState state = knowledge::DocumentState::kQueued;
  std::optional<std::string> reason, format;
  std::int64_t pages = 0, chunks = 0, bytes = 0;
  std::string sha256, added_at;
  std::optional<std::string> indexed_at;
};
BOOST_DESCRIBE_STRUCT(DocumentBody, (), (id, name, title, state, reason, format, pages, chunks, bytes, sha256, added_at, indexed_at))

struct DocumentListBody {
  std::vector<DocumentBody> documents;
  std::optional<std::string> next;
};
BOOST_DESCRIBE_STRUCT(DocumentListBody, (), (documents, next))

struct AddedDocumentBody {
  std::string id, name, outcome;
};
BOOST_DESCRIBE_STRUCT(AddedDocumentBody, (), (id, name, outcome))

struct AddedDocumentsBody {
  std::vector<AddedDocumentBody> documents;
};
BOOST_DESCRIBE_STRUCT(AddedDocumentsBody, (), (documents))

struct PageBody {
  int page = 0;
  std::uint64_t start = 0, end = 0;
};
BOOST_DESCRIBE_STRUCT(PageBody, (), (page, start, end))

struct DocumentTextBody {
  std::string id, name, title, markdown;
  std::vector<PageBody> pages;
};
BOOST_DESCRIBE_STRUCT(DocumentTextBody, (), (id, name, title, markdown, pages))

struct SearchBody {
  std::string query;
  std::optional<std::int64_t> top;
  std::optional<knowledge::SearchMode> mode;
};
BOOST_DESCRIBE_STRUCT(SearchBody, (), (query, top, mode))

struct PassageBody {
  std::string document_id, document, title;
  int page = 0;
  std::uint64_t start = 0, end = 0;
  std::string text;
  double score = 0;
};
BOOST_DESCRIBE_STRUCT(PassageBody, (), (document_id, document, title, page, start, end, text, score))

struct SearchResultBody {
  std::vector<PassageBody> hits;
  knowledge::SearchMode mode = knowledge::SearchMode::kFullText;
  double milliseconds = 0;
};
BOOST_DESCRIBE_STRUCT(SearchResultBody, (), (hits, mode, milliseconds))

struct AskBody {
  std::string question;
  std::optional<std::string> model;
  std::optional<chat::Mode> mode;
};
BOOST_DESCRIBE_STRUCT(AskBody, (), (question, model, mode))

struct CitationBody : PassageBody {
  int number = 0;
  std::string knowledge_base;
  std::uint64_t answer_start = 0, answer_end = 0;
};
BOOST_DESCRIBE_STRUCT(CitationBody, (PassageBody), (number, knowledge_base, answer_start, answer_end))

struct AnswerBody {
  knowledge::AnswerMode mode = knowledge::AnswerMode::kNone;
  std::string answer;
  std::vector<CitationBody> citations;
  std::string model;
  double milliseconds = 0;
};
BOOST_DESCRIBE_STRUCT(AnswerBody, (), (mode, answer, citations, model, milliseconds))

struct LatencyBody {
  double p50 = 0, p99 = 0;
};
BOOST_DESCRIBE_STRUCT(LatencyBody, (), (p50, p99))

struct EvaluationBody {
  std::size_t queries = 0;
  std::map<std::string, double> recall;
  double mrr_at_10 = 0, ndcg_at_10 = 0;
  LatencyBody latency_ms;
};
BOOST_DESCRIBE_STRUCT(EvaluationBody, (), (queries, recall, mrr_at_10, ndcg_at_10, latency_ms))

KnowledgeBaseBody to_body(const knowledge::KnowledgeBase& base);
DocumentBody to_body(const knowledge::Document& document);
PassageBody to_body(const knowledge::Passage& passage);
CitationBody to_body(const knowledge::Citation& citation, const std::string& base);

}  // namespace siyu::api
