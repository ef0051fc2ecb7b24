#include "identity/identity.h"

#include <mutex>
#include <unordered_map>

#include "base/json.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/password.h"
#include "store/blobs.h"

namespace siyu::identity {
namespace {

constexpr std::size_t kMinPassword = 8;  // GB/T 22239-2019 asks for complexity; length is what resists guessing
constexpr std::size_t kMaxPassword = 256;
constexpr std::size_t kMaxName = 64;
constexpr std::size_t kSecretLength = 40;    // 238 random bits
constexpr std::size_t kVisiblePrefix = 7;    // "sk-" and four characters
constexpr std::size_t kMaxCachedKeys = 10'000;
constexpr auto kSessionIdle = std::chrono::hours(2);
constexpr auto kSessionLifetime = std::chrono::hours(12);
constexpr auto kTouchEvery = std::chrono::minutes(1);  // last use is recorded this coarsely, to keep requests from writing
constexpr int kFailuresBeforeLock = 5;
constexpr std::size_t kMaxLockEntries = 10'000;

struct InitialAdmin {
  std::string username, password, api_key;
};
BOOST_DESCRIBE_STRUCT(InitialAdmin, (), (username, password, api_key))

Role role_from(const std::string& text) { return text == "admin" ? Role::kAdmin : text == "editor" ? Role::kEditor : Role::kReader; }
std::string role_text(Role role) { return enum_spelling(boost::describe::enum_to_string(role, "kReader")); }

Status check_username(std::string_view username) {
  const bool plain = std::ranges::all_of(username, [](unsigned char c) { return c > 0x20 && c != 0x7f && c != '/' && c != '"'; });
  if (username.empty() || username.size() > kMaxName || !plain || !is_valid_utf8(username))
    return invalid("A user name has 1 to 64 bytes, without spaces, slashes or quotes");
  return {};
}

Status check_password(std::string_view password) {
  if (password.size() < kMinPassword || password.size() > kMaxPassword) return invalid("A password has 8 to 256 bytes");
  return {};
}

std::unexpected<Error> bad_key() { return fail(ErrorCode::kUnauthenticated, "The API key is not valid; it may have been revoked or have expired"); }
std::unexpected<Error> bad_session() { return fail(ErrorCode::kUnauthenticated, "The session has ended; sign in again"); }

}  // namespace

std::vector<store::Migration> migrations() {
  return {{.number = 1, .name = "identity", .sql = R"sql(
CREATE TABLE users (id TEXT PRIMARY KEY, username TEXT NOT NULL UNIQUE, role TEXT NOT NULL, password TEXT NOT NULL, created_at INTEGER NOT NULL);
CREATE TABLE api_keys (id TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE, name TEXT NOT NULL,
  prefix TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL, last_used_at INTEGER, expires_at INTEGER);
CREATE INDEX api_keys_user ON api_keys(user_id);
CREATE TABLE sessions (hash TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE, csrf TEXT NOT NULL,
  created_at INTEGER NOT NULL, used_at INTEGER NOT NULL);
CREATE INDEX sessions_user ON sessions(user_id);
)sql"}};
}

struct Identity::Impl {
  store::Database& db;
  const Clock& clock;
  Random& random;
  std::string decoy_hash;  ///< verified for unknown names, so that they take as long as known ones

  struct Cached {
    Principal principal;
    std::optional<Timestamp> expires_at;
    Timestamp touched;
  };
  struct Lock {
    int failures = 0;
    Timestamp until{};
  };
  std::mutex mu;  // the two below
  std::unordered_map<std::string, Cached> keys;  // by hash
  std::unordered_map<std::string, Lock> locks;   // by user name

  void forget_keys() {
    const std::lock_guard lock(mu);
    keys.clear();
  }

  std::optional<Principal> cached(const std::string& hash, Timestamp now, bool& touch) {
    const std::lock_guard lock(mu);
    const auto found = keys.find(hash);
    if (found == keys.end() || (found->second.expires_at && *found->second.expires_at <= now)) return std::nullopt;
    touch = now - found->second.touched > kTouchEvery;
    if (touch) found->second.touched = now;
    return found->second.principal;
  }

  Status touch_key(const std::string& hash, Timestamp now) {
    return db.write([&](store::Transaction& tx) -> Status {
      RETURN_IF_ERROR(tx.execute("UPDATE api_keys SET last_used_at = ? WHERE hash = ?", now, hash));
      return {};
    });
  }

  Status check_lock(const std::string& username) {
    const std::lock_guard lock(mu);
    const auto found = locks.find(username);
    if (found == locks.end() || found->second.until <= clock.now()) return {};
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(found->second.until - clock.now()).count();
    return fail(ErrorCode::kResourceExhausted, "Too many failed sign-ins for this name; try again in " + std::to_string(seconds) + " seconds");
  }

  void count_failure(const std::string& username) {
    const std::lock_guard lock(mu);
    if (locks.size() >= kMaxLockEntries) locks.clear();  // a flood of made-up names must not fill the memory
    auto& entry = locks[username];
    if (++entry.failures < kFailuresBeforeLock) return;
    const int doublings = std::min(entry.failures - kFailuresBeforeLock, 6);
    entry.until = clock.now() + std::min<Millis>(std::chrono::minutes(1) * (1 << doublings), std::chrono::hours(1));
  }

  Status insert_user(store::Transaction& tx, const User& user, const std::string& password_hash) const {
    RETURN_IF_ERROR(tx.execute("INSERT INTO users VALUES (?, ?, ?, ?, ?)", user.id, user.username, role_text(user.role), password_hash, user.created_at));
    return {};
  }

  Result<CreatedKey> insert_key(store::Transaction& tx, const UserId& user, const std::string& owner, const std::string& name,
                                std::optional<int> expires_in_days) const {
    CreatedKey created{.key = {}, .secret = "sk-" + crypto::random_secret(kSecretLength, random)};
    created.key = {.id = new_id<ApiKeyId>("key", clock, random), .name = name, .prefix = created.secret.substr(0, kVisiblePrefix), .owner = owner,
                   .created_at = clock.now(), .last_used_at = {}, .expires_at = {}};
    if (expires_in_days) created.key.expires_at = clock.now() + std::chrono::hours(24) * *expires_in_days;
    RETURN_IF_ERROR(tx.execute("INSERT INTO api_keys (id, user_id, name, prefix, hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)", created.key.id,
                               user, name, created.key.prefix, crypto::sha256_hex(as_bytes(created.secret)), created.key.created_at, created.key.expires_at));
    return created;
  }
};

Identity::Identity(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Identity::~Identity() = default;

Result<std::unique_ptr<Identity>> Identity::open(store::Database& db, const Clock& clock, Random& random) {
  ASSIGN_OR_RETURN(auto decoy, crypto::hash_password("nobody has this password", random));
  return std::unique_ptr<Identity>(new Identity(std::unique_ptr<Impl>(new Impl{.db = db, .clock = clock, .random = random, .decoy_hash = std::move(decoy)})));
}

Status Identity::ensure_admin(const std::filesystem::path& data_dir) {
  const auto file = data_dir / "initial-admin.json";
  const auto pending = data_dir / "initial-admin.json.pending";
  ASSIGN_OR_RETURN(const auto users, impl_->db.read([](store::Transaction& tx) { return tx.query("SELECT count(*) FROM users"); }));
  std::error_code error;
  if (users[0].integer(0) > 0) {
    // Killed between the commit and the rename: the pending file is the one that agrees with the database.
    if (std::filesystem::exists(pending)) std::filesystem::rename(pending, file, error);
    return {};
  }
  InitialAdmin admin{.username = "admin", .password = crypto::random_secret(20, impl_->random), .api_key = {}};
  ASSIGN_OR_RETURN(const auto hash, crypto::hash_password(admin.password, impl_->random));
  RETURN_IF_ERROR(impl_->db.write([&](store::Transaction& tx) -> Status {
    const User user{.id = new_id<UserId>("usr", impl_->clock, impl_->random), .username = admin.username, .role = Role::kAdmin, .created_at = impl_->clock.now()};
    RETURN_IF_ERROR(impl_->insert_user(tx, user, hash));
    ASSIGN_OR_RETURN(auto key, impl_->insert_key(tx, user.id, user.username, "initial", std::nullopt));
    admin.api_key = key.secret;
    // Inside the transaction: if the file cannot be written, there is no administrator whose password nobody knows.
    return store::write_file_atomically(pending, to_json_text(admin) + "\n", 0600);
  }));
  std::filesystem::rename(pending, file, error);
  if (error) return fail(ErrorCode::kUnavailable, "initial-admin.json cannot be written; check the data folder's permissions", error.message());
  return store::sync_directory(data_dir);
}

Result<Principal> Identity::authenticate_key(std::string_view secret) {
  if (!secret.starts_with("sk-") || secret.size() > 200) return bad_key();
  const auto hash = crypto::sha256_hex(as_bytes(secret));
  const auto now = impl_->clock.now();
  bool touch = false;
  if (auto principal = impl_->cached(hash, now, touch)) {
    if (touch) RETURN_IF_ERROR(impl_->touch_key(hash, now));
    return *principal;
  }
  ASSIGN_OR_RETURN(const auto rows, impl_->db.read([&](store::Transaction& tx) {
    return tx.query("SELECT u.id, u.username, u.role, k.id, k.expires_at FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.hash = ?", hash);
  }));
  if (rows.empty() || (!rows[0].is_null(4) && rows[0].time(4) <= now)) return bad_key();
  Principal principal{.user = UserId(rows[0].text(0)), .username = rows[0].text(1), .role = role_from(rows[0].text(2)), .key = ApiKeyId(rows[0].text(3))};
  RETURN_IF_ERROR(impl_->touch_key(hash, now));
  const std::lock_guard lock(impl_->mu);
  if (impl_->keys.size() >= kMaxCachedKeys) impl_->keys.clear();
  impl_->keys[hash] = {principal, rows[0].is_null(4) ? std::nullopt : std::optional(rows[0].time(4)), now};
  return principal;
}

Result<Principal> Identity::principal_of(const UserId& user, const std::optional<ApiKeyId>& key) {
  return impl_->db.read([&](store::Transaction& tx) -> Result<Principal> {
    ASSIGN_OR_RETURN(const auto users, tx.query("SELECT username, role FROM users WHERE id = ?", user));
    if (users.empty()) return fail(ErrorCode::kUnauthenticated, "The user this was ordered by is gone");
    Principal principal{.user = user, .username = users[0].text(0), .role = role_from(users[0].text(1)), .key = key};
    if (!key) return principal;
    ASSIGN_OR_RETURN(const auto keys, tx.query("SELECT expires_at FROM api_keys WHERE id = ? AND user_id = ?", *key, user));
    if (keys.empty() || (!keys[0].is_null(0) && keys[0].time(0) <= impl_->clock.now()))
      return fail(ErrorCode::kUnauthenticated, "The API key this was ordered with was revoked or has expired");
    return principal;
  });
}

std::optional<Principal> Identity::known_key(std::string_view secret) {
  if (!secret.starts_with("sk-") || secret.size() > 200) return std::nullopt;
  const auto hash = crypto::sha256_hex(as_bytes(secret));
  const auto now = impl_->clock.now();
  const std::lock_guard lock(impl_->mu);
  const auto found = impl_->keys.find(hash);
  if (found == impl_->keys.end()) return std::nullopt;
  const auto& cached = found->second;
  if ((cached.expires_at && *cached.expires_at <= now) || now - cached.touched > kTouchEvery) return std::nullopt;
  return cached.principal;
}

Result<SignedIn> Identity::sign_in(const std::string& username, const std::string& password) {
  if (username.size() > kMaxName || password.size() > kMaxPassword) return fail(ErrorCode::kUnauthenticated, "The user name or the password is wrong");
  RETURN_IF_ERROR(impl_->check_lock(username));
  ASSIGN_OR_RETURN(const auto rows, impl_->db.read([&](store::Transaction& tx) {
    return tx.query("SELECT id, role, password FROM users WHERE username = ?", username);
  }));
  const bool right = crypto::verify_password(password, rows.empty() ? impl_->decoy_hash : rows[0].text(2));
  if (rows.empty() || !right) {
    impl_->count_failure(username);
    return fail(ErrorCode::kUnauthenticated, "The user name or the password is wrong");
  }
  {
    const std::lock_guard lock(impl_->mu);
    impl_->locks.erase(username);
  }
  const auto now = impl_->clock.now();
  SignedIn session{.principal = {.user = UserId(rows[0].text(0)), .username = username, .role = role_from(rows[0].text(1))},
                   .token = crypto::random_secret(kSecretLength, impl_->random), .expires_at = now + kSessionLifetime};
  session.principal.csrf = crypto::random_secret(kSecretLength, impl_->random);
  RETURN_IF_ERROR(impl_->db.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("DELETE FROM sessions WHERE used_at < ? OR created_at < ?", now - kSessionIdle, now - kSessionLifetime));
    RETURN_IF_ERROR(tx.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", crypto::sha256_hex(as_bytes(session.token)), session.principal.user,
                               *session.principal.csrf, now, now));
    return {};
  }));
  return session;
}

Result<Principal> Identity::authenticate_session(std::string_view token) {
  const auto hash = crypto::sha256_hex(as_bytes(token));
  ASSIGN_OR_RETURN(const auto rows, impl_->db.read([&](store::Transaction& tx) {
    return tx.query("SELECT u.id, u.username, u.role, s.csrf, s.created_at, s.used_at FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.hash = ?", hash);
  }));
  const auto now = impl_->clock.now();
  if (rows.empty() || rows[0].time(4) + kSessionLifetime <= now || rows[0].time(5) + kSessionIdle <= now) return bad_session();
  if (now - rows[0].time(5) > kTouchEvery) {
    RETURN_IF_ERROR(impl_->db.write([&](store::Transaction& tx) -> Status {
      RETURN_IF_ERROR(tx.execute("UPDATE sessions SET used_at = ? WHERE hash = ?", now, hash));
      return {};
    }));
  }
  return Principal{.user = UserId(rows[0].text(0)), .username = rows[0].text(1), .role = role_from(rows[0].text(2)), .key = {}, .csrf = rows[0].text(3)};
}

Status Identity::sign_out(std::string_view token) {
  return impl_->db.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("DELETE FROM sessions WHERE hash = ?", crypto::sha256_hex(as_bytes(token))));
    return {};
  });
}

Result<std::vector<User>> Identity::list_users(const Pass&) {
  ASSIGN_OR_RETURN(const auto rows, impl_->db.read([](store::Transaction& tx) {
    return tx.query("SELECT id, username, role, created_at FROM users ORDER BY username");
  }));
  std::vector<User> users;
  for (const auto& row : rows)
    users.push_back({.id = UserId(row.text(0)), .username = row.text(1), .role = role_from(row.text(2)), .created_at = row.time(3)});
  return users;
}

Result<User> Identity::create_user(const Pass&, const std::string& username, Role role, const std::string& password) {
  RETURN_IF_ERROR(check_username(username));
  RETURN_IF_ERROR(check_password(password));
  ASSIGN_OR_RETURN(const auto hash, crypto::hash_password(password, impl_->random));
  const User user{.id = new_id<UserId>("usr", impl_->clock, impl_->random), .username = username, .role = role, .created_at = impl_->clock.now()};
  auto status = impl_->db.write([&](store::Transaction& tx) { return impl_->insert_user(tx, user, hash); });
  if (!status && status.error().code == ErrorCode::kAlreadyExists) return fail(ErrorCode::kAlreadyExists, "A user named " + username + " exists already");
  RETURN_IF_ERROR(status);
  return user;
}

Status Identity::delete_user(const Pass&, const std::string& username) {
  auto status = impl_->db.write([&](store::Transaction& tx) -> Status {
    ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT role FROM users WHERE username = ?", username));
    if (rows.empty()) return not_found("There is no user named " + username);
    ASSIGN_OR_RETURN(const auto admins, tx.query("SELECT count(*) FROM users WHERE role = 'admin'"));
    if (rows[0].text(0) == "admin" && admins[0].integer(0) == 1)
      return fail(ErrorCode::kConflict, username + " is the only administrator; make another one first");
    RETURN_IF_ERROR(tx.execute("DELETE FROM users WHERE username = ?", username));
    return {};
  });
  impl_->forget_keys();
  return status;
}

Status Identity::set_password(const Pass& pass, const std::string& username, const std::string& password, const std::optional<std::string>& current,
                              bool may_set_any) {
  RETURN_IF_ERROR(check_password(password));
  const bool own = pass.principal().username == username;
  if (!own && !may_set_any) return fail(ErrorCode::kPermissionDenied, "Only an administrator may change another user's password");
  ASSIGN_OR_RETURN(const auto rows, impl_->db.read([&](store::Transaction& tx) { return tx.query("SELECT password FROM users WHERE username = ?", username); }));
  if (rows.empty()) return not_found("There is no user named " + username);
  if (own) {
    RETURN_IF_ERROR(impl_->check_lock(username));
    if (!current || !crypto::verify_password(*current, rows[0].text(0))) {
      impl_->count_failure(username);
      return fail(ErrorCode::kPermissionDenied, "The current password is wrong");
    }
  }
  ASSIGN_OR_RETURN(const auto hash, crypto::hash_password(password, impl_->random));
  return impl_->db.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("UPDATE users SET password = ? WHERE username = ?", hash, username));
    RETURN_IF_ERROR(tx.execute("DELETE FROM sessions WHERE user_id = (SELECT id FROM users WHERE username = ?)", username));
    return {};
  });
}

Result<std::vector<ApiKey>> Identity::list_keys(const Pass& pass, bool all) {
  ASSIGN_OR_RETURN(const auto rows, impl_->db.read([&](store::Transaction& tx) {
    return tx.query("SELECT k.id, k.name, k.prefix, u.username, k.created_at, k.last_used_at, k.expires_at FROM api_keys k "
                    "JOIN users u ON u.id = k.user_id WHERE ? OR u.id = ? ORDER BY k.created_at DESC, k.id DESC",
                    all, pass.principal().user);
  }));
  std::vector<ApiKey> keys;
  for (const auto& row : rows) {
    ApiKey key{.id = ApiKeyId(row.text(0)), .name = row.text(1), .prefix = row.text(2), .owner = row.text(3), .created_at = row.time(4), .last_used_at = {}, .expires_at = {}};
    if (!row.is_null(5)) key.last_used_at = row.time(5);
    if (!row.is_null(6)) key.expires_at = row.time(6);
    keys.push_back(std::move(key));
  }
  return keys;
}

Result<CreatedKey> Identity::create_key(const Pass& pass, const std::string& name, std::optional<int> expires_in_days) {
  if (name.empty() || name.size() > kMaxName || !is_valid_utf8(name)) return invalid("A key's name has 1 to 64 bytes");
  if (expires_in_days && (*expires_in_days < 1 || *expires_in_days > 3650)) return invalid("`expires_in_days` must be from 1 to 3650");
  return impl_->db.write([&](store::Transaction& tx) {
    return impl_->insert_key(tx, pass.principal().user, pass.principal().username, name, expires_in_days);
  });
}

Status Identity::revoke_key(const Pass& pass, const ApiKeyId& key, bool may_revoke_any) {
  auto status = impl_->db.write([&](store::Transaction& tx) -> Status {
    ASSIGN_OR_RETURN(const auto removed, tx.execute("DELETE FROM api_keys WHERE id = ? AND (? OR user_id = ?)", key, may_revoke_any, pass.principal().user));
    if (removed == 0) return not_found("There is no key " + key.str() + " of yours");
    return {};
  });
  impl_->forget_keys();
  return status;
}

}  // namespace siyu::identity
