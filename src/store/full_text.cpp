#include "store/full_text.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "base/text.h"

namespace siyu::store {
namespace {

// Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009); the usual constants.
constexpr double kK1 = 1.2;
constexpr double kB = 0.75;
// A chunk is judged by itself and by the document around it: a passage in a document about the subject is worth more.
constexpr double kDocumentShare = 0.5;
// With a handful of documents every word is in most of them; weights are then judged as if there were this many.
constexpr double kSmallCollection = 100;
constexpr std::size_t kMaxTermBytes = 64;
constexpr std::size_t kMaxQueryTerms = 256;

bool is_ideographic(UChar32 c) {
  return (c >= 0x3400 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3FFFF) ||  // Han
         (c >= 0x3041 && c <= 0x30FF) || (c >= 0xAC00 && c <= 0xD7A3);                                      // kana, Hangul
}

// A posting's entries: pairs of unsigned varints (chunk ordinal, count), ordinals ascending.
void put_varint(Bytes& out, std::uint32_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::byte>(value | 0x80));
  out.push_back(static_cast<std::byte>(value));
}

std::uint32_t get_varint(const Bytes& in, std::size_t& at) {
  std::uint32_t value = 0;
  for (int shift = 0; at < in.size() && shift < 35; shift += 7) {
    const auto byte = std::to_integer<std::uint32_t>(in[at++]);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return value;
}

struct Counts {
  std::map<std::string, Bytes> postings;
  Bytes lengths;  ///< varint per chunk: its number of terms
  std::uint64_t terms = 0;
};

Counts count_terms(const std::vector<std::string>& chunks) {
  Counts counts;
  for (std::uint32_t ordinal = 0; ordinal < chunks.size(); ++ordinal) {
    const auto terms = full_text_terms(chunks[ordinal]);
    std::unordered_map<std::string_view, std::uint32_t> frequency;
    for (const auto& term : terms) ++frequency[term];
    for (const auto& [term, count] : frequency) {
      auto& entries = counts.postings[std::string(term)];
      put_varint(entries, ordinal);
      put_varint(entries, count);
    }
    put_varint(counts.lengths, static_cast<std::uint32_t>(terms.size()));
    counts.terms += terms.size();
  }
  return counts;
}

struct Statistics {
  double documents = 0, chunks = 0, terms = 0;
};

Result<Statistics> statistics(Transaction& tx, std::int64_t collection) {
  ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT documents, chunks, terms FROM text_collections WHERE collection = ?", collection));
  if (rows.empty()) return Statistics{};
  return Statistics{.documents = rows[0].real(0), .chunks = rows[0].real(1), .terms = rows[0].real(2)};
}

Status change_statistics(Transaction& tx, std::int64_t collection, int sign, std::size_t chunks, std::uint64_t terms) {
  RETURN_IF_ERROR(tx.execute("INSERT INTO text_collections VALUES (?, 0, 0, 0) ON CONFLICT DO NOTHING", collection));
  RETURN_IF_ERROR(tx.execute("UPDATE text_collections SET documents = documents + ?, chunks = chunks + ?, terms = terms + ? WHERE collection = ?", sign,
                             sign * static_cast<std::int64_t>(chunks), sign * static_cast<std::int64_t>(terms), collection));
  return {};
}

double idf_of(double documents, double with_term) { return std::log(1 + (documents - with_term + 0.5) / (with_term + 0.5)); }
double saturate(double count, double length, double mean) { return count * (kK1 + 1) / (count + kK1 * (1 - kB + kB * length / mean)); }

struct Posting {
  std::int64_t document;
  Bytes entries;
};

/// What the query has found of one document so far.
struct Candidate {
  std::vector<double> lengths;  ///< terms per chunk
  double total_length = 0;
  double document_score = 0;
  std::map<std::uint32_t, double> chunk_scores;
};

Result<Candidate> open_candidate(Transaction& tx, std::int64_t document) {
  Candidate candidate;
  ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT lengths FROM text_documents WHERE document = ?", document));
  if (rows.empty()) return candidate;
  const auto lengths = rows[0].blob(0);
  for (std::size_t at = 0; at < lengths.size();) {
    candidate.lengths.push_back(get_varint(lengths, at));
    candidate.total_length += candidate.lengths.back();
  }
  return candidate;
}

void score_posting(Candidate& candidate, const Bytes& entries, double weight, double mean_chunk, double mean_document) {
  double total = 0;
  for (std::size_t at = 0; at < entries.size();) {
    const auto ordinal = get_varint(entries, at);
    const auto count = get_varint(entries, at);
    total += count;
    const double length = ordinal < candidate.lengths.size() ? candidate.lengths[ordinal] : mean_chunk;
    candidate.chunk_scores[ordinal] += weight * saturate(count, length, mean_chunk);
  }
  candidate.document_score += weight * saturate(total, candidate.total_length, mean_document);
}

}  // namespace

std::vector<std::string> full_text_terms(std::string_view text) {
  std::vector<std::string> terms;
  const std::string folded = fold(text);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(folded.data());
  const auto size = static_cast<std::int32_t>(folded.size());
  std::int32_t previous = -1;  // start of the ideograph before, when it directly precedes
  bool paired = false;
  std::int32_t word = -1;
  const auto end_run = [&](std::int32_t at) {
    if (previous >= 0 && !paired) terms.push_back(folded.substr(static_cast<std::size_t>(previous), static_cast<std::size_t>(at - previous)));
    previous = -1;
    paired = false;
  };
  const auto end_word = [&](std::int32_t at) {
    if (word >= 0) terms.emplace_back(utf8_prefix(std::string_view(folded).substr(static_cast<std::size_t>(word), static_cast<std::size_t>(at - word)), kMaxTermBytes));
    word = -1;
  };
  for (std::int32_t i = 0; i < size;) {
    const std::int32_t start = i;
    UChar32 c = 0;
    U8_NEXT(bytes, i, size, c);
    if (c >= 0 && is_ideographic(c)) {
      end_word(start);
      if (previous >= 0) {
        terms.push_back(folded.substr(static_cast<std::size_t>(previous), static_cast<std::size_t>(i - previous)));
        paired = true;
      }
      previous = start;
    } else if (c >= 0 && u_isalnum(c)) {
      end_run(start);
      if (word < 0) word = start;
    } else {
      end_run(start);
      end_word(start);
    }
  }
  end_run(size);
  end_word(size);
  return terms;
}

std::vector<Migration> FullText::migrations() {
  return {{.number = 200, .name = "full_text", .sql = R"sql(
CREATE TABLE text_collections (collection INTEGER PRIMARY KEY, documents INTEGER NOT NULL, chunks INTEGER NOT NULL, terms INTEGER NOT NULL);
CREATE TABLE text_documents (document INTEGER PRIMARY KEY, collection INTEGER NOT NULL, lengths BLOB NOT NULL);
CREATE INDEX text_documents_collection ON text_documents(collection);
CREATE TABLE text_postings (collection INTEGER NOT NULL, term TEXT NOT NULL, document INTEGER NOT NULL, entries BLOB NOT NULL,
  PRIMARY KEY (collection, term, document)) WITHOUT ROWID;
)sql"}};
}

Status FullText::add(Transaction& tx, std::int64_t collection, std::int64_t document, const std::vector<std::string>& chunks) {
  const auto counts = count_terms(chunks);
  RETURN_IF_ERROR(tx.execute("INSERT INTO text_documents VALUES (?, ?, ?)", document, collection, counts.lengths));
  for (const auto& [term, entries] : counts.postings)
    RETURN_IF_ERROR(tx.execute("INSERT INTO text_postings VALUES (?, ?, ?, ?)", collection, term, document, entries));
  return change_statistics(tx, collection, 1, chunks.size(), counts.terms);
}

Status FullText::remove(Transaction& tx, std::int64_t collection, std::int64_t document, const std::vector<std::string>& chunks) {
  const auto counts = count_terms(chunks);
  ASSIGN_OR_RETURN(const auto removed, tx.execute("DELETE FROM text_documents WHERE document = ? AND collection = ?", document, collection));
  if (removed == 0) return {};
  for (const auto& [term, entries] : counts.postings)
    RETURN_IF_ERROR(tx.execute("DELETE FROM text_postings WHERE collection = ? AND term = ? AND document = ?", collection, term, document));
  return change_statistics(tx, collection, -1, chunks.size(), counts.terms);
}

Status FullText::drop_collection(Transaction& tx, std::int64_t collection) {
  for (const auto* table : {"text_postings", "text_documents", "text_collections"})
    RETURN_IF_ERROR(tx.execute(std::string("DELETE FROM ") + table + " WHERE collection = ?", collection));
  return {};
}

Result<std::vector<double>> FullText::idf(Transaction& tx, std::int64_t collection, const std::vector<std::string>& terms) {
  ASSIGN_OR_RETURN(const auto stats, statistics(tx, collection));
  std::vector<double> weights;
  for (const auto& term : terms) {
    ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT count(*) FROM text_postings WHERE collection = ? AND term = ?", collection, term));
    weights.push_back(idf_of(std::max(stats.documents, kSmallCollection), rows[0].real(0)));
  }
  return weights;
}

Result<std::vector<FullTextHit>> FullText::search(Transaction& tx, std::int64_t collection, std::string_view query, std::size_t limit,
                                                  std::size_t per_document, const DocumentFilter& filter) {
  ASSIGN_OR_RETURN(const auto stats, statistics(tx, collection));
  if (stats.documents < 1) return std::vector<FullTextHit>{};
  const double mean_chunk = std::max(1.0, stats.terms / stats.chunks), mean_document = std::max(1.0, stats.terms / stats.documents);

  std::map<std::string, int> wanted;
  for (auto& term : full_text_terms(query))
    if (wanted.size() < kMaxQueryTerms || wanted.contains(term)) ++wanted[std::move(term)];

  std::unordered_map<std::int64_t, Candidate> candidates;
  std::unordered_map<std::int64_t, bool> may_take_part;
  for (const auto& [term, repeats] : wanted) {
    std::vector<Posting> postings;
    RETURN_IF_ERROR(tx.each("SELECT document, entries FROM text_postings WHERE collection = ? AND term = ?", std::vector<Value>{collection, term}, [&](const Row& row) {
      postings.push_back({row.integer(0), row.blob(1)});
      return true;
    }));
    const double weight = repeats * idf_of(stats.documents, static_cast<double>(postings.size()));
    for (const auto& posting : postings) {
      if (filter) {
        const auto [entry, fresh] = may_take_part.try_emplace(posting.document, false);
        if (fresh) entry->second = filter(posting.document);
        if (!entry->second) continue;
      }
      auto found = candidates.find(posting.document);
      if (found == candidates.end()) {
        ASSIGN_OR_RETURN(auto opened, open_candidate(tx, posting.document));
        found = candidates.emplace(posting.document, std::move(opened)).first;
      }
      score_posting(found->second, posting.entries, weight, mean_chunk, mean_document);
    }
  }

  std::vector<FullTextHit> hits;
  for (const auto& [document, candidate] : candidates) {
    std::vector<FullTextHit> mine;
    for (const auto& [ordinal, score] : candidate.chunk_scores)
      mine.push_back({document, ordinal, kDocumentShare * candidate.document_score + (1 - kDocumentShare) * score});
    const auto kept = std::min(per_document, mine.size());
    std::ranges::partial_sort(mine, mine.begin() + static_cast<std::ptrdiff_t>(kept), std::ranges::greater{}, &FullTextHit::score);
    hits.insert(hits.end(), mine.begin(), mine.begin() + static_cast<std::ptrdiff_t>(kept));
  }
  const auto better = [](const FullTextHit& a, const FullTextHit& b) {
    return std::tuple(-a.score, a.document, a.chunk) < std::tuple(-b.score, b.document, b.chunk);
  };
  const auto kept = std::min(limit, hits.size());
  std::partial_sort(hits.begin(), hits.begin() + static_cast<std::ptrdiff_t>(kept), hits.end(), better);
  hits.resize(kept);
  return hits;
}

}  // namespace siyu::store
