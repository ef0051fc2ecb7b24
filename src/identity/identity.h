// Users, API keys and console sessions.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "identity/pass.h"
#include "store/database.h"

namespace siyu::identity {

struct User {
  UserId id;
  std::string username;
  Role role = Role::kReader;
  Timestamp created_at;
};

struct ApiKey {
  ApiKeyId id;
  std::string name;
  std::string prefix;  ///< the visible beginning of the secret
  std::string owner;
  Timestamp created_at;
  std::optional<Timestamp> last_used_at, expires_at;
};

struct CreatedKey {
  ApiKey key;
  std::string secret;  ///< shown once; only its hash is kept
};

struct SignedIn {
  Principal principal;
  std::string token;  ///< the cookie's value
  Timestamp expires_at;
};

std::vector<store::Migration> migrations();

/// Thread-safe.
class Identity {
 public:
  static Result<std::unique_ptr<Identity>> open(store::Database& db, const Clock& clock, Random& random);
  ~Identity();

  /// On a fresh installation: makes the user `admin` with a random password and key, and writes both to
  /// DIR/initial-admin.json (0600). Repeats itself when an earlier start was killed in between.
  Status ensure_admin(const std::filesystem::path& data_dir);

  /// An API key's owner. A cached answer costs a microsecond; revoking empties the cache.
  Result<Principal> authenticate_key(std::string_view secret);
  /// A user as they are now, for work done in their name later; kUnauthenticated when they, or the key it came with, are gone.
  Result<Principal> principal_of(const UserId& user, const std::optional<ApiKeyId>& key);
  /// The same from memory alone, without waiting; nothing when the key is not there, or its use has to be recorded.
  std::optional<Principal> known_key(std::string_view secret);
  Result<Principal> authenticate_session(std::string_view token);
  /// Five failures in a row lock a name for a minute, doubling up to an hour.
  Result<SignedIn> sign_in(const std::string& username, const std::string& password);
  Status sign_out(std::string_view token);

  Result<std::vector<User>> list_users(const Pass& pass);
  Result<User> create_user(const Pass& pass, const std::string& username, Role role, const std::string& password);
  Status delete_user(const Pass& pass, const std::string& username);
  /// Own password with the current one; another's when `may_set_any`. Ends the user's sessions.
  Status set_password(const Pass& pass, const std::string& username, const std::string& password, const std::optional<std::string>& current,
                      bool may_set_any);

  Result<std::vector<ApiKey>> list_keys(const Pass& pass, bool all);
  Result<CreatedKey> create_key(const Pass& pass, const std::string& name, std::optional<int> expires_in_days);
  Status revoke_key(const Pass& pass, const ApiKeyId& key, bool may_revoke_any);

 private:
  struct Impl;
  explicit Identity(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace siyu::identity
