// Full text with BM25 ranking, inside the SQL database: postings are written in the same transaction as the document, so
// a crash leaves both or neither. Texts of one document are its chunks; a query ranks chunks.
//
// Terms: overlapping character pairs of Chinese, Japanese and Korean runs (a single character when alone), and folded
// words of everything else.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "store/database.h"

namespace siyu::store {

/// The terms of a text in reading order.
std::vector<std::string> full_text_terms(std::string_view text);

struct FullTextHit {
  std::int64_t document = 0;  ///< as given to add
  std::uint32_t chunk = 0;    ///< ordinal within the document
  double score = 0;
};

/// Decides before scoring whether a document takes part at all. Called at most once per document and query.
using DocumentFilter = std::function<bool(std::int64_t document)>;

class FullText {
 public:
  static std::vector<Migration> migrations();

  /// Adds a document's chunks. The document must not be in the collection yet.
  static Status add(Transaction& tx, std::int64_t collection, std::int64_t document, const std::vector<std::string>& chunks);
  /// Removes what add() with the same chunks wrote.
  static Status remove(Transaction& tx, std::int64_t collection, std::int64_t document, const std::vector<std::string>& chunks);
  static Status drop_collection(Transaction& tx, std::int64_t collection);
  /// The best chunks, best first; at most `per_document` of one document.
  static Result<std::vector<FullTextHit>> search(Transaction& tx, std::int64_t collection, std::string_view query, std::size_t limit,
                                                 std::size_t per_document, const DocumentFilter& filter = {});
  /// Inverse document frequency of each term over the collection's documents (BM25's, never negative).
  static Result<std::vector<double>> idf(Transaction& tx, std::int64_t collection, const std::vector<std::string>& terms);
};

}  // namespace siyu::store
