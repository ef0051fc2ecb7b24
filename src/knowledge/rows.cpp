#include "knowledge/rows.h"

#include "base/json.h"
#include "knowledge/chunk.h"
#include "store/full_text.h"

namespace siyu::knowledge {
namespace {

struct PageRow {
  int page = 0;
  std::uint64_t start = 0, end = 0;
};
BOOST_DESCRIBE_STRUCT(PageRow, (), (page, start, end))

std::string write_pages(const std::vector<documents::PageSpan>& pages) {
  std::vector<PageRow> rows;
  for (const auto& page : pages) rows.push_back({page.page, page.span.begin, page.span.end});
  return to_json_text(rows);
}

}  // namespace

std::vector<store::Migration> migrations() {
  return {{.number = 201, .name = "knowledge", .sql = R"sql(
CREATE TABLE knowledge_bases (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL, created_at INTEGER NOT NULL);
CREATE TABLE documents (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, base INTEGER NOT NULL REFERENCES knowledge_bases(number),
  parent INTEGER, name TEXT NOT NULL, title TEXT NOT NULL DEFAULT '', state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',
  format TEXT NOT NULL DEFAULT '', sha256 TEXT NOT NULL, blob TEXT, pages INTEGER NOT NULL DEFAULT 0, chunks INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL, added_at INTEGER NOT NULL, indexed_at INTEGER, markdown TEXT NOT NULL DEFAULT '', page_spans TEXT NOT NULL DEFAULT '[]',
  UNIQUE (base, name));
CREATE INDEX documents_queue ON documents(number) WHERE state IN ('queued', 'parsing');
CREATE INDEX documents_blob ON documents(blob);
CREATE INDEX documents_parent ON documents(parent);
CREATE TABLE chunks (document INTEGER NOT NULL REFERENCES documents(number) ON DELETE CASCADE, ordinal INTEGER NOT NULL, begin INTEGER NOT NULL,
  "end" INTEGER NOT NULL, page INTEGER NOT NULL, heading TEXT NOT NULL, PRIMARY KEY (document, ordinal)) WITHOUT ROWID;
)sql"},
          // Half-precision vectors of the passages, and the embedding model that made a document's.
          {.number = 202, .name = "vectors", .sql = R"sql(
CREATE TABLE chunk_vectors (document INTEGER NOT NULL REFERENCES documents(number) ON DELETE CASCADE, ordinal INTEGER NOT NULL, vector BLOB NOT NULL,
  PRIMARY KEY (document, ordinal));
CREATE TABLE embedded_documents (document INTEGER PRIMARY KEY REFERENCES documents(number) ON DELETE CASCADE, model TEXT NOT NULL);
CREATE INDEX documents_with_chunks ON documents(number) WHERE chunks > 0;
)sql"},
          {.number = 203, .name = "files in files", .sql = "ALTER TABLE documents ADD COLUMN depth INTEGER NOT NULL DEFAULT 0;"},
          {.number = 204, .name = "versions of bases", .sql = "ALTER TABLE knowledge_bases ADD COLUMN version INTEGER NOT NULL DEFAULT 0;"}};
}

Result<std::int64_t> find_base(store::Transaction& tx, const std::string& name) {
  ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT number FROM knowledge_bases WHERE name = ?", name));
  if (rows.empty()) return not_found("There is no knowledge base named " + name + "; `siyu kb list` shows those there are");
  return rows[0].integer(0);
}

std::string state_text(DocumentState state) { return enum_spelling(boost::describe::enum_to_string(state, "kFailed")); }

Document to_document(const store::Row& row) {
  Document document{.id = DocumentId(row.text(0)), .name = row.text(1), .title = row.text(2), .state = DocumentState::kFailed, .reason = row.text(4),
                    .format = row.text(5), .sha256 = row.text(6), .pages = row.integer(7), .chunks = row.integer(8), .bytes = row.integer(9),
                    .added_at = row.time(10), .indexed_at = {}};
  for (const auto state : {DocumentState::kQueued, DocumentState::kParsing, DocumentState::kIndexed, DocumentState::kRefused})
    if (row.text(3) == state_text(state)) document.state = state;
  if (!row.is_null(11)) document.indexed_at = row.time(11);
  return document;
}

std::vector<documents::PageSpan> read_pages(const std::string& text) {
  std::vector<documents::PageSpan> pages;
  const auto rows = from_json_text<std::vector<PageRow>>(text);
  for (const auto& row : rows.value_or(std::vector<PageRow>{})) pages.push_back({row.page, {row.start, row.end}});
  return pages;
}

Status unindex(store::Transaction& tx, std::int64_t base, std::int64_t document) {
  ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT title, markdown FROM documents WHERE number = ?", document));
  if (rows.empty()) return {};
  RETURN_IF_ERROR(tx.execute("UPDATE knowledge_bases SET version = version + 1 WHERE number = ?", base));
  const auto title = rows[0].text(0), markdown = rows[0].text(1);
  ASSIGN_OR_RETURN(const auto chunks, tx.query("SELECT begin, \"end\", heading FROM chunks WHERE document = ? ORDER BY ordinal", document));
  std::vector<std::string> texts;
  for (const auto& chunk : chunks) {
    const auto begin = static_cast<std::size_t>(chunk.integer(0)), end = static_cast<std::size_t>(chunk.integer(1));
    texts.push_back(indexed_text(title, chunk.text(2), std::string_view(markdown).substr(begin, end - begin)));
  }
  RETURN_IF_ERROR(store::FullText::remove(tx, base, document, texts));
  for (const auto* table : {"chunks", "chunk_vectors", "embedded_documents"})
    RETURN_IF_ERROR(tx.execute("DELETE FROM " + std::string(table) + " WHERE document = ?", document));
  return {};
}

Status index(store::Transaction& tx, std::int64_t base, std::int64_t document, const documents::ParsedDocument& parsed, Timestamp now) {
  RETURN_IF_ERROR(unindex(tx, base, document));
  const auto chunks = split_chunks(parsed);
  std::vector<std::string> texts;
  for (std::size_t ordinal = 0; ordinal < chunks.size(); ++ordinal) {
    const auto& chunk = chunks[ordinal];
    RETURN_IF_ERROR(tx.execute("INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?)", document, ordinal, chunk.span.begin, chunk.span.end, chunk.page, chunk.heading));
    texts.push_back(indexed_text(parsed.title, chunk.heading, std::string_view(parsed.markdown).substr(chunk.span.begin, chunk.span.end - chunk.span.begin)));
  }
  RETURN_IF_ERROR(store::FullText::add(tx, base, document, texts));
  RETURN_IF_ERROR(tx.execute("UPDATE documents SET state = 'indexed', reason = ?, title = ?, format = ?, pages = ?, chunks = ?, indexed_at = ?, "
                             "markdown = ?, page_spans = ? WHERE number = ?",
                             parsed.reason, parsed.title, parsed.format, parsed.pages.size(), chunks.size(), now, parsed.markdown, write_pages(parsed.pages), document));
  return {};
}

Status set_state(store::Transaction& tx, std::int64_t document, DocumentState state, const std::string& reason, const std::string& format) {
  RETURN_IF_ERROR(tx.execute("UPDATE documents SET state = ?, reason = ?, format = CASE WHEN ? = '' THEN format ELSE ? END WHERE number = ?", state_text(state),
                             reason, format, format, document));
  return {};
}

}  // namespace siyu::knowledge
