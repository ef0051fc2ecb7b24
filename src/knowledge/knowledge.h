// Knowledge bases: documents in, passages and cited answers out. Every method takes a Pass.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "documents/document.h"
#include "identity/pass.h"
#include "knowledge/vectors.h"
#include "store/blobs.h"
#include "store/database.h"

namespace siyu::knowledge {

/// What a base holds, as a number that rises with every change of it.
struct BaseVersion {
  KnowledgeBaseId id;
  std::int64_t version = 0;
};

enum class DocumentState { kQueued, kParsing, kIndexed, kRefused, kFailed };
BOOST_DESCRIBE_ENUM(DocumentState, kQueued, kParsing, kIndexed, kRefused, kFailed)

struct KnowledgeBase {
  KnowledgeBaseId id;
  std::string name, description;
  Timestamp created_at;
  std::int64_t documents = 0, indexed = 0, queued = 0, failed = 0, chunks = 0, bytes = 0;
  std::string embedding_model;  ///< whose vectors its passages have; empty when they have none
};

struct Document {
  DocumentId id;
  std::string name, title;
  DocumentState state = DocumentState::kQueued;
  std::string reason, format, sha256;
  std::int64_t pages = 0, chunks = 0, bytes = 0;
  Timestamp added_at;
  std::optional<Timestamp> indexed_at;
};

struct DocumentPage {
  std::vector<Document> documents;
  std::optional<DocumentId> next;
};

struct AddedDocument {
  DocumentId id;
  std::string name;
  bool unchanged = false;  ///< the same content under the same name is there already
};

struct DocumentText {
  Document document;
  std::string markdown;
  std::vector<documents::PageSpan> pages;
};

struct Passage {
  DocumentId document_id;
  std::string document, title, heading;
  int page = 0;
  std::uint64_t start = 0, end = 0;  ///< bytes of the document's Markdown
  std::string text;
  double score = 0;       ///< for ranking within one answer: BM25, or 0 … 1 when vectors took part
  double similarity = 0;  ///< cosine to the query; 0 when its vector was not among the nearest
};

enum class AnswerMode { kGenerative, kExtractive, kNone };
BOOST_DESCRIBE_ENUM(AnswerMode, kGenerative, kExtractive, kNone)

struct Citation {
  int number = 1;
  Passage passage;  ///< narrowed to the cited sentences
  std::uint64_t answer_start = 0, answer_end = 0;  ///< bytes of the answer that it supports
};

struct Answer {
  AnswerMode mode = AnswerMode::kNone;
  std::string text;
  std::vector<Citation> citations;
};

enum class SearchMode {
  kFullText,  ///< BM25 over the passages' terms
  kVector,    ///< nearness to the query's vector
  kHybrid,    ///< both, fused
};
BOOST_DESCRIBE_ENUM(SearchMode, kFullText, kVector, kHybrid)

struct FoundBySearch {
  std::vector<Passage> passages;  ///< best first
  SearchMode mode = SearchMode::kFullText;
};

/// What a question found: no passages when none is relevant enough to answer from.
struct FoundPassages {
  std::vector<Passage> passages;                     ///< best first
  std::unordered_map<std::string, double> weights;   ///< of the question's terms (inverse document frequency)
};

/// The source of a sentence.
struct Support {
  std::size_t passage_index = 0;
  double share = 0;  ///< of the sentence's terms that the source holds, 0 … 1
  Passage passage;   ///< narrowed to the supporting sentences
};
/// The passage that a sentence was taken from, in its words or close to them; nothing when none holds half its terms.
std::optional<Support> find_support(std::string_view sentence, const std::vector<Passage>& passages);

std::vector<store::Migration> migrations();

/// Thread-safe.
class KnowledgeService {
 public:
  /// Without `vectors` search is by full text alone.
  KnowledgeService(store::Database& db, store::BlobStore blobs, const Clock& clock, Random& random, Vectors* vectors = nullptr)
      : db_(db), blobs_(std::move(blobs)), clock_(clock), random_(random), vectors_(vectors) {}

  Result<KnowledgeBase> create(const Pass& pass, const std::string& name, const std::string& description);
  Result<std::vector<KnowledgeBase>> list(const Pass& pass);
  Result<KnowledgeBase> get(const Pass& pass, const std::string& base);
  /// Read before its passages, it names what they can be at the newest.
  Result<BaseVersion> version(const Pass& pass, const std::string& base);
  Status remove(const Pass& pass, const std::string& base);
  /// Queues every document anew; they stay searchable until their new form replaces the old one.
  Result<std::int64_t> rebuild(const Pass& pass, const std::string& base);

  /// Takes the file over. Durable when it returns; parsed and indexed in the background.
  Result<AddedDocument> add_file(const Pass& pass, const std::string& base, const std::string& name, const std::filesystem::path& file);
  Result<DocumentPage> list_documents(const Pass& pass, const std::string& base, std::size_t limit, const std::optional<DocumentId>& after,
                                      std::optional<DocumentState> state);
  Result<Document> get_document(const Pass& pass, const std::string& base, const DocumentId& id);
  Result<DocumentText> get_text(const Pass& pass, const std::string& base, const DocumentId& id);
  Status remove_document(const Pass& pass, const std::string& base, const DocumentId& id);

  /// The best passages, at most two of one document. Without a wanted mode it is hybrid where the passages have vectors of a
  /// loaded embedding model, full text elsewhere. kUnavailable when vectors are wanted and there are none.
  Result<FoundBySearch> search(const Pass& pass, const std::string& base, const std::string& query, std::size_t top, std::optional<SearchMode> wanted = {});
  /// Documents by name, each once, best first: what evaluation ranks.
  Result<std::vector<std::string>> rank_documents(const Pass& pass, const std::string& base, const std::string& query, std::size_t top,
                                                  std::optional<SearchMode> wanted = {});
  /// Like search, but empty when even the best passage is about something else.
  Result<FoundPassages> find_relevant(const Pass& pass, const std::string& base, const std::string& question, std::size_t top);
  /// The best sentences, word for word, with citations; kNone when nothing is relevant enough.
  Result<Answer> answer_extractively(const Pass& pass, const std::string& base, const std::string& question);

 private:
  Result<std::vector<VectorMatch>> nearest(std::int64_t base, const std::string& query, std::optional<SearchMode> wanted, SearchMode& mode);

  store::Database& db_;
  store::BlobStore blobs_;
  const Clock& clock_;
  Random& random_;
  Vectors* const vectors_;
};

}  // namespace siyu::knowledge
