#include "knowledge/removal.h"

#include "knowledge/rows.h"

namespace siyu::knowledge {

Status remove_family(store::Transaction& tx, std::int64_t base, std::int64_t document, Removed& removed) {
  ASSIGN_OR_RETURN(const auto self, tx.query("SELECT name, coalesce(parent, number) FROM documents WHERE number = ?", document));
  if (self.empty()) return {};
  // Files inside a file hang on the outermost one and carry the names of those between.
  const auto inside = self[0].text(0) + "/";
  ASSIGN_OR_RETURN(const auto family, tx.query("SELECT number, blob FROM documents WHERE number = ? OR parent = ? OR (parent = ? AND substr(name, 1, ?) = ?)", document,
                                               document, self[0].integer(1), utf8_length(inside), inside));
  for (const auto& member : family) {
    RETURN_IF_ERROR(unindex(tx, base, member.integer(0)));
    RETURN_IF_ERROR(tx.execute("DELETE FROM documents WHERE number = ?", member.integer(0)));
    removed.documents.push_back(member.integer(0));
    if (auto blob = member.text(1); !blob.empty()) removed.blobs.push_back(std::move(blob));
  }
  return {};
}

Status sweep_blobs(store::Database& db, const store::BlobStore& blobs, const std::vector<std::string>& candidates) {
  if (candidates.empty()) return {};
  return db.write([&](store::Transaction& tx) -> Status {
    for (const auto& blob : candidates) {
      ASSIGN_OR_RETURN(const auto users, tx.query("SELECT 1 FROM documents WHERE blob = ? LIMIT 1", blob));
      if (users.empty()) RETURN_IF_ERROR(blobs.remove(blob));
    }
    return {};
  });
}

}  // namespace siyu::knowledge
