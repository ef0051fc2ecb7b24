#include "audit/audit_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "audit/line.h"
#include "base/json.h"
#include "crypto/signature.h"
#include "store/blobs.h"

namespace siyu::audit {

BOOST_DESCRIBE_STRUCT(Checkpoint, (), (seq, hash, signature, public_key))

namespace {

constexpr std::uint64_t kSegmentBytes = 16ULL << 20;      // small enough to read whole when listing
constexpr auto kSyncInterval = std::chrono::seconds(1);   // what a power cut may take of reads' entries
constexpr std::uint64_t kMaxSegmentRead = 64ULL << 20;    // a segment far over its size is not ours

std::string segment_name(std::size_t number) {
  auto digits = std::to_string(number);
  return std::string(digits.size() < 6 ? 6 - digits.size() : 0, '0') + digits + ".jsonl";
}

std::string signed_text(std::uint64_t seq, std::string_view hash) { return std::to_string(seq) + " " + std::string(hash); }

}  // namespace

struct AuditLog::Impl {
  Impl(std::filesystem::path dir_in, const Clock& clock_in, Logger& log_in, crypto::SigningKey key_in)
      : dir(std::move(dir_in)), clock(clock_in), log(log_in), key(std::move(key_in)) {}

  const std::filesystem::path dir;
  const Clock& clock;
  Logger& log;
  const crypto::SigningKey key;

  std::mutex mu;  // everything below
  std::condition_variable synced_more, wake;
  int fd = -1;
  std::vector<int> unsynced;  // earlier segments that have not been synced since they were left
  bool new_name = false;      // a segment whose name the folder may not have on disk yet
  std::size_t segment = 0;
  std::uint64_t segment_bytes = 0;
  std::uint64_t seq = 0;
  std::string head{kGenesis};
  std::uint64_t synced_seq = 0;
  std::uint64_t checkpoint_seq = 0;
  bool syncing = false, stopping = false;
  std::thread background;

  Status open_segment(std::size_t number) {
    const auto file = dir / segment_name(number);
    const int opened = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (opened < 0) return fail(ErrorCode::kUnavailable, "The audit log cannot be opened for writing; check the data folder's permissions", file.string());
    if (fd >= 0) unsynced.push_back(fd);  // the next sync sees to it: whoever appends a read's entry waits for no disk
    fd = opened;
    segment = number;
    segment_bytes = static_cast<std::uint64_t>(std::max<off_t>(::lseek(fd, 0, SEEK_END), 0));
    new_name = true;
    return {};
  }

  /// Finds the head of an existing log; sets a torn last line aside.
  Status recover() {
    const auto files = segments(dir);
    if (files.empty()) return open_segment(1);
    std::string torn;
    for (auto file = files.rbegin(); file != files.rend(); ++file) {
      ASSIGN_OR_RETURN(auto text, store::read_file(*file, kMaxSegmentRead));
      const auto whole = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
      if (whole < text.size()) {
        torn = text.substr(whole);
        RETURN_IF_ERROR(set_torn_aside(*file, torn, whole));
      }
      text.resize(whole);
      if (text.empty()) continue;
      const auto begin = text.rfind('\n', text.size() - 2) == std::string::npos ? 0 : text.rfind('\n', text.size() - 2) + 1;
      const auto last = parse_line(std::string_view(text).substr(begin, text.size() - 1 - begin));
      if (!last) {
        // The server must not add honest entries after a forged one without a trace; it goes on, and verify names the break.
        log.error("audit_log_damaged", {{"file", file->string()}, {"reason", last.error().message}});
        return fail(ErrorCode::kCorrupted, "The audit log is damaged at its end; run `siyu audit verify`, then restore " + file->filename().string() +
                                               " from a backup or move the folder `audit` aside to begin a new log");
      }
      seq = synced_seq = last->entry.seq;
      head = last->entry.hash;
      break;
    }
    RETURN_IF_ERROR(open_segment(static_cast<std::size_t>(std::stoul(files.back().stem().string()))));
    if (torn.empty()) return {};
    return append({.actor = "system", .action = "audit.recovered", .resource = "audit", .outcome = "done",
                   .detail = "a torn last line of " + std::to_string(torn.size()) + " bytes was set aside"},
                  Durability::kNow);
  }

  Status set_torn_aside(const std::filesystem::path& file, const std::string& torn, std::uint64_t whole) const {
    RETURN_IF_ERROR(store::write_file_atomically(dir / ("torn-" + file.stem().string() + "-" + std::to_string(whole) + ".txt"), torn));
    std::error_code error;
    std::filesystem::resize_file(file, whole, error);
    if (error) return fail(ErrorCode::kUnavailable, "The audit log cannot be repaired; check the data folder's permissions", error.message());
    return {};
  }

  Status append(const Entry& entry, Durability durability) {
    std::unique_lock lock(mu);
    if (segment_bytes > kSegmentBytes) RETURN_IF_ERROR(open_segment(segment + 1));
    std::string hash;
    const auto line = format_line(entry, seq + 1, to_rfc3339(clock.now()), head, hash) + "\n";
    if (!write_line(line)) {
      return fail(errno == ENOSPC ? ErrorCode::kStorageFull : ErrorCode::kUnavailable,
                  "The audit log cannot be written, so nothing is allowed; check the data disk", dir.string());
    }
    ++seq;
    head = hash;
    segment_bytes += line.size();
    if (durability == Durability::kNow) wait_synced(lock, seq);
    return {};
  }

  /// All or nothing: a short write is cut off again, so that the next entry does not continue a broken line.
  bool write_line(const std::string& line) const {
    ssize_t wrote = -1;
    do wrote = ::write(fd, line.data(), line.size());
    while (wrote < 0 && errno == EINTR);
    if (wrote == static_cast<ssize_t>(line.size())) return true;
    const int error = wrote < 0 ? errno : ENOSPC;
    if (wrote > 0) (void)::ftruncate(fd, static_cast<off_t>(segment_bytes));
    errno = error;
    return false;
  }

  /// One fdatasync serves every entry written before it began.
  void wait_synced(std::unique_lock<std::mutex>& lock, std::uint64_t wanted) {
    while (synced_seq < wanted) {
      if (syncing) {
        synced_more.wait(lock);
        continue;
      }
      sync(lock);
    }
  }

  void sync(std::unique_lock<std::mutex>& lock) {
    syncing = true;
    const auto written = seq;
    auto files = std::exchange(unsynced, {});
    files.push_back(::dup(fd));  // the segment may be left meanwhile
    const bool with_name = std::exchange(new_name, false);
    lock.unlock();
    if (with_name) {
      if (const auto status = store::sync_directory(dir); !status) log.error("audit_sync_failed", {{"detail", status.error().detail}});
    }
    for (const int file : files) {
      ::fdatasync(file);
      ::close(file);
    }
    lock.lock();
    synced_seq = std::max(synced_seq, written);
    syncing = false;
    synced_more.notify_all();
  }

  void run_background() {
    std::unique_lock lock(mu);
    while (!stopping) {
      wake.wait_for(lock, kSyncInterval, [this] { return stopping; });
      if (!syncing && synced_seq < seq) sync(lock);
      write_checkpoint(lock);
    }
  }

  void write_checkpoint(std::unique_lock<std::mutex>& lock) {
    if (checkpoint_seq == seq) return;
    Checkpoint checkpoint{.seq = seq, .hash = head, .signature = {}, .public_key = key.public_key()};
    lock.unlock();
    auto signature = key.sign(signed_text(checkpoint.seq, checkpoint.hash));
    Status status;
    if (signature) {
      checkpoint.signature = *signature;
      status = store::write_file_atomically(dir / "checkpoint.json", to_json_text(checkpoint) + "\n");
    } else {
      status = std::unexpected(signature.error());
    }
    if (!status) log.error("audit_checkpoint_failed", {{"detail", status.error().detail}});
    lock.lock();
    if (status) checkpoint_seq = checkpoint.seq;
  }

  void stop() {
    {
      const std::lock_guard lock(mu);
      stopping = true;
    }
    wake.notify_all();
    if (background.joinable()) background.join();
    std::unique_lock lock(mu);
    if (fd < 0) return;
    if (synced_seq < seq) sync(lock);
    write_checkpoint(lock);
    ::close(fd);
  }
};

AuditLog::AuditLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AuditLog::~AuditLog() { impl_->stop(); }

Result<std::unique_ptr<AuditLog>> AuditLog::open(const std::filesystem::path& dir, const Clock& clock, Logger& log) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) return fail(ErrorCode::kUnavailable, "The folder " + dir.string() + " cannot be made; check the data folder's permissions", error.message());
  ASSIGN_OR_RETURN(auto key, crypto::SigningKey::open(dir / "signing-key.pem"));
  auto impl = std::make_unique<Impl>(dir, clock, log, std::move(key));
  RETURN_IF_ERROR(impl->recover());
  impl->background = std::thread([raw = impl.get()] { raw->run_background(); });
  return std::unique_ptr<AuditLog>(new AuditLog(std::move(impl)));
}

Status AuditLog::append(const Entry& entry, Durability durability) { return impl_->append(entry, durability); }
const std::filesystem::path& AuditLog::dir() const { return impl_->dir; }

Result<std::vector<StoredEntry>> AuditLog::list(const Filter& filter) const {
  std::vector<StoredEntry> found;
  const auto files = segments(impl_->dir);
  for (auto file = files.rbegin(); file != files.rend() && found.size() < filter.limit; ++file) {
    ASSIGN_OR_RETURN(const auto text, store::read_file(*file, kMaxSegmentRead));
    std::string_view rest = text;
    while (!rest.empty() && found.size() < filter.limit) {
      rest.remove_suffix(rest.ends_with('\n') ? 1 : 0);
      const auto begin = rest.rfind('\n') == std::string_view::npos ? 0 : rest.rfind('\n') + 1;
      const auto line = parse_line(rest.substr(begin));
      rest = rest.substr(0, begin);
      if (!line) continue;  // verify() is the place that complains
      const auto& entry = line->entry;
      if (filter.before && entry.seq >= *filter.before) continue;
      if (!filter.actor.empty() && entry.actor != filter.actor) continue;
      if (!filter.action.empty() && entry.action != filter.action) continue;
      found.push_back(entry);
    }
  }
  return found;
}

Result<Report> verify(const std::filesystem::path& dir) {
  if (!std::filesystem::is_directory(dir)) return not_found("There is no audit log in " + dir.string() + "; give the data folder with --data");
  // The checkpoint is read first: entries that a running server adds meanwhile only make the chain longer.
  std::optional<Checkpoint> checkpoint;
  if (std::filesystem::exists(dir / "checkpoint.json")) {
    ASSIGN_OR_RETURN(const auto text, store::read_file(dir / "checkpoint.json", 1ULL << 16));
    auto decoded = from_json_text<Checkpoint>(text);
    if (!decoded || !crypto::verify_signature(signed_text(decoded->seq, decoded->hash), decoded->signature, decoded->public_key))
      return Report{.ok = false, .entries = 0, .broken_seq = {}, .reason = "the signature of checkpoint.json does not match"};
    checkpoint = std::move(*decoded);
  }

  Report report;
  std::string previous(kGenesis);
  bool checkpoint_seen = !checkpoint || checkpoint->seq == 0;
  const auto broken = [&](std::string reason) {
    report.broken_seq = report.entries + 1;
    report.reason = std::move(reason);
    return report;
  };
  for (const auto& file : segments(dir)) {
    std::ifstream in(file);
    std::string text;
    while (std::getline(in, text)) {
      if (in.eof()) break;  // no newline yet: a line being written, or torn by a power cut
      const auto line = parse_line(text);
      if (!line) return broken(line.error().message + " (" + file.filename().string() + ")");
      if (line->entry.seq != report.entries + 1) return broken("an entry is missing before number " + std::to_string(line->entry.seq));
      if (line->prev != previous) return broken("the entry does not follow the one before it");
      previous = line->entry.hash;
      ++report.entries;
      if (checkpoint && checkpoint->seq == line->entry.seq) {
        if (checkpoint->hash != line->entry.hash) return broken("the chain differs from the signed checkpoint");
        checkpoint_seen = true;
      }
    }
  }
  if (!checkpoint_seen) return broken("entries up to number " + std::to_string(checkpoint->seq) + ", which the signed checkpoint names, were removed");
  report.ok = true;
  return report;
}

}  // namespace siyu::audit
