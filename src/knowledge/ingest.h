// The background work on added files: parse → chunk → index, one commit per document. The queue is the documents table,
// so whatever was acknowledged is worked on after any kill, and nothing is indexed twice.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "base/log.h"
#include "documents/document.h"
#include "knowledge/knowledge.h"
#include "knowledge/removal.h"

namespace siyu::knowledge {

/// What turns a file into text; it must not fail the service whatever the file is. Called from several threads.
class DocumentParser {
 public:
  virtual ~DocumentParser() = default;
  virtual documents::ParsedDocument parse(const std::filesystem::path& file, std::string_view name) = 0;
};

class Ingester {
 public:
  Ingester(store::Database& db, const store::BlobStore& blobs, DocumentParser& parser, const Clock& clock, Random& random, Logger& log,
           Vectors* vectors = nullptr);
  ~Ingester() { stop(); }
  Ingester(const Ingester&) = delete;
  Ingester& operator=(const Ingester&) = delete;

  /// Takes up what an earlier run left, then works on `threads` threads.
  Status start(std::size_t threads);
  /// Something was queued.
  void wake();
  void stop();

 private:
  struct Job {
    std::int64_t number = 0, base = 0;
    std::string name, blob;
    std::int64_t root = 0;   ///< the outermost file that it lies in, or itself
    std::int64_t depth = 0;  ///< files around it
  };
  void run();
  Result<std::optional<Job>> take();
  Status work(const Job& job);
  Status requeue(const Job& job);
  Status import_lines(const Job& job);
  /// Stores what lies inside a file, before the transaction that queues it.
  struct Inner {
    std::string name;
    store::BlobStore::Stored stored;
  };
  Result<std::vector<Inner>> store_inner(const Job& job, documents::ParsedDocument& parsed);
  Status queue_inner(store::Transaction& tx, const Job& job, const std::vector<Inner>& files, Removed& removed);

  store::Database& db_;
  const store::BlobStore& blobs_;
  DocumentParser& parser_;
  const Clock& clock_;
  Random& random_;
  Logger& log_;
  Vectors* const vectors_;  ///< woken when passages were added

  std::mutex mu_;
  std::condition_variable changed_;
  std::uint64_t generation_ = 0;  // counts wakes, so that none is missed
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace siyu::knowledge
