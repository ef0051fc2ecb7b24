// The SQL database. SQLite in WAL mode: one writer, many readers, durable when write() returns.
//
//   ASSIGN_OR_RETURN(auto names, db.read([](store::Transaction& tx) -> Result<std::vector<std::string>> { … }));
//   RETURN_IF_ERROR(db.write([&](store::Transaction& tx) -> Status { … }));
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/result.h"

namespace siyu::store {

using Value = std::variant<std::nullptr_t, std::int64_t, double, std::string, Bytes>;

inline Value to_value(std::nullptr_t) { return nullptr; }
inline Value to_value(const std::string& text) { return text; }
inline Value to_value(std::string_view text) { return std::string(text); }
inline Value to_value(const char* text) { return std::string(text); }
inline Value to_value(const Bytes& bytes) { return bytes; }
inline Value to_value(Timestamp time) { return to_unix_millis(time); }
template <class Number>
  requires std::is_arithmetic_v<Number>
Value to_value(Number number) {
  if constexpr (std::is_floating_point_v<Number>) return static_cast<double>(number);
  else return static_cast<std::int64_t>(number);
}
template <class Tag>
Value to_value(const Id<Tag>& id) {
  return id.str();
}
template <class T>
Value to_value(const std::optional<T>& value) {
  return value ? to_value(*value) : Value(nullptr);
}

/// One row of a result; columns count from 0. A NULL reads as 0, 0.0 or empty. Owns its values.
class Row {
 public:
  explicit Row(std::vector<Value> values) : values_(std::move(values)) {}
  bool is_null(std::size_t column) const { return std::holds_alternative<std::nullptr_t>(values_[column]); }
  std::int64_t integer(std::size_t column) const;
  double real(std::size_t column) const;
  std::string text(std::size_t column) const;
  Bytes blob(std::size_t column) const;
  Timestamp time(std::size_t column) const { return from_unix_millis(integer(column)); }
  std::optional<std::string> optional_text(std::size_t column) const { return is_null(column) ? std::nullopt : std::optional(text(column)); }

 private:
  std::vector<Value> values_;
};

class SqliteConnection;

/// Valid only inside the function given to read() or write().
class Transaction {
 public:
  explicit Transaction(SqliteConnection& connection) : connection_(connection) {}
  /// Rows changed. `sql` has a `?` for each argument.
  template <class... Args>
  Result<std::int64_t> execute(std::string_view sql, const Args&... args) {
    const std::vector<Value> values{to_value(args)...};
    return execute_values(sql, values);
  }
  template <class... Args>
  Result<std::vector<Row>> query(std::string_view sql, const Args&... args) {
    const std::vector<Value> values{to_value(args)...};
    std::vector<Row> rows;
    RETURN_IF_ERROR(each(sql, values, [&](Row row) {
      rows.push_back(std::move(row));
      return true;
    }));
    return rows;
  }
  Result<std::int64_t> execute_values(std::string_view sql, std::span<const Value> args);
  /// Row by row, until `visit` says false.
  Status each(std::string_view sql, std::span<const Value> args, const std::function<bool(Row)>& visit);
  std::int64_t last_insert_id() const;

 private:
  SqliteConnection& connection_;
};

struct DatabaseOptions {
  std::filesystem::path file;
  std::size_t readers = 4;
};

/// Thread-safe.
class Database {
 public:
  static Result<std::unique_ptr<Database>> open(const DatabaseOptions& options);
  ~Database();

  /// Sees one consistent state from beginning to end.
  template <class F>
  std::invoke_result_t<F, Transaction&> read(F&& f) {
    std::invoke_result_t<F, Transaction&> result = internal("The database read did not run");
    RETURN_IF_ERROR(run_read([&](Transaction& tx) { result = f(tx); }));
    return result;
  }

  /// Committed and synced when this returns a value; nothing has changed when it returns an error. Concurrent writers
  /// share one commit, so many small writes cost few disk syncs.
  template <class F>
  std::invoke_result_t<F, Transaction&> write(F&& f) {
    std::invoke_result_t<F, Transaction&> result = internal("The database write did not run");
    RETURN_IF_ERROR(run_write([&](Transaction& tx) {
      result = f(tx);
      return result.has_value();
    }));
    return result;
  }

  const std::filesystem::path& file() const;

 private:
  struct Impl;
  explicit Database(std::unique_ptr<Impl> impl);
  Status run_read(const std::function<void(Transaction&)>& f);
  Status run_write(const std::function<bool(Transaction&)>& f);
  std::unique_ptr<Impl> impl_;
};

/// One step of the schema. Numbers are global and never reused: 1–99 identity, 100–199 models and serving, 200–299 knowledge.
struct Migration {
  int number;
  std::string_view name;
  std::string_view sql;
};

/// Applies what is missing, in order of number, each in its own transaction. A database that already holds data is copied
/// beside itself first (siyu.db.before-N).
Status migrate(Database& db, std::vector<Migration> migrations);

}  // namespace siyu::store
