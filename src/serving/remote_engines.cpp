#include "serving/remote_engines.h"

#include <algorithm>
#include <set>

#include "base/json.h"
#include "engine/remote_peer.h"
#include "models/library.h"
#include "serving/meter.h"
#include "store/blobs.h"

namespace siyu::serving {
namespace {

constexpr std::int64_t kMaxEngines = 64;  // each has a thread that looks at it
constexpr std::size_t kMaxModel = 256;
constexpr std::size_t kMaxKey = 8192;     // cloud tokens have up to some kilobytes
constexpr std::string_view kColumns = "name, url, model, kind, added_at";

Kind kind_named(const std::string& name) { return from_json<Kind>(json::value(name)).value_or(Kind::kChat); }

RemoteRecord to_record(const store::Row& row) {
  return {.name = row.text(0), .url = row.text(1), .model = row.text(2), .kind = kind_named(row.text(3)), .added_at = row.time(4)};
}

Status check_key(std::string_view key) {
  const bool plain = std::ranges::all_of(key, [](char c) { return c > ' ' && c < 0x7f; });
  if (key.size() > kMaxKey || !plain) return invalid("`api_key` must be at most 8192 printable characters without spaces");
  return {};
}

}  // namespace

std::vector<store::Migration> migrations() {
  auto all = meter_migrations();
  all.push_back({.number = 101, .name = "remote engines", .sql = R"sql(
CREATE TABLE remote_engines (name TEXT PRIMARY KEY, url TEXT NOT NULL, model TEXT NOT NULL, kind TEXT NOT NULL, added_at INTEGER NOT NULL);
)sql"});
  all.push_back({.number = 110, .name = "deployments", .sql = R"sql(
CREATE TABLE deployments (name TEXT PRIMARY KEY, spec TEXT NOT NULL);
CREATE TABLE deployment_events (seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, deployment TEXT NOT NULL, version TEXT NOT NULL, actor TEXT NOT NULL,
  kind TEXT NOT NULL, text TEXT NOT NULL);
CREATE INDEX deployment_events_of ON deployment_events (deployment, seq);
)sql"});
  return all;
}

Result<std::unique_ptr<RemoteEngines>> RemoteEngines::open(store::Database& db, const std::filesystem::path& secrets, const Clock& clock) {
  std::error_code error;
  std::filesystem::create_directories(secrets, error);
  if (!error) std::filesystem::permissions(secrets, std::filesystem::perms::owner_all, error);
  if (error) return fail(ErrorCode::kUnavailable, "The folder " + secrets.string() + " cannot be made; check the data folder's permissions", error.message());
  std::unique_ptr<RemoteEngines> engines(new RemoteEngines(db, secrets, clock));
  ASSIGN_OR_RETURN(const auto rows, db.read([](store::Transaction& tx) { return tx.query("SELECT name FROM remote_engines"); }));
  std::set<std::filesystem::path> known;
  for (const auto& row : rows) known.insert(engines->key_file(row.text(0)));
  for (const auto& entry : std::filesystem::directory_iterator(secrets, error))
    if (entry.path().filename().string().starts_with("engine-") && !known.contains(entry.path())) std::filesystem::remove(entry.path(), error);
  return engines;
}

Result<RemoteRecord> RemoteEngines::add(const Pass& pass, RemoteRecord record, const Sensitive<std::string>& key) {
  RETURN_IF_ERROR(models::check_name(record.name));
  RETURN_IF_ERROR(check_key(key.reveal()));
  ASSIGN_OR_RETURN(record.url, engine::parse_engine_url(record.url));
  if (record.model.size() > kMaxModel) return invalid("`model` must have at most 256 characters");
  if (get(pass, record.name)) return fail(ErrorCode::kAlreadyExists, "An engine named " + record.name + " exists already; remove it first or choose another name");
  record.added_at = clock_.now();
  // The key first: a row without its key would fail later, a key without a row goes at the next start.
  if (!key.reveal().empty()) RETURN_IF_ERROR(store::write_file_atomically(key_file(record.name), key.reveal()));
  const auto written = db_.write([&](store::Transaction& tx) -> Status {
    ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT COUNT(*) FROM remote_engines"));
    if (rows[0].integer(0) >= kMaxEngines) return fail(ErrorCode::kConflict, "There are 64 engines already; remove one with `siyu engine rm NAME`");
    RETURN_IF_ERROR(tx.execute("INSERT INTO remote_engines (name, url, model, kind, added_at) VALUES (?, ?, ?, ?, ?)", record.name, record.url, record.model,
                               enum_spelling(boost::describe::enum_to_string(record.kind, "kChat")), record.added_at));
    return {};
  });
  if (!written) return std::unexpected(written.error());
  return record;
}

Result<std::vector<RemoteRecord>> RemoteEngines::list(const Pass&) {
  ASSIGN_OR_RETURN(const auto rows, db_.read([](store::Transaction& tx) { return tx.query("SELECT " + std::string(kColumns) + " FROM remote_engines ORDER BY name"); }));
  std::vector<RemoteRecord> records;
  for (const auto& row : rows) records.push_back(to_record(row));
  return records;
}

Result<RemoteRecord> RemoteEngines::get(const Pass&, const std::string& name) {
  ASSIGN_OR_RETURN(const auto rows, db_.read([&](store::Transaction& tx) { return tx.query("SELECT " + std::string(kColumns) + " FROM remote_engines WHERE name = ?", name); }));
  if (rows.empty()) return not_found("There is no engine named " + name + "; `siyu engine list` shows those there are");
  return to_record(rows[0]);
}

Status RemoteEngines::remove(const Pass& pass, const std::string& name) {
  RETURN_IF_ERROR(get(pass, name));
  RETURN_IF_ERROR(db_.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("DELETE FROM remote_engines WHERE name = ?", name));
    return {};
  }));
  std::error_code error;
  std::filesystem::remove(key_file(name), error);
  if (error) return fail(ErrorCode::kUnavailable, "The key of the engine " + name + " cannot be deleted; it goes at the next start", error.message());
  return {};
}

Result<Sensitive<std::string>> RemoteEngines::key_of(const Pass&, const RemoteRecord& record) {
  std::error_code ignored;
  if (!std::filesystem::exists(key_file(record.name), ignored)) return Sensitive<std::string>();
  ASSIGN_OR_RETURN(auto key, store::read_file(key_file(record.name), kMaxKey));
  return Sensitive<std::string>(std::move(key));
}

}  // namespace siyu::serving
