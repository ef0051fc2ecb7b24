#include "store/sqlite_connection.h"

namespace siyu::store {
namespace {

constexpr std::size_t kMaxCachedStatements = 200;  // the program's own statements are fewer; this bounds a mistake
constexpr int kBusyMillis = 10'000;

int bind(sqlite3_stmt* statement, int index, const Value& value) {
  struct Binder {
    sqlite3_stmt* statement;
    int index;
    int operator()(std::nullptr_t) const { return sqlite3_bind_null(statement, index); }
    int operator()(std::int64_t number) const { return sqlite3_bind_int64(statement, index, number); }
    int operator()(double number) const { return sqlite3_bind_double(statement, index, number); }
    int operator()(const std::string& text) const {
      return sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    }
    int operator()(const Bytes& bytes) const {
      if (bytes.empty()) return sqlite3_bind_zeroblob(statement, index, 0);
      return sqlite3_bind_blob64(statement, index, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
    }
  };
  return std::visit(Binder{statement, index}, value);
}

}  // namespace

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::filesystem::path& file, bool writer) {
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection);
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (writer ? SQLITE_OPEN_CREATE : 0);
  if (sqlite3_open_v2(file.c_str(), &connection->db_, flags, nullptr) != SQLITE_OK)
    return std::unexpected(connection->error("opening " + file.string()));
  sqlite3_extended_result_codes(connection->db_, 1);
  sqlite3_busy_timeout(connection->db_, kBusyMillis);
  RETURN_IF_ERROR(connection->script(
      writer ? "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-4000; PRAGMA temp_store=MEMORY;"
             : "PRAGMA query_only=ON; PRAGMA cache_size=-2000; PRAGMA mmap_size=268435456; PRAGMA temp_store=MEMORY;"));
  return connection;
}

SqliteConnection::~SqliteConnection() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(db_);
}

Status SqliteConnection::script(const std::string& sql) {
  if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return std::unexpected(error("running " + sql.substr(0, 80)));
  return {};
}

Result<sqlite3_stmt*> SqliteConnection::prepare(std::string_view sql, std::span<const Value> args) {
  auto found = statements_.find(std::string(sql));
  if (found == statements_.end()) {
    if (statements_.size() >= kMaxCachedStatements) {
      for (auto& [text, statement] : statements_) sqlite3_finalize(statement);
      statements_.clear();
    }
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK)
      return std::unexpected(error("preparing " + std::string(sql)));
    found = statements_.emplace(sql, statement).first;
  }
  sqlite3_stmt* statement = found->second;
  sqlite3_reset(statement);
  if (static_cast<std::size_t>(sqlite3_bind_parameter_count(statement)) != args.size())
    return internal("A database statement was called with the wrong number of arguments", std::string(sql));
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (bind(statement, static_cast<int>(i) + 1, args[i]) != SQLITE_OK) return std::unexpected(error("binding " + std::string(sql)));
  }
  return statement;
}

Error SqliteConnection::error(std::string_view doing) const {
  const int code = db_ == nullptr ? SQLITE_NOMEM : sqlite3_extended_errcode(db_);
  const std::string detail = std::string(doing) + ": " + (db_ == nullptr ? "out of memory" : sqlite3_errmsg(db_));
  switch (code & 0xff) {
    case SQLITE_FULL:
      return {ErrorCode::kStorageFull, "The data disk is full; free space and try again", detail};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {ErrorCode::kCorrupted, "The database file is damaged; restore the latest backup", detail};
    case SQLITE_CONSTRAINT:
      return {ErrorCode::kAlreadyExists, "An entry of that name exists already", detail};
    case SQLITE_BUSY:
      return {ErrorCode::kUnavailable, "The database is busy; try again", detail};
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return {ErrorCode::kUnavailable, "The database file cannot be opened for writing; check the data folder's owner and permissions", detail};
    case SQLITE_IOERR:
      return {ErrorCode::kUnavailable, "The data disk reported an error", detail};
    default:
      return {ErrorCode::kInternal, "The database refused an operation", detail};
  }
}

}  // namespace siyu::store
