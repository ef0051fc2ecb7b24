#include "store/database.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "store/sqlite_connection.h"

namespace siyu::store {
namespace {

/// What one commit may carry at most, so that a waiting writer's latency stays bounded.
constexpr std::size_t kMaxGroup = 64;

Value read_column(sqlite3_stmt* statement, int column) {
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER: return static_cast<std::int64_t>(sqlite3_column_int64(statement, column));
    case SQLITE_FLOAT: return sqlite3_column_double(statement, column);
    case SQLITE_TEXT: return std::string(reinterpret_cast<const char*>(sqlite3_column_text(statement, column)), size);
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const std::byte*>(sqlite3_column_blob(statement, column));
      return Bytes(bytes, bytes + size);
    }
    default: return nullptr;
  }
}

/// Commits on success, rolls back otherwise, also when the body throws.
class Scope {
 public:
  Scope(SqliteConnection& connection, std::string commit, std::string rollback)
      : connection_(connection), commit_(std::move(commit)), rollback_(std::move(rollback)) {}
  ~Scope() {
    if (!done_) (void)connection_.script(rollback_);
  }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  Status commit() {
    RETURN_IF_ERROR(connection_.script(commit_));
    done_ = true;
    return {};
  }

 private:
  SqliteConnection& connection_;
  std::string commit_, rollback_;
  bool done_ = false;
};

}  // namespace

std::int64_t Row::integer(std::size_t column) const {
  if (const auto* number = std::get_if<std::int64_t>(&values_[column])) return *number;
  if (const auto* number = std::get_if<double>(&values_[column])) return static_cast<std::int64_t>(*number);
  return 0;
}
double Row::real(std::size_t column) const {
  if (const auto* number = std::get_if<double>(&values_[column])) return *number;
  return static_cast<double>(integer(column));
}
std::string Row::text(std::size_t column) const {
  const auto* text = std::get_if<std::string>(&values_[column]);
  return text == nullptr ? std::string() : *text;
}
Bytes Row::blob(std::size_t column) const {
  const auto* bytes = std::get_if<Bytes>(&values_[column]);
  return bytes == nullptr ? Bytes() : *bytes;
}

Result<std::int64_t> Transaction::execute_values(std::string_view sql, std::span<const Value> args) {
  ASSIGN_OR_RETURN(auto* statement, connection_.prepare(sql, args));
  int step = SQLITE_ROW;
  while (step == SQLITE_ROW) step = sqlite3_step(statement);
  if (step != SQLITE_DONE) {
    auto error = connection_.error("running " + std::string(sql));
    sqlite3_reset(statement);
    return std::unexpected(std::move(error));
  }
  sqlite3_reset(statement);
  return sqlite3_changes64(connection_.handle());
}

Status Transaction::each(std::string_view sql, std::span<const Value> args, const std::function<bool(Row)>& visit) {
  ASSIGN_OR_RETURN(auto* statement, connection_.prepare(sql, args));
  const int columns = sqlite3_column_count(statement);
  int step = sqlite3_step(statement);
  for (; step == SQLITE_ROW; step = sqlite3_step(statement)) {
    std::vector<Value> values;
    values.reserve(static_cast<std::size_t>(columns));
    for (int column = 0; column < columns; ++column) values.push_back(read_column(statement, column));
    if (visit(Row(std::move(values)))) continue;
    sqlite3_reset(statement);
    return {};
  }
  if (step != SQLITE_DONE) {
    auto error = connection_.error("reading " + std::string(sql));
    sqlite3_reset(statement);
    return std::unexpected(std::move(error));
  }
  sqlite3_reset(statement);
  return {};
}

std::int64_t Transaction::last_insert_id() const { return sqlite3_last_insert_rowid(connection_.handle()); }

struct Database::Impl {
  /// One caller of write(), waiting for the group it is committed with.
  struct Waiting {
    const std::function<bool(Transaction&)>* body;
    bool keep = false;  ///< its body succeeded
    bool done = false;
    Status status;
  };

  DatabaseOptions options;

  std::mutex write_mu;  // the queue and who leads; the leader alone uses `writer`
  std::condition_variable write_turn;
  std::deque<Waiting*> queue;
  bool leading = false;
  std::unique_ptr<SqliteConnection> writer;

  std::mutex read_mu;
  std::condition_variable reader_free;
  std::vector<std::unique_ptr<SqliteConnection>> idle_readers;
  std::size_t open_readers = 0;

  Result<std::unique_ptr<SqliteConnection>> take_reader() {
    std::unique_lock lock(read_mu);
    reader_free.wait(lock, [this] { return !idle_readers.empty() || open_readers < options.readers; });
    if (!idle_readers.empty()) {
      auto reader = std::move(idle_readers.back());
      idle_readers.pop_back();
      return reader;
    }
    ++open_readers;
    lock.unlock();
    auto opened = SqliteConnection::open(options.file, /*writer=*/false);
    if (!opened) {
      lock.lock();
      --open_readers;
    }
    return opened;
  }

  void give_back(std::unique_ptr<SqliteConnection> reader) {
    {
      const std::lock_guard lock(read_mu);
      idle_readers.push_back(std::move(reader));
    }
    reader_free.notify_one();
  }

  Status commit_group(const std::vector<Waiting*>& group) {
    RETURN_IF_ERROR(writer->script("BEGIN IMMEDIATE"));
    Scope all(*writer, "COMMIT", "ROLLBACK");
    Transaction tx(*writer);
    for (auto* one : group) {
      RETURN_IF_ERROR(writer->script("SAVEPOINT one"));
      Scope mine(*writer, "RELEASE one", "ROLLBACK TO one; RELEASE one");
      try {
        one->keep = (*one->body)(tx);
      } catch (const std::exception& error) {
        one->keep = false;
        one->status = internal("The database write failed", error.what());
      }
      if (one->keep) RETURN_IF_ERROR(mine.commit());
    }
    return all.commit();
  }

  void lead(std::unique_lock<std::mutex>& lock) {
    while (!queue.empty()) {
      const auto count = std::min(queue.size(), kMaxGroup);
      std::vector<Waiting*> group(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(count));
      queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(count));
      lock.unlock();
      const auto status = commit_group(group);
      lock.lock();
      for (auto* one : group) {
        // A body that failed by itself keeps its own error; the others share the fate of the commit.
        if (!status && (one->keep || one->status)) one->status = status;
        one->done = true;
      }
      write_turn.notify_all();
    }
  }
};

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::open(const DatabaseOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  ASSIGN_OR_RETURN(impl->writer, SqliteConnection::open(options.file, /*writer=*/true));
  return std::unique_ptr<Database>(new Database(std::move(impl)));
}

const std::filesystem::path& Database::file() const { return impl_->options.file; }

Status Database::run_read(const std::function<void(Transaction&)>& f) {
  ASSIGN_OR_RETURN(auto reader, impl_->take_reader());
  struct GiveBack {
    Impl& impl;
    std::unique_ptr<SqliteConnection>& reader;
    ~GiveBack() { impl.give_back(std::move(reader)); }
  } give_back{*impl_, reader};
  RETURN_IF_ERROR(reader->script("BEGIN"));
  Scope scope(*reader, "COMMIT", "ROLLBACK");
  Transaction tx(*reader);
  f(tx);
  return scope.commit();
}

Status Database::run_write(const std::function<bool(Transaction&)>& f) {
  Impl::Waiting mine{.body = &f};
  std::unique_lock lock(impl_->write_mu);
  impl_->queue.push_back(&mine);
  impl_->write_turn.wait(lock, [&] { return mine.done || !impl_->leading; });
  if (!mine.done) {
    impl_->leading = true;
    impl_->lead(lock);
    impl_->leading = false;
    impl_->write_turn.notify_all();
  }
  return mine.status;
}

Status migrate(Database& db, std::vector<Migration> migrations) {
  std::ranges::sort(migrations, {}, &Migration::number);
  RETURN_IF_ERROR(db.write([](Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL)"));
    return {};
  }));
  ASSIGN_OR_RETURN(const auto applied, db.read([](Transaction& tx) { return tx.query("SELECT number FROM migrations"); }));
  std::vector<std::int64_t> done;
  for (const auto& row : applied) done.push_back(row.integer(0));
  std::erase_if(migrations, [&](const Migration& one) { return std::ranges::find(done, one.number) != done.end(); });
  if (migrations.empty()) return {};

  if (!done.empty()) {
    const auto backup = db.file().string() + ".before-" + std::to_string(migrations.front().number);
    std::error_code ignored;
    std::filesystem::remove(backup, ignored);
    ASSIGN_OR_RETURN(auto copier, SqliteConnection::open(db.file(), /*writer=*/true));
    const std::vector<Value> args{backup};
    ASSIGN_OR_RETURN(auto* statement, copier->prepare("VACUUM INTO ?", args));
    if (sqlite3_step(statement) != SQLITE_DONE) return std::unexpected(copier->error("backing up before a migration"));
  }
  for (const auto& migration : migrations) {
    RETURN_IF_ERROR(db.write([&](Transaction& tx) -> Status {
      // A migration is several statements; each ends with a semicolon at the end of a line.
      for (std::string_view rest = migration.sql; !rest.empty();) {
        const auto end = rest.find(";\n");
        const auto statement = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 2);
        if (statement.find_first_not_of(" \n;") != std::string_view::npos) RETURN_IF_ERROR(tx.execute(statement));
      }
      RETURN_IF_ERROR(tx.execute("INSERT INTO migrations VALUES (?, ?)", migration.number, migration.name));
      return {};
    }));
  }
  return {};
}

}  // namespace siyu::store
