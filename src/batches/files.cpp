#include "batches/files.h"

#include <set>

#include "store/blobs.h"

namespace siyu::batches {
namespace {

constexpr std::string_view kColumns = "id, filename, purpose, place, bytes, created_at, expires_at";
constexpr std::size_t kMaxFilename = 512;

File to_file(const store::Row& row) {
  File file{.id = row.text(0), .filename = row.text(1), .purpose = row.text(2), .place = row.text(3), .bytes = static_cast<std::uint64_t>(row.integer(4)),
            .created_at = row.time(5), .expires_at = {}};
  if (!row.is_null(6)) file.expires_at = row.time(6);
  return file;
}

std::unexpected<Error> no_such_file(const std::string& id) { return not_found("There is no file " + id.substr(0, 64) + " of yours"); }

}  // namespace

std::vector<store::Migration> migrations() {
  return {{.number = 131, .name = "files and batches", .sql = R"sql(
CREATE TABLE api_files (id TEXT PRIMARY KEY, owner TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE, filename TEXT NOT NULL, purpose TEXT NOT NULL,
  place TEXT NOT NULL, bytes INTEGER NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER);
CREATE INDEX api_files_owner ON api_files(owner, created_at);
CREATE TABLE api_batches (id TEXT PRIMARY KEY, owner TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE, input_file TEXT NOT NULL, ended INTEGER NOT NULL,
  record TEXT NOT NULL, created_at INTEGER NOT NULL);
CREATE INDEX api_batches_owner ON api_batches(owner, created_at);
)sql"}};
}

Result<std::unique_ptr<Files>> Files::open(store::Database& db, std::filesystem::path dir, const Clock& clock, Random& random) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (!error) std::filesystem::permissions(dir, std::filesystem::perms::owner_all, error);
  if (error) return fail(ErrorCode::kUnavailable, "The folder " + dir.string() + " cannot be made; check the data folder's permissions", error.message());
  std::unique_ptr<Files> files(new Files(db, std::move(dir), clock, random));
  RETURN_IF_ERROR(files->purge());
  RETURN_IF_ERROR(files->sweep());
  return files;
}

Status Files::sweep() {
  std::set<std::string> known;
  std::set<std::string> running;
  RETURN_IF_ERROR(db_.read([&](store::Transaction& tx) -> Status {
    ASSIGN_OR_RETURN(const auto places, tx.query("SELECT place FROM api_files"));
    for (const auto& row : places) known.insert(row.text(0));
    ASSIGN_OR_RETURN(const auto batches, tx.query("SELECT id FROM api_batches WHERE ended = 0"));
    for (const auto& row : batches) running.insert(row.text(0));
    return {};
  }));
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(dir_, error)) {
    const auto name = entry.path().filename().string();
    // A batch's results are named by its id until it has ended.
    if (!known.contains(name) && !running.contains(name.substr(0, name.find('.')))) std::filesystem::remove(entry.path(), error);
  }
  return {};
}

Result<File> Files::add(const Pass& pass, const NewFile& fresh, const std::filesystem::path& content) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(content, error);
  if (error) return internal("The upload could not be read back", error.message());
  if (bytes == 0) return invalid_field("file", "is empty");
  if (bytes > kMaxBytes) return fail(ErrorCode::kTooLarge, "A file may have at most 200 MiB; split it");
  if (fresh.filename.empty() || fresh.filename.size() > kMaxFilename) return invalid_field("file", "needs a name of at most 512 characters");
  File file{.id = new_id_text("file", clock_, random_), .filename = fresh.filename, .purpose = "batch", .place = {}, .bytes = bytes, .created_at = clock_.now(), .expires_at = {}};
  file.place = file.id;
  if (fresh.expires_after) file.expires_at = file.created_at + *fresh.expires_after;
  // The content first: a row without it would fail later, content without a row goes at the next start.
  std::filesystem::rename(content, path_of(file.place), error);
  if (error) return fail(ErrorCode::kStorageFull, "The file could not be kept; is there room on the server's disk?", error.message());
  RETURN_IF_ERROR(store::sync_directory(dir_));
  const auto written = db_.write([&](store::Transaction& tx) -> Status {
    ASSIGN_OR_RETURN(const auto sums, tx.query("SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM api_files WHERE owner = ?", pass.principal().user));
    if (sums[0].integer(0) >= kMaxOwnerFiles || static_cast<std::uint64_t>(sums[0].integer(1)) + bytes > kMaxOwnerBytes)
      return fail(ErrorCode::kResourceExhausted, "Your files have reached the limit of 10,000 files or 20 GiB; delete some first");
    RETURN_IF_ERROR(tx.execute("INSERT INTO api_files (id, owner, filename, purpose, place, bytes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", file.id,
                               pass.principal().user, file.filename, file.purpose, file.place, static_cast<std::int64_t>(file.bytes), file.created_at, file.expires_at));
    return {};
  });
  if (!written) {
    std::filesystem::remove(path_of(file.place), error);
    return std::unexpected(written.error());
  }
  return file;
}

Result<FilePage> Files::list(const Pass& pass, const FileQuery& query) {
  return db_.read([&](store::Transaction& tx) -> Result<FilePage> {
    // Ids grow with time, so that they are the order.
    const std::string compare = query.newest_first ? "<" : ">", order = query.newest_first ? "DESC" : "ASC";
    ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT " + std::string(kColumns) + " FROM api_files WHERE owner = ? AND (? = '' OR purpose = ?) AND (? = '' OR id " + compare +
                                                   " ?) ORDER BY id " + order + " LIMIT ?",
                                               pass.principal().user, query.purpose, query.purpose, query.after, query.after, static_cast<std::int64_t>(query.limit + 1)));
    FilePage page{.files = {}, .more = rows.size() > query.limit};
    for (const auto& row : rows)
      if (page.files.size() < query.limit) page.files.push_back(to_file(row));
    return page;
  });
}

Result<File> Files::get(const Pass& pass, const std::string& id) {
  ASSIGN_OR_RETURN(const auto rows, db_.read([&](store::Transaction& tx) {
    return tx.query("SELECT " + std::string(kColumns) + " FROM api_files WHERE id = ? AND owner = ?", id, pass.principal().user);
  }));
  if (rows.empty()) return no_such_file(id);
  return to_file(rows[0]);
}

Status Files::remove(const Pass& pass, const std::string& id) {
  ASSIGN_OR_RETURN(const auto file, get(pass, id));
  RETURN_IF_ERROR(db_.write([&](store::Transaction& tx) -> Status {
    ASSIGN_OR_RETURN(const auto used, tx.query("SELECT id FROM api_batches WHERE input_file = ? AND ended = 0", id));
    if (!used.empty()) return fail(ErrorCode::kConflict, "The file " + id + " is being read by " + used[0].text(0) + "; cancel that first");
    RETURN_IF_ERROR(tx.execute("DELETE FROM api_files WHERE id = ?", id));
    return {};
  }));
  std::error_code error;
  std::filesystem::remove(path_of(file.place), error);
  if (error) return fail(ErrorCode::kUnavailable, "The content of " + id + " cannot be deleted; it goes at the next start", error.message());
  return {};
}

Status Files::purge() {
  std::vector<std::string> places;
  RETURN_IF_ERROR(db_.write([&](store::Transaction& tx) -> Status {
    ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT id, place FROM api_files WHERE expires_at < ? AND id NOT IN (SELECT input_file FROM api_batches WHERE ended = 0)", clock_.now()));
    for (const auto& row : rows) {
      places.push_back(row.text(1));
      RETURN_IF_ERROR(tx.execute("DELETE FROM api_files WHERE id = ?", row.text(0)));
    }
    return {};
  }));
  std::error_code ignored;  // what stays goes at the next start
  for (const auto& place : places) std::filesystem::remove(path_of(place), ignored);
  return {};
}

}  // namespace siyu::batches
