// The engines elsewhere that were added: their addresses in the database, their keys in files of their own.
#pragma once

#include <boost/describe.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/sensitive.h"
#include "identity/pass.h"
#include "store/database.h"

namespace siyu::serving {

enum class Kind { kChat, kEmbedding, kRerank, kAudio };
BOOST_DESCRIBE_ENUM(Kind, kChat, kEmbedding, kRerank, kAudio)

struct RemoteRecord {
  std::string name;
  std::string url;    ///< as engine::parse_engine_url gives it
  std::string model;  ///< at the endpoint; empty: the only one it lists, else `name`
  Kind kind = Kind::kChat;
  Timestamp added_at;
};

std::vector<store::Migration> migrations();

/// Thread-safe.
class RemoteEngines {
 public:
  /// Keys lie in `secrets`, a folder only its owner can enter; what an interrupted change left there is removed.
  static Result<std::unique_ptr<RemoteEngines>> open(store::Database& db, const std::filesystem::path& secrets, const Clock& clock);

  /// Checks name, address and limits, and keeps the key (empty: none).
  Result<RemoteRecord> add(const Pass& pass, RemoteRecord record, const Sensitive<std::string>& key);
  Result<std::vector<RemoteRecord>> list(const Pass& pass);
  Result<RemoteRecord> get(const Pass& pass, const std::string& name);
  Status remove(const Pass& pass, const std::string& name);
  /// Empty when the engine takes none.
  Result<Sensitive<std::string>> key_of(const Pass& pass, const RemoteRecord& record);

 private:
  RemoteEngines(store::Database& db, std::filesystem::path secrets, const Clock& clock) : db_(db), secrets_(std::move(secrets)), clock_(clock) {}
  std::filesystem::path key_file(const std::string& name) const { return secrets_ / ("engine-" + name + ".key"); }

  store::Database& db_;
  const std::filesystem::path secrets_;
  const Clock& clock_;
};

}  // namespace siyu::serving
