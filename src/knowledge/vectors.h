// Vectors of the passages: made in the background while an embedding model is loaded, kept in the database beside the
// passages, searched in memory. The database rules: a hit counts only while its row is there, so deletions and new versions
// take effect at once.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "store/database.h"
#include "store/vectors.h"

namespace siyu::knowledge {

/// Turns texts into vectors. Thread-safe.
class TextEmbedder {
 public:
  virtual ~TextEmbedder() = default;
  /// Names the loaded embedding model and its content, so that vectors of another one are never mixed in; empty when none is loaded.
  virtual std::string model() const = 0;
  /// One vector of length 1 per text, all of the same dimensions. The error reason context_length_exceeded means that a text is too long.
  virtual Result<std::vector<std::vector<float>>> embed(const std::vector<std::string>& texts) = 0;
};

struct PassageKey {
  std::int64_t document = 0;
  std::int64_t ordinal = 0;
};

struct VectorMatch {
  PassageKey passage;
  double similarity = 0;  ///< cosine
};

/// Thread-safe.
class Vectors {
 public:
  Vectors(store::Database& db, TextEmbedder& embedder, Logger& log) : db_(db), embedder_(embedder), log_(log) {}
  ~Vectors() { stop(); }
  Vectors(const Vectors&) = delete;
  Vectors& operator=(const Vectors&) = delete;

  /// Starts the background work.
  void start();
  /// Passages were added.
  void wake();
  void stop();

  /// The passages of a base nearest to a query, best first; nothing when there is no embedding model or no passage has a
  /// vector of it yet. Rows of the database may be gone: check each with is_current.
  Result<std::optional<std::vector<VectorMatch>>> search(std::int64_t base, const std::string& query, std::size_t limit);
  static Result<bool> is_current(store::Transaction& tx, const PassageKey& passage);
  /// Frees the memory of what was deleted.
  void forget_base(std::int64_t base);
  void forget_document(std::int64_t base, std::int64_t document) { forget_from(base, {.document = document, .ordinal = 0}); }

 private:
  struct Pending {
    std::int64_t document = 0, base = 0;
    std::string sha256;
    std::int64_t indexed_at = 0;
    std::vector<std::string> texts;
  };
  void run();
  Result<bool> work(const std::string& model);
  Status load(const std::string& model);
  Result<std::vector<Pending>> pending(const std::string& model);
  Result<std::vector<std::vector<float>>> embed_whole_or_beginning(const std::vector<std::string>& texts);
  Status keep(const std::string& model, const Pending& document, const std::vector<std::vector<float>>& vectors);
  void forget_from(std::int64_t base, PassageKey passage);
  /// The index of a base, made on first use. Kept alive by its users while a change of model replaces it.
  Result<std::shared_ptr<store::VectorIndex>> shelf(std::int64_t base, std::size_t dimensions);

  store::Database& db_;
  TextEmbedder& embedder_;
  Logger& log_;

  std::mutex mu_;
  std::condition_variable changed_;
  bool stopping_ = false, woken_ = false;
  std::string model_;  ///< whose vectors are on the shelves
  std::map<std::int64_t, std::shared_ptr<store::VectorIndex>> shelves_;
  std::thread thread_;
};

}  // namespace siyu::knowledge
