// Responses that are kept, so that a conversation can go on from them and a client can come back for them. What they hold
// is the API's own JSON, opaque here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "identity/pass.h"
#include "store/database.h"

namespace siyu::chat {

struct StoredResponse {
  std::string id;
  std::string previous;  ///< the response it goes on from; empty: it begins a conversation
  std::string input;     ///< its own input items
  std::string body;      ///< the response object
  bool ended = true;     ///< false: made in the background, and not done yet
  Timestamp created_at;
};

std::vector<store::Migration> response_migrations();

/// Thread-safe. Everyone sees their own only; a user's go with the user.
class ResponseStore {
 public:
  static constexpr auto kKeep = std::chrono::days(30);
  static constexpr int kMaxPerOwner = 10'000;  ///< the oldest go first
  static constexpr std::size_t kMaxTurns = 200;

  /// One that a stop or a kill interrupted stays as it is, not ended.
  static Result<std::unique_ptr<ResponseStore>> open(store::Database& db, const Clock& clock);

  /// Adds it, or replaces what was saved of it.
  Status save(const Pass& pass, const StoredResponse& response);
  Result<StoredResponse> get(const Pass& pass, const std::string& id);
  /// The conversation up to and with this response, oldest first.
  Result<std::vector<StoredResponse>> conversation(const Pass& pass, const std::string& id);
  Status remove(const Pass& pass, const std::string& id);
  /// Forgets what is older than kKeep.
  Status purge();

 private:
  ResponseStore(store::Database& db, const Clock& clock) : db_(db), clock_(clock) {}
  store::Database& db_;
  const Clock& clock_;
};

}  // namespace siyu::chat
