// The tamper-evident log: one JSON line per entry, chained by SHA-256, with signed checkpoints.
// The format is docs/formats/audit-log.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"

namespace siyu::audit {

struct Entry {
  std::string actor;     ///< user name; "-" for nobody, "system" for the server itself
  std::string action;    ///< stable, such as document.delete
  std::string resource;  ///< such as knowledge-base/handbook
  std::string outcome;   ///< allowed, denied, done, failed
  std::string detail = {};   ///< never a prompt, a document's text or a secret
  std::string request = {};  ///< request id
};

struct StoredEntry : Entry {
  std::uint64_t seq = 0;
  std::string time;
  std::string hash;
};

struct Filter {
  std::size_t limit = 100;
  std::optional<std::uint64_t> before = {};  ///< only smaller sequence numbers
  std::string actor = {};
  std::string action = {};
};

enum class Durability {
  kSoon,  ///< survives the end of this process at once, a power cut after a second
  kNow,   ///< on disk when append returns
};

/// Thread-safe.
class AuditLog {
 public:
  /// Opens or makes the log in `dir`. A last line that a power cut tore is moved to torn-SEQ.txt, and an entry says so.
  static Result<std::unique_ptr<AuditLog>> open(const std::filesystem::path& dir, const Clock& clock, Logger& log);
  ~AuditLog();

  Status append(const Entry& entry, Durability durability = Durability::kSoon);
  /// Newest first.
  Result<std::vector<StoredEntry>> list(const Filter& filter) const;
  const std::filesystem::path& dir() const;

 private:
  struct Impl;
  explicit AuditLog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct Report {
  bool ok = false;
  std::uint64_t entries = 0;
  std::optional<std::uint64_t> broken_seq = {};  ///< the first entry that does not fit
  std::string reason = {};
};

/// Checks the chain and the newest checkpoint. Works on a running and on a stopped log.
Result<Report> verify(const std::filesystem::path& dir);

}  // namespace siyu::audit
