#include "knowledge/vectors.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "knowledge/chunk.h"

namespace siyu::knowledge {
namespace {

constexpr std::size_t kDocumentsPerRound = 16;
constexpr std::size_t kTextsPerCall = 64;
constexpr auto kLookForModel = std::chrono::seconds(1);  // a model that is loaded or unloaded does not tell us
constexpr auto kRetryPause = std::chrono::seconds(5);    // after a failing model or database
constexpr std::size_t kShortestCut = 64;                 // bytes of a text that is still too long for the model
constexpr int kOrdinalBits = 20;                         // passages of one document; the rest of a key is its number

std::uint64_t to_key(const PassageKey& passage) { return static_cast<std::uint64_t>(passage.document) << kOrdinalBits | static_cast<std::uint64_t>(passage.ordinal); }
PassageKey to_passage(std::uint64_t key) {
  return {.document = static_cast<std::int64_t>(key >> kOrdinalBits), .ordinal = static_cast<std::int64_t>(key & ((1ULL << kOrdinalBits) - 1))};
}

// Half precision halves the database and loses nothing that a cosine would show.
Bytes to_blob(const std::vector<float>& vector) {
  Bytes blob(vector.size() * sizeof(_Float16));
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const auto half = static_cast<_Float16>(vector[i]);
    std::memcpy(blob.data() + i * sizeof half, &half, sizeof half);
  }
  return blob;
}

std::vector<float> from_blob(const Bytes& blob) {
  std::vector<float> vector(blob.size() / sizeof(_Float16));
  for (std::size_t i = 0; i < vector.size(); ++i) {
    _Float16 half;
    std::memcpy(&half, blob.data() + i * sizeof half, sizeof half);
    vector[i] = static_cast<float>(half);
  }
  return vector;
}

}  // namespace

void Vectors::start() {
  thread_ = std::thread([this] { run(); });
}

void Vectors::wake() {
  {
    const std::lock_guard lock(mu_);
    woken_ = true;
  }
  changed_.notify_all();
}

void Vectors::stop() {
  {
    const std::lock_guard lock(mu_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Vectors::run() {
  bool more = true;  // what an earlier run left
  for (;;) {
    const auto model = embedder_.model();
    bool changed = false;
    {
      const std::lock_guard lock(mu_);
      if (stopping_) return;
      more = more || woken_ || model != model_;
      changed = model != model_;
      woken_ = false;
    }
    Status status;
    if (changed) status = load(model);
    if (status && more && !model.empty()) {
      const auto worked = work(model);
      if (worked) more = *worked;
      else status = std::unexpected(worked.error());
    }
    const auto code = status ? ErrorCode::kCancelled : status.error().code;
    if (code != ErrorCode::kCancelled && code != ErrorCode::kUnavailable)  // a model that is still starting is no news
      log_.warn("embedding_failed", {{"code", to_string(code)}, {"detail", status.error().message + " " + status.error().detail}});
    std::unique_lock lock(mu_);
    if (!status) changed_.wait_for(lock, kRetryPause, [this] { return stopping_; });
    else if (!more || model.empty()) changed_.wait_for(lock, kLookForModel, [this] { return stopping_ || woken_; });
  }
}

Status Vectors::load(const std::string& model) {
  {
    const std::lock_guard lock(mu_);
    shelves_.clear();
    model_.clear();
  }
  if (!model.empty()) {
    Status put;
    RETURN_IF_ERROR(db_.read([&](store::Transaction& tx) {
      const std::vector<store::Value> arguments{model};
      return tx.each("SELECT d.base, c.document, c.ordinal, c.vector FROM embedded_documents e JOIN documents d ON d.number = e.document "
                     "JOIN chunk_vectors c ON c.document = e.document WHERE e.model = ?",
                     arguments, [&](store::Row row) {
                       const auto vector = from_blob(row.blob(3));
                       auto index = shelf(row.integer(0), vector.size());
                       put = index ? (*index)->put(to_key({row.integer(1), row.integer(2)}), vector) : std::unexpected(index.error());
                       return put.has_value();
                     });
    }));
    RETURN_IF_ERROR(put);
  }
  const std::lock_guard lock(mu_);
  model_ = model;
  return {};
}

/// One round; true when there may be more to do.
Result<bool> Vectors::work(const std::string& model) {
  ASSIGN_OR_RETURN(const auto documents, pending(model));
  for (const auto& document : documents) {
    std::vector<std::vector<float>> vectors;
    for (std::size_t first = 0; first < document.texts.size(); first += kTextsPerCall) {
      {
        const std::lock_guard lock(mu_);
        if (stopping_) return fail(ErrorCode::kCancelled, "stopped");
      }
      const auto last = std::min(first + kTextsPerCall, document.texts.size());
      ASSIGN_OR_RETURN(auto some, embed_whole_or_beginning({document.texts.begin() + static_cast<std::ptrdiff_t>(first),
                                                            document.texts.begin() + static_cast<std::ptrdiff_t>(last)}));
      std::ranges::move(some, std::back_inserter(vectors));
    }
    RETURN_IF_ERROR(keep(model, document, vectors));
  }
  return !documents.empty();
}

Result<std::vector<Vectors::Pending>> Vectors::pending(const std::string& model) {
  return db_.read([&](store::Transaction& tx) -> Result<std::vector<Pending>> {
    std::vector<Pending> all;
    ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT d.number, d.base, d.sha256, coalesce(d.indexed_at, 0), d.title, d.markdown FROM documents d "
                                               "WHERE d.chunks > 0 AND NOT EXISTS (SELECT 1 FROM embedded_documents e WHERE e.document = d.number AND e.model = ?) LIMIT ?",
                                               model, kDocumentsPerRound));
    for (const auto& row : rows) {
      Pending document{.document = row.integer(0), .base = row.integer(1), .sha256 = row.text(2), .indexed_at = row.integer(3), .texts = {}};
      const auto title = row.text(4), markdown = row.text(5);
      ASSIGN_OR_RETURN(const auto chunks, tx.query("SELECT begin, \"end\", heading FROM chunks WHERE document = ? ORDER BY ordinal", document.document));
      for (const auto& chunk : chunks) {
        const auto begin = static_cast<std::size_t>(chunk.integer(0)), end = static_cast<std::size_t>(chunk.integer(1));
        document.texts.push_back(indexed_text(title, chunk.text(2), std::string_view(markdown).substr(begin, end - begin)));
      }
      all.push_back(std::move(document));
    }
    return all;
  });
}

/// A passage longer than the model's context is represented by its beginning; its text stays whole.
Result<std::vector<std::vector<float>>> Vectors::embed_whole_or_beginning(const std::vector<std::string>& texts) {
  auto vectors = embedder_.embed(texts);
  if (vectors || vectors.error().reason != "context_length_exceeded") return vectors;
  if (texts.size() > 1) {
    std::vector<std::vector<float>> all;
    for (const auto& text : texts) {
      ASSIGN_OR_RETURN(auto one, embed_whole_or_beginning({text}));
      all.push_back(std::move(one.at(0)));
    }
    return all;
  }
  if (texts[0].size() <= kShortestCut) return vectors;
  return embed_whole_or_beginning({std::string(utf8_prefix(texts[0], texts[0].size() * 3 / 4))});
}

Status Vectors::keep(const std::string& model, const Pending& document, const std::vector<std::vector<float>>& vectors) {
  // On the shelf before the database says so: whoever reads there that a document is embedded must find it by search. Until
  // then no row makes these vectors count.
  for (std::size_t ordinal = 0; ordinal < vectors.size(); ++ordinal) {
    ASSIGN_OR_RETURN(const auto index, shelf(document.base, vectors[ordinal].size()));
    RETURN_IF_ERROR(index->put(to_key({document.document, static_cast<std::int64_t>(ordinal)}), vectors[ordinal]));
  }
  std::int64_t kept = 0;
  RETURN_IF_ERROR(db_.write([&](store::Transaction& tx) -> Status {
    kept = 0;
    // Deleted or indexed anew meanwhile: these vectors are of an older text.
    ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT 1 FROM documents WHERE number = ? AND sha256 = ? AND coalesce(indexed_at, 0) = ?", document.document,
                                               document.sha256, document.indexed_at));
    if (rows.empty()) return {};
    RETURN_IF_ERROR(tx.execute("DELETE FROM chunk_vectors WHERE document = ?", document.document));
    for (std::size_t ordinal = 0; ordinal < vectors.size(); ++ordinal)
      RETURN_IF_ERROR(tx.execute("INSERT INTO chunk_vectors VALUES (?, ?, ?)", document.document, ordinal, to_blob(vectors[ordinal])));
    RETURN_IF_ERROR(tx.execute("INSERT INTO embedded_documents VALUES (?, ?) ON CONFLICT (document) DO UPDATE SET model = excluded.model", document.document, model));
    kept = static_cast<std::int64_t>(vectors.size());
    return {};
  }));
  forget_from(document.base, {.document = document.document, .ordinal = kept});
  return {};
}

Result<std::shared_ptr<store::VectorIndex>> Vectors::shelf(std::int64_t base, std::size_t dimensions) {
  const std::lock_guard lock(mu_);
  if (const auto found = shelves_.find(base); found != shelves_.end()) return found->second;
  ASSIGN_OR_RETURN(auto made, store::VectorIndex::create(dimensions));
  return shelves_[base] = std::move(made);
}

Result<std::optional<std::vector<VectorMatch>>> Vectors::search(std::int64_t base, const std::string& query, std::size_t limit) {
  const auto model = embedder_.model();
  std::shared_ptr<store::VectorIndex> index;
  {
    const std::lock_guard lock(mu_);
    const auto found = shelves_.find(base);
    if (model.empty() || model != model_ || found == shelves_.end()) return std::nullopt;
    index = found->second;
  }
  ASSIGN_OR_RETURN(const auto vectors, embed_whole_or_beginning({query}));
  ASSIGN_OR_RETURN(const auto hits, index->search(vectors.at(0), limit));
  std::vector<VectorMatch> matches;
  for (const auto& hit : hits) matches.push_back({.passage = to_passage(hit.key), .similarity = hit.similarity});
  return matches;
}

Result<bool> Vectors::is_current(store::Transaction& tx, const PassageKey& passage) {
  ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT 1 FROM chunk_vectors WHERE document = ? AND ordinal = ?", passage.document, passage.ordinal));
  return !rows.empty();
}

/// This passage and those after it; an earlier version of the document may have had more of them.
void Vectors::forget_from(std::int64_t base, PassageKey passage) {
  std::shared_ptr<store::VectorIndex> index;
  {
    const std::lock_guard lock(mu_);
    if (const auto found = shelves_.find(base); found != shelves_.end()) index = found->second;
  }
  while (index && index->remove(to_key(passage))) ++passage.ordinal;
}

void Vectors::forget_base(std::int64_t base) {
  const std::lock_guard lock(mu_);
  shelves_.erase(base);
}

}  // namespace siyu::knowledge
