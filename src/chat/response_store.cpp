#include "chat/response_store.h"

#include <algorithm>

namespace siyu::chat {
namespace {

constexpr std::string_view kColumns = "id, previous, input, body, ended, created_at, request, key";

StoredResponse to_response(const store::Row& row) {
  return {.id = row.text(0), .previous = row.text(1), .input = row.text(2), .body = row.text(3), .ended = row.integer(4) != 0, .created_at = row.time(5),
          .request = row.text(6), .key = ApiKeyId(row.text(7))};
}

Result<StoredResponse> find(store::Transaction& tx, const Pass& pass, const std::string& id) {
  ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT " + std::string(kColumns) + " FROM api_responses WHERE id = ? AND owner = ?", id, pass.principal().user));
  if (rows.empty()) return not_found("There is no response " + id.substr(0, 64) + " of yours; it was not stored, was deleted, or is older than 30 days");
  return to_response(rows[0]);
}

}  // namespace

std::vector<store::Migration> response_migrations() {
  return {{.number = 130, .name = "stored responses", .sql = R"sql(
CREATE TABLE api_responses (id TEXT PRIMARY KEY, owner TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE, previous TEXT NOT NULL,
  input TEXT NOT NULL, body TEXT NOT NULL, ended INTEGER NOT NULL, created_at INTEGER NOT NULL);
CREATE INDEX api_responses_owner ON api_responses(owner, created_at);
CREATE INDEX api_responses_age ON api_responses(created_at);
)sql"},
          {.number = 135, .name = "responses that begin anew", .sql = R"sql(
ALTER TABLE api_responses ADD COLUMN request TEXT NOT NULL DEFAULT '';
ALTER TABLE api_responses ADD COLUMN key TEXT NOT NULL DEFAULT '';
ALTER TABLE api_responses ADD COLUMN begun INTEGER NOT NULL DEFAULT 1;
)sql"}};
}

Result<std::unique_ptr<ResponseStore>> ResponseStore::open(store::Database& db, const Clock& clock) {
  std::unique_ptr<ResponseStore> store(new ResponseStore(db, clock));
  RETURN_IF_ERROR(store->purge());
  return store;
}

Status ResponseStore::save_for(const UserId& owner, const StoredResponse& response) {
  return db_.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("INSERT INTO api_responses (id, owner, previous, input, body, ended, created_at, request, key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
                               "ON CONFLICT(id) DO UPDATE SET body = excluded.body, ended = excluded.ended, request = excluded.request",
                               response.id, owner, response.previous, response.input, response.body, response.ended, response.created_at, response.request,
                               response.key));
    RETURN_IF_ERROR(tx.execute("DELETE FROM api_responses WHERE id IN (SELECT id FROM api_responses WHERE owner = ? ORDER BY created_at DESC LIMIT -1 OFFSET ?)",
                               owner, kMaxPerOwner));
    return {};
  });
}

Result<StoredResponse> ResponseStore::get(const Pass& pass, const std::string& id) {
  return db_.read([&](store::Transaction& tx) { return find(tx, pass, id); });
}

Result<std::vector<StoredResponse>> ResponseStore::conversation(const Pass& pass, const std::string& id) {
  return db_.read([&](store::Transaction& tx) -> Result<std::vector<StoredResponse>> {
    std::vector<StoredResponse> turns;
    for (std::string next = id; !next.empty(); next = turns.back().previous) {
      if (turns.size() == kMaxTurns) return invalid("The conversation has more than " + std::to_string(kMaxTurns) + " turns; begin a new one with a summary of it");
      ASSIGN_OR_RETURN(auto turn, find(tx, pass, next));
      turns.push_back(std::move(turn));
    }
    std::ranges::reverse(turns);
    return turns;
  });
}

Status ResponseStore::remove(const Pass& pass, const std::string& id) {
  return db_.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(find(tx, pass, id));
    RETURN_IF_ERROR(tx.execute("DELETE FROM api_responses WHERE id = ?", id));
    return {};
  });
}

Result<std::vector<InterruptedResponse>> ResponseStore::take_interrupted() {
  return db_.write([&](store::Transaction& tx) -> Result<std::vector<InterruptedResponse>> {
    ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT " + std::string(kColumns) + ", owner, begun FROM api_responses WHERE ended = 0 AND request <> '' ORDER BY created_at"));
    std::vector<InterruptedResponse> all;
    for (const auto& row : rows) {
      InterruptedResponse one{.owner = UserId(row.text(8)), .response = to_response(row)};
      one.given_up = row.integer(9) >= kMaxBegun || one.response.created_at < clock_.now() - kBeginAgainWithin;
      all.push_back(std::move(one));
    }
    RETURN_IF_ERROR(tx.execute("UPDATE api_responses SET begun = begun + 1 WHERE ended = 0 AND request <> ''"));
    return all;
  });
}

Status ResponseStore::purge() {
  return db_.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("DELETE FROM api_responses WHERE created_at < ?", clock_.now() - kKeep));
    return {};
  });
}

}  // namespace siyu::chat
