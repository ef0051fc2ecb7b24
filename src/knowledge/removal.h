// Taking documents out: rows, postings, vectors and, when nobody refers to it any more, the stored file. Internal to knowledge.
#pragma once

#include <string>
#include <vector>

#include "knowledge/knowledge.h"

namespace siyu::knowledge {

struct Removed {
  std::vector<std::int64_t> documents;  ///< row numbers
  std::vector<std::string> blobs;       ///< they may be unreferenced now
};

/// Removes a document and those made from it: lines of a collection, files inside a file at any depth.
Status remove_family(store::Transaction& tx, std::int64_t base, std::int64_t document, Removed& removed);
/// Deletes those of `blobs` that no document refers to. Decided and done in one turn of the writer, so that a document that
/// is being added with the same content either sees its file gone or keeps it.
Status sweep_blobs(store::Database& db, const store::BlobStore& blobs, const std::vector<std::string>& candidates);

}  // namespace siyu::knowledge
