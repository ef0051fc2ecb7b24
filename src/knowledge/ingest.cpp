#include "knowledge/ingest.h"

#include <algorithm>

#include "base/text.h"
#include "crypto/hash.h"
#include "knowledge/lines.h"
#include "knowledge/rows.h"

namespace siyu::knowledge {
namespace {

constexpr std::size_t kLinesPerCommit = 200;
constexpr std::size_t kReportedBadLines = 5;
constexpr std::int64_t kMaxDepth = 3;           // files around a file: an archive in a mail in an archive
constexpr std::size_t kMaxInnerName = 1024;
constexpr auto kRetryPause = std::chrono::seconds(1);  // after a failing database, such as a full disk

struct Line {
  LineDocument document;
  std::string sha256;
};

documents::ParsedDocument to_parsed(const LineDocument& line) {
  documents::ParsedDocument parsed;
  parsed.format = "jsonl";
  parsed.title = line.title;
  parsed.markdown = line.text;
  parsed.blocks = documents::find_blocks(parsed.markdown);
  return parsed;
}

}  // namespace

Ingester::Ingester(store::Database& db, const store::BlobStore& blobs, DocumentParser& parser, const Clock& clock, Random& random, Logger& log,
                   Vectors* vectors)
    : db_(db), blobs_(blobs), parser_(parser), clock_(clock), random_(random), log_(log), vectors_(vectors) {}

Status Ingester::start(std::size_t threads) {
  RETURN_IF_ERROR(db_.write([](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("UPDATE documents SET state = 'queued' WHERE state = 'parsing'"));
    return {};
  }));
  // A kill between a deletion and the end of its file leaves the file; nobody adds anything yet.
  RETURN_IF_ERROR(sweep_blobs(db_, blobs_, blobs_.list()));
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
  return {};
}

void Ingester::wake() {
  {
    const std::lock_guard lock(mu_);
    ++generation_;
  }
  changed_.notify_all();
}

void Ingester::stop() {
  {
    const std::lock_guard lock(mu_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_)
    if (thread.joinable()) thread.join();
}

void Ingester::run() {
  for (;;) {
    std::uint64_t seen = 0;
    {
      const std::lock_guard lock(mu_);
      if (stopping_) return;
      seen = generation_;
    }
    auto job = take();
    Status status;
    if (job && *job) status = work(**job);
    else if (!job) status = std::unexpected(job.error());
    if (!status) log_.error("ingest_failed", {{"code", to_string(status.error().code)}, {"detail", status.error().detail}});
    if (status && *job && vectors_ != nullptr) vectors_->wake();
    if (!status && job && *job) (void)requeue(**job);
    std::unique_lock lock(mu_);
    if (!status) changed_.wait_for(lock, kRetryPause, [this] { return stopping_; });
    else if (!*job) changed_.wait(lock, [&] { return stopping_ || generation_ != seen; });
  }
}

/// A failing disk or database is no fault of the file: it is tried again. When this fails too, the next start does it.
Status Ingester::requeue(const Job& job) {
  return db_.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("UPDATE documents SET state = 'queued' WHERE number = ? AND state = 'parsing'", job.number));
    return {};
  });
}

Result<std::optional<Ingester::Job>> Ingester::take() {
  return db_.write([](store::Transaction& tx) -> Result<std::optional<Job>> {
    ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT number, base, name, blob, coalesce(parent, number), depth FROM documents WHERE state = 'queued' AND blob IS NOT NULL ORDER BY number LIMIT 1"));
    if (rows.empty()) return std::nullopt;
    Job job{.number = rows[0].integer(0), .base = rows[0].integer(1), .name = rows[0].text(2), .blob = rows[0].text(3), .root = rows[0].integer(4), .depth = rows[0].integer(5)};
    RETURN_IF_ERROR(tx.execute("UPDATE documents SET state = 'parsing' WHERE number = ?", job.number));
    return job;
  });
}

Status Ingester::work(const Job& job) {
  if (is_line_collection(job.name)) return import_lines(job);
  auto parsed = parser_.parse(blobs_.path(job.blob), job.name);
  ASSIGN_OR_RETURN(const auto inner, store_inner(job, parsed));
  Removed removed;
  RETURN_IF_ERROR(db_.write([&](store::Transaction& tx) -> Status {
    removed = {};
    // Deleted or replaced while it was parsed: the newer state rules, and what was stored of it goes.
    ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT 1 FROM documents WHERE number = ? AND blob = ? AND state = 'parsing'", job.number, job.blob));
    if (rows.empty()) {
      for (const auto& file : inner) removed.blobs.push_back(file.stored.sha256);
      return {};
    }
    RETURN_IF_ERROR(queue_inner(tx, job, inner, removed));
    if (parsed.status == documents::ParseStatus::kOk) return index(tx, job.base, job.number, parsed, clock_.now());
    RETURN_IF_ERROR(unindex(tx, job.base, job.number));
    const auto state = parsed.status == documents::ParseStatus::kRefused ? DocumentState::kRefused : DocumentState::kFailed;
    return set_state(tx, job.number, state, parsed.reason, parsed.format);
  }));
  RETURN_IF_ERROR(sweep_blobs(db_, blobs_, removed.blobs));
  if (!inner.empty()) wake();
  return {};
}

Result<std::vector<Ingester::Inner>> Ingester::store_inner(const Job& job, documents::ParsedDocument& parsed) {
  std::vector<Inner> files;
  if (!parsed.embedded.empty() && job.depth >= kMaxDepth)
    parsed.reason += (parsed.reason.empty() ? "" : "; ") + ("its " + std::to_string(parsed.embedded.size()) + " inner files are not read: files lie in one another more than " +
                                                            std::to_string(kMaxDepth) + " deep");
  else
    for (auto& file : parsed.embedded) {
      auto name = job.name + "/" + file.name;
      if (name.size() > kMaxInnerName || file.bytes.empty()) continue;
      ASSIGN_OR_RETURN(auto stored, blobs_.put(as_bytes(file.bytes)));
      files.push_back({.name = std::move(name), .stored = std::move(stored)});
      std::string().swap(file.bytes);  // large archives: not all of it twice
    }
  return files;
}

/// New and changed files are queued, unchanged ones stay, and those that an earlier version of the outer file held go.
Status Ingester::queue_inner(store::Transaction& tx, const Job& job, const std::vector<Inner>& files, Removed& removed) {
  const auto inside = job.name + "/";
  ASSIGN_OR_RETURN(const auto before, tx.query("SELECT number, name FROM documents WHERE parent = ? AND depth = ? AND substr(name, 1, ?) = ?", job.root, job.depth + 1,
                                               utf8_length(inside), inside));
  for (const auto& row : before)
    if (std::ranges::find(files, row.text(1), &Inner::name) == files.end()) RETURN_IF_ERROR(remove_family(tx, job.base, row.integer(0), removed));
  for (const auto& [name, stored] : files) {
    if (!blobs_.exists(stored.sha256)) return fail(ErrorCode::kUnavailable, "A stored file was deleted at this moment");
    ASSIGN_OR_RETURN(const auto same, tx.query("SELECT number, sha256, state FROM documents WHERE base = ? AND name = ?", job.base, name));
    if (!same.empty() && same[0].text(1) == stored.sha256 && same[0].text(2) != "failed") continue;
    if (same.empty()) {
      RETURN_IF_ERROR(tx.execute("INSERT INTO documents (id, base, parent, depth, name, state, sha256, blob, bytes, added_at) VALUES (?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?)",
                                 new_id<DocumentId>("doc", clock_, random_), job.base, job.root, job.depth + 1, name, stored.sha256, stored.sha256, stored.bytes,
                                 clock_.now()));
    } else {
      removed.blobs.push_back(same[0].text(1));
      RETURN_IF_ERROR(tx.execute("UPDATE documents SET sha256 = ?, blob = ?, bytes = ?, state = 'queued', reason = '' WHERE number = ?", stored.sha256, stored.sha256,
                                 stored.bytes, same[0].integer(0)));
    }
  }
  return {};
}

Status Ingester::import_lines(const Job& job) {
  std::vector<Line> batch;
  std::size_t bad = 0;
  std::string complaints;
  bool gone = false;
  const auto commit = [&]() -> Status {
    return db_.write([&](store::Transaction& tx) -> Status {
      ASSIGN_OR_RETURN(const auto alive, tx.query("SELECT 1 FROM documents WHERE number = ? AND state = 'parsing'", job.number));
      gone = alive.empty();
      if (gone) return {};
      for (const auto& [document, sha256] : batch) {
        ASSIGN_OR_RETURN(const auto before, tx.query("SELECT number, sha256, state FROM documents WHERE base = ? AND name = ?", job.base, document.id));
        if (!before.empty() && before[0].text(1) == sha256 && before[0].text(2) == "indexed") continue;
        std::int64_t number = before.empty() ? 0 : before[0].integer(0);
        if (before.empty()) {
          RETURN_IF_ERROR(tx.execute("INSERT INTO documents (id, base, parent, name, state, sha256, bytes, added_at) VALUES (?, ?, ?, ?, 'parsing', ?, ?, ?)",
                                     new_id<DocumentId>("doc", clock_, random_), job.base, job.number, document.id, sha256, document.text.size(), clock_.now()));
          number = tx.last_insert_id();
        } else {
          RETURN_IF_ERROR(tx.execute("UPDATE documents SET sha256 = ?, parent = ?, bytes = ? WHERE number = ?", sha256, job.number, document.text.size(), number));
        }
        RETURN_IF_ERROR(index(tx, job.base, number, to_parsed(document), clock_.now()));
      }
      return {};
    });
  };
  const auto status = for_each_line(blobs_.path(job.blob), [&](std::size_t number, std::string_view text) -> Status {
    if (trim(text).empty()) return {};
    auto document = parse_line_document(text);
    if (!document) {
      if (++bad <= kReportedBadLines) complaints += "; line " + std::to_string(number) + " " + document.error().message;
      return {};
    }
    batch.push_back({std::move(*document), crypto::sha256_hex(as_bytes(text))});
    if (batch.size() < kLinesPerCommit) return {};
    RETURN_IF_ERROR(commit());
    batch.clear();
    {
      const std::lock_guard lock(mu_);
      gone = gone || stopping_;
    }
    return gone ? fail(ErrorCode::kCancelled, "stopped") : Status();
  });
  if (gone || (!status && status.error().code == ErrorCode::kCancelled)) return {};  // after a restart the lines go on where they were
  if (status) RETURN_IF_ERROR(commit());
  else if (status.error().code != ErrorCode::kInvalidArgument && status.error().code != ErrorCode::kTooLarge) return status;
  return db_.write([&](store::Transaction& tx) -> Status {
    if (!status) return set_state(tx, job.number, DocumentState::kFailed, status.error().message, "jsonl");
    RETURN_IF_ERROR(tx.execute("UPDATE documents SET state = 'indexed', format = 'jsonl', reason = ?, indexed_at = ? WHERE number = ? AND state = 'parsing'",
                               bad == 0 ? std::string() : std::to_string(bad) + " lines were skipped" + complaints, clock_.now(), job.number));
    return {};
  });
}

}  // namespace siyu::knowledge
