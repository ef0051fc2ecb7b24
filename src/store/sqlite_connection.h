// One SQLite connection with its prepared statements. Internal to store. Not thread-safe.
#pragma once

#include <sqlite3.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "store/database.h"

namespace siyu::store {

class SqliteConnection {
 public:
  static Result<std::unique_ptr<SqliteConnection>> open(const std::filesystem::path& file, bool writer);
  ~SqliteConnection();
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  /// One or more statements without arguments.
  Status script(const std::string& sql);
  /// A reset statement with its arguments bound; it stays owned by the cache.
  Result<sqlite3_stmt*> prepare(std::string_view sql, std::span<const Value> args);
  Error error(std::string_view doing) const;
  sqlite3* handle() { return db_; }

 private:
  SqliteConnection() = default;
  sqlite3* db_ = nullptr;
  std::unordered_map<std::string, sqlite3_stmt*> statements_;
};

}  // namespace siyu::store
