#include "knowledge/knowledge.h"

#include <algorithm>

#include "knowledge/removal.h"
#include "knowledge/rows.h"
#include "store/full_text.h"

namespace siyu::knowledge {
namespace {

constexpr std::size_t kMaxName = 128;
constexpr std::size_t kMaxDescription = 2000;
constexpr std::size_t kMaxDocumentName = 1024;

Status check_name(std::string_view name) {
  const bool plain = std::ranges::all_of(name, [](unsigned char c) { return c >= 0x20 && c != 0x7f && c != '/' && c != '"'; });
  if (name.empty() || name.size() > kMaxName || !plain || trim(name) != name || !is_valid_utf8(name))
    return invalid("A knowledge base's name has 1 to 128 bytes, without slashes, quotes or surrounding spaces");
  return {};
}

constexpr std::string_view kBaseColumns =
    "b.id, b.name, b.description, b.created_at, "
    "(SELECT count(*) FROM documents d WHERE d.base = b.number), "
    "(SELECT count(*) FROM documents d WHERE d.base = b.number AND state = 'indexed'), "
    "(SELECT count(*) FROM documents d WHERE d.base = b.number AND state IN ('queued', 'parsing')), "
    "(SELECT count(*) FROM documents d WHERE d.base = b.number AND state IN ('failed', 'refused')), "
    "(SELECT coalesce(sum(chunks), 0) FROM documents d WHERE d.base = b.number), "
    "(SELECT coalesce(sum(bytes), 0) FROM documents d WHERE d.base = b.number), "
    "coalesce((SELECT e.model FROM embedded_documents e JOIN documents d ON d.number = e.document WHERE d.base = b.number LIMIT 1), '')";

KnowledgeBase to_base(const store::Row& row) {
  return {.id = KnowledgeBaseId(row.text(0)), .name = row.text(1), .description = row.text(2), .created_at = row.time(3), .documents = row.integer(4),
          .indexed = row.integer(5), .queued = row.integer(6), .failed = row.integer(7), .chunks = row.integer(8), .bytes = row.integer(9),
          .embedding_model = row.text(10)};
}

Result<store::Row> find_document(store::Transaction& tx, std::int64_t base, const DocumentId& id, std::string_view more = "") {
  ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT " + std::string(kDocumentColumns) + std::string(more) + " FROM documents WHERE base = ? AND id = ?", base, id));
  if (rows.empty()) return not_found("There is no document " + id.str() + " in this knowledge base");
  return rows[0];
}

}  // namespace

Result<KnowledgeBase> KnowledgeService::create(const Pass& pass, const std::string& name, const std::string& description) {
  RETURN_IF_ERROR(check_name(name));
  if (description.size() > kMaxDescription) return invalid("A description has at most 2000 bytes");
  const auto status = db_.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("INSERT INTO knowledge_bases (id, name, description, created_at) VALUES (?, ?, ?, ?)",
                               new_id<KnowledgeBaseId>("kb", clock_, random_), name, description, clock_.now()));
    return {};
  });
  if (!status && status.error().code == ErrorCode::kAlreadyExists) return fail(ErrorCode::kAlreadyExists, "A knowledge base named " + name + " exists already");
  RETURN_IF_ERROR(status);
  return get(pass, name);
}

Result<std::vector<KnowledgeBase>> KnowledgeService::list(const Pass&) {
  ASSIGN_OR_RETURN(const auto rows, db_.read([](store::Transaction& tx) {
    return tx.query("SELECT " + std::string(kBaseColumns) + " FROM knowledge_bases b ORDER BY b.name");
  }));
  std::vector<KnowledgeBase> bases;
  for (const auto& row : rows) bases.push_back(to_base(row));
  return bases;
}

Result<KnowledgeBase> KnowledgeService::get(const Pass&, const std::string& base) {
  return db_.read([&](store::Transaction& tx) -> Result<KnowledgeBase> {
    RETURN_IF_ERROR(find_base(tx, base));
    ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT " + std::string(kBaseColumns) + " FROM knowledge_bases b WHERE b.name = ?", base));
    return to_base(rows[0]);
  });
}

Result<BaseVersion> KnowledgeService::version(const Pass&, const std::string& base) {
  return db_.read([&](store::Transaction& tx) -> Result<BaseVersion> {
    ASSIGN_OR_RETURN(const auto number, find_base(tx, base));
    ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT id, version FROM knowledge_bases WHERE number = ?", number));
    return BaseVersion{.id = KnowledgeBaseId(rows[0].text(0)), .version = rows[0].integer(1)};
  });
}

Status KnowledgeService::remove(const Pass&, const std::string& base) {
  std::vector<std::string> blobs;
  std::int64_t number = 0;
  RETURN_IF_ERROR(db_.write([&](store::Transaction& tx) -> Status {
    blobs.clear();
    ASSIGN_OR_RETURN(number, find_base(tx, base));
    ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT DISTINCT blob FROM documents WHERE base = ? AND blob IS NOT NULL", number));
    for (const auto& row : rows) blobs.push_back(row.text(0));
    RETURN_IF_ERROR(store::FullText::drop_collection(tx, number));
    RETURN_IF_ERROR(tx.execute("DELETE FROM documents WHERE base = ?", number));
    RETURN_IF_ERROR(tx.execute("DELETE FROM knowledge_bases WHERE number = ?", number));
    return {};
  }));
  if (vectors_ != nullptr) vectors_->forget_base(number);
  return sweep_blobs(db_, blobs_, blobs);
}

Result<std::int64_t> KnowledgeService::rebuild(const Pass&, const std::string& base) {
  return db_.write([&](store::Transaction& tx) -> Result<std::int64_t> {
    ASSIGN_OR_RETURN(const auto number, find_base(tx, base));
    return tx.execute("UPDATE documents SET state = 'queued', reason = '' WHERE base = ? AND blob IS NOT NULL", number);
  });
}

Result<AddedDocument> KnowledgeService::add_file(const Pass&, const std::string& base, const std::string& name, const std::filesystem::path& file) {
  if (name.empty() || name.size() > kMaxDocumentName || !is_valid_utf8(name) || name.find('\0') != std::string::npos)
    return invalid("A document's name has 1 to 1024 bytes of UTF-8");
  // The base is checked first so that a wrong name costs no copy of the file.
  RETURN_IF_ERROR(db_.read([&](store::Transaction& tx) { return find_base(tx, base); }));
  ASSIGN_OR_RETURN(const auto stored, blobs_.put_file(file));
  std::vector<std::string> replaced;
  ASSIGN_OR_RETURN(auto added, db_.write([&](store::Transaction& tx) -> Result<AddedDocument> {
    replaced.clear();
    ASSIGN_OR_RETURN(const auto number, find_base(tx, base));
    // The same content was deleted between its coming in and now, and this copy with it.
    if (!blobs_.exists(stored.sha256)) return fail(ErrorCode::kUnavailable, "The same file was being deleted at this moment; add it again");
    ASSIGN_OR_RETURN(const auto before, tx.query("SELECT id, sha256, state FROM documents WHERE base = ? AND name = ?", number, name));
    if (!before.empty()) {
      const DocumentId id(before[0].text(0));
      if (before[0].text(1) == stored.sha256 && before[0].text(2) != "failed") return AddedDocument{.id = id, .name = name, .unchanged = true};
      RETURN_IF_ERROR(tx.execute("UPDATE documents SET sha256 = ?, blob = ?, bytes = ?, added_at = ?, state = 'queued', reason = '' WHERE id = ?", stored.sha256,
                                 stored.sha256, stored.bytes, clock_.now(), id));
      replaced.push_back(before[0].text(1));
      return AddedDocument{.id = id, .name = name};
    }
    const auto id = new_id<DocumentId>("doc", clock_, random_);
    RETURN_IF_ERROR(tx.execute("INSERT INTO documents (id, base, name, state, sha256, blob, bytes, added_at) VALUES (?, ?, ?, 'queued', ?, ?, ?, ?)", id, number,
                               name, stored.sha256, stored.sha256, stored.bytes, clock_.now()));
    return AddedDocument{.id = id, .name = name};
  }));
  RETURN_IF_ERROR(sweep_blobs(db_, blobs_, replaced));
  return added;
}

Result<DocumentPage> KnowledgeService::list_documents(const Pass&, const std::string& base, std::size_t limit, const std::optional<DocumentId>& after,
                                                      std::optional<DocumentState> state) {
  return db_.read([&](store::Transaction& tx) -> Result<DocumentPage> {
    ASSIGN_OR_RETURN(const auto number, find_base(tx, base));
    const auto wanted = state ? state_text(*state) : "";
    ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT " + std::string(kDocumentColumns) +
                                                   " FROM documents WHERE base = ? AND (? = '' OR state = ?) AND "
                                                   "number < coalesce((SELECT number FROM documents WHERE id = ?), 9223372036854775807) ORDER BY number DESC LIMIT ?",
                                               number, wanted, wanted, after ? after->str() : "", limit + 1));
    DocumentPage page;
    for (const auto& row : rows) {
      if (page.documents.size() == limit) {
        page.next = page.documents.back().id;
        break;
      }
      page.documents.push_back(to_document(row));
    }
    return page;
  });
}

Result<Document> KnowledgeService::get_document(const Pass&, const std::string& base, const DocumentId& id) {
  return db_.read([&](store::Transaction& tx) -> Result<Document> {
    ASSIGN_OR_RETURN(const auto number, find_base(tx, base));
    ASSIGN_OR_RETURN(const auto row, find_document(tx, number, id));
    return to_document(row);
  });
}

Result<DocumentText> KnowledgeService::get_text(const Pass&, const std::string& base, const DocumentId& id) {
  return db_.read([&](store::Transaction& tx) -> Result<DocumentText> {
    ASSIGN_OR_RETURN(const auto number, find_base(tx, base));
    ASSIGN_OR_RETURN(const auto row, find_document(tx, number, id, ", markdown, page_spans"));
    return DocumentText{.document = to_document(row), .markdown = row.text(13), .pages = read_pages(row.text(14))};
  });
}

Status KnowledgeService::remove_document(const Pass&, const std::string& base, const DocumentId& id) {
  Removed removed;
  std::int64_t number = 0;
  RETURN_IF_ERROR(db_.write([&](store::Transaction& tx) -> Status {
    removed = {};
    ASSIGN_OR_RETURN(number, find_base(tx, base));
    ASSIGN_OR_RETURN(const auto row, find_document(tx, number, id));
    return remove_family(tx, number, row.integer(12), removed);
  }));
  for (const auto document : removed.documents)
    if (vectors_ != nullptr) vectors_->forget_document(number, document);
  return sweep_blobs(db_, blobs_, removed.blobs);
}

}  // namespace siyu::knowledge
