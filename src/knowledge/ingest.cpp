#include "knowledge/ingest.h"

#include "crypto/hash.h"
#include "knowledge/lines.h"
#include "knowledge/rows.h"

namespace siyu::knowledge {
namespace {

constexpr std::size_t kLinesPerCommit = 200;
constexpr std::size_t kReportedBadLines = 5;
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
    std::unique_lock lock(mu_);
    if (!status) changed_.wait_for(lock, kRetryPause, [this] { return stopping_; });
    else if (!*job) changed_.wait(lock, [&] { return stopping_ || generation_ != seen; });
  }
}

Result<std::optional<Ingester::Job>> Ingester::take() {
  return db_.write([](store::Transaction& tx) -> Result<std::optional<Job>> {
    ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT number, base, name, blob FROM documents WHERE state = 'queued' AND blob IS NOT NULL ORDER BY number LIMIT 1"));
    if (rows.empty()) return std::nullopt;
    Job job{.number = rows[0].integer(0), .base = rows[0].integer(1), .name = rows[0].text(2), .blob = rows[0].text(3)};
    RETURN_IF_ERROR(tx.execute("UPDATE documents SET state = 'parsing' WHERE number = ?", job.number));
    return job;
  });
}

Status Ingester::work(const Job& job) {
  if (is_line_collection(job.name)) return import_lines(job);
  const auto parsed = parser_.parse(blobs_.path(job.blob), job.name);
  return db_.write([&](store::Transaction& tx) -> Status {
    // Deleted or replaced while it was parsed: the newer state rules.
    ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT 1 FROM documents WHERE number = ? AND blob = ? AND state = 'parsing'", job.number, job.blob));
    if (rows.empty()) return {};
    if (parsed.status == documents::ParseStatus::kOk) return index(tx, job.base, job.number, parsed, clock_.now());
    RETURN_IF_ERROR(unindex(tx, job.base, job.number));
    const auto state = parsed.status == documents::ParseStatus::kRefused ? DocumentState::kRefused : DocumentState::kFailed;
    return set_state(tx, job.number, state, parsed.reason, parsed.format);
  });
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
