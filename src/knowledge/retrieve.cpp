// Search: full text and vectors, fused; passages and documents ranked by the result.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "knowledge/knowledge.h"
#include "knowledge/rows.h"
#include "store/full_text.h"

namespace siyu::knowledge {
namespace {

constexpr std::size_t kMaxQueryBytes = 16UL << 10;
constexpr std::size_t kPassagesPerDocument = 2;
constexpr std::size_t kCandidates = 50;  // per side, before fusion
// Relative-score fusion: each side's scores are divided by its best one. Words weigh more, because a term of the house
// (a form's number, a name) is found by its letters only.
constexpr double kFullTextShare = 0.6;

struct Hit {
  PassageKey passage;
  double score = 0, similarity = 0;
};

std::vector<Hit> fuse(const std::vector<store::FullTextHit>& texts, const std::vector<VectorMatch>& vectors, SearchMode mode) {
  std::map<std::pair<std::int64_t, std::int64_t>, Hit> all;
  const double best_text = texts.empty() ? 1 : texts[0].score;
  const double best_vector = vectors.empty() ? 1 : std::max(vectors[0].similarity, 1e-6);
  for (const auto& hit : texts) {
    const PassageKey key{.document = hit.document, .ordinal = hit.chunk};
    all[{key.document, key.ordinal}] = {.passage = key, .score = mode == SearchMode::kFullText ? hit.score : kFullTextShare * hit.score / best_text};
  }
  for (const auto& match : vectors) {
    auto& hit = all[{match.passage.document, match.passage.ordinal}];
    hit.passage = match.passage;
    hit.similarity = match.similarity;
    const double relative = std::max(0.0, match.similarity) / best_vector;
    hit.score += mode == SearchMode::kVector ? match.similarity : (1 - kFullTextShare) * relative;
  }
  std::vector<Hit> ranked;
  for (const auto& [key, hit] : all) ranked.push_back(hit);
  std::ranges::stable_sort(ranked, std::ranges::greater{}, &Hit::score);
  return ranked;
}

std::vector<Hit> best_of_each_document(std::vector<Hit> ranked, std::size_t per_document, std::size_t top) {
  std::unordered_map<std::int64_t, std::size_t> taken;
  std::vector<Hit> kept;
  for (auto& hit : ranked) {
    if (kept.size() == top) break;
    if (taken[hit.passage.document]++ < per_document) kept.push_back(std::move(hit));
  }
  return kept;
}

Result<std::vector<Hit>> rank(store::Transaction& tx, std::int64_t base, const std::string& query, std::vector<VectorMatch> vectors, SearchMode mode,
                              std::size_t per_document, std::size_t top) {
  std::vector<store::FullTextHit> texts;
  if (mode != SearchMode::kVector) {
    ASSIGN_OR_RETURN(texts, store::FullText::search(tx, base, query, mode == SearchMode::kFullText ? top : std::max(top, kCandidates), per_document));
  }
  std::vector<VectorMatch> current;
  for (auto& match : vectors) {
    ASSIGN_OR_RETURN(const bool is_current, Vectors::is_current(tx, match.passage));
    if (is_current) current.push_back(match);
  }
  return best_of_each_document(fuse(texts, current, mode), per_document, top);
}

Result<Passage> load_passage(store::Transaction& tx, const Hit& hit) {
  ASSIGN_OR_RETURN(const auto rows,
                   tx.query("SELECT d.id, d.name, d.title, c.heading, c.page, c.begin, c.\"end\", substr(CAST(d.markdown AS BLOB), c.begin + 1, c.\"end\" - c.begin) "
                            "FROM chunks c JOIN documents d ON d.number = c.document WHERE c.document = ? AND c.ordinal = ?",
                            hit.passage.document, hit.passage.ordinal));
  if (rows.empty()) return internal("A passage of the index has no text", std::to_string(hit.passage.document));
  const auto& row = rows[0];
  const auto text = row.blob(7);
  return Passage{.document_id = DocumentId(row.text(0)), .document = row.text(1), .title = row.text(2), .heading = row.text(3),
                 .page = static_cast<int>(row.integer(4)), .start = static_cast<std::uint64_t>(row.integer(5)), .end = static_cast<std::uint64_t>(row.integer(6)),
                 .text = std::string(as_text(text)), .score = hit.score, .similarity = hit.similarity};
}

}  // namespace

/// The nearest passages by vector, and the mode that this makes possible. A model that fails now must not cost the search:
/// unless vectors were asked for, full text answers.
Result<std::vector<VectorMatch>> KnowledgeService::nearest(std::int64_t base, const std::string& query, std::optional<SearchMode> wanted, SearchMode& mode) {
  mode = SearchMode::kFullText;
  if (wanted == SearchMode::kFullText) return std::vector<VectorMatch>{};
  Result<std::optional<std::vector<VectorMatch>>> found = std::nullopt;
  if (vectors_ != nullptr) found = vectors_->search(base, query, kCandidates);
  if (found && *found) {
    mode = wanted.value_or(SearchMode::kHybrid);
    return std::move(**found);
  }
  if (wanted && !found) return std::unexpected(found.error());
  if (wanted)
    return fail(ErrorCode::kUnavailable, "This knowledge base has no vectors of a loaded embedding model; load one with `siyu model load NAME` and wait until "
                                         "its passages are embedded, or search by full text");
  return std::vector<VectorMatch>{};
}

Result<FoundBySearch> KnowledgeService::search(const Pass&, const std::string& base, const std::string& query, std::size_t top, std::optional<SearchMode> wanted) {
  if (query.size() > kMaxQueryBytes) return fail(ErrorCode::kTooLarge, "A query has at most 16 KiB");
  FoundBySearch found;
  ASSIGN_OR_RETURN(const auto number, db_.read([&](store::Transaction& tx) { return find_base(tx, base); }));
  ASSIGN_OR_RETURN(auto vectors, nearest(number, query, wanted, found.mode));
  RETURN_IF_ERROR(db_.read([&](store::Transaction& tx) -> Status {
    ASSIGN_OR_RETURN(const auto hits, rank(tx, number, query, std::move(vectors), found.mode, kPassagesPerDocument, top));
    for (const auto& hit : hits) {
      ASSIGN_OR_RETURN(auto passage, load_passage(tx, hit));
      found.passages.push_back(std::move(passage));
    }
    return {};
  }));
  return found;
}

Result<std::vector<std::string>> KnowledgeService::rank_documents(const Pass&, const std::string& base, const std::string& query, std::size_t top,
                                                                   std::optional<SearchMode> wanted) {
  ASSIGN_OR_RETURN(const auto number, db_.read([&](store::Transaction& tx) { return find_base(tx, base); }));
  SearchMode mode = SearchMode::kFullText;
  ASSIGN_OR_RETURN(auto vectors, nearest(number, query, wanted, mode));
  return db_.read([&](store::Transaction& tx) -> Result<std::vector<std::string>> {
    ASSIGN_OR_RETURN(const auto hits, rank(tx, number, query, std::move(vectors), mode, /*per_document=*/1, top));
    std::vector<std::string> names;
    for (const auto& hit : hits) {
      ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT name FROM documents WHERE number = ?", hit.passage.document));
      names.push_back(rows[0].text(0));
    }
    return names;
  });
}

}  // namespace siyu::knowledge
