// Rows of the knowledge tables. Internal to knowledge.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "knowledge/knowledge.h"

namespace siyu::knowledge {

/// The base's row number, or kNotFound naming it.
Result<std::int64_t> find_base(store::Transaction& tx, const std::string& name);

inline constexpr std::string_view kDocumentColumns =
    "id, name, title, state, reason, format, sha256, pages, chunks, bytes, added_at, indexed_at, number";
Document to_document(const store::Row& row);
std::string state_text(DocumentState state);

/// Takes a document's chunks and postings out; its row stays.
Status unindex(store::Transaction& tx, std::int64_t base, std::int64_t document);
/// Puts a parsed document's text, chunks and postings in, replacing what was there.
Status index(store::Transaction& tx, std::int64_t base, std::int64_t document, const documents::ParsedDocument& parsed, Timestamp now);
/// Sets state and reason.
Status set_state(store::Transaction& tx, std::int64_t document, DocumentState state, const std::string& reason, const std::string& format);
std::vector<documents::PageSpan> read_pages(const std::string& text);

}  // namespace siyu::knowledge
