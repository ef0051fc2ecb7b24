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
  std::string request = {};  ///< as it came, while a restart is to begin it anew; empty: it is not
  ApiKeyId key = {};         ///< that it came with; empty: a console session
};

/// One that a stop or a kill interrupted.
struct InterruptedResponse {
  UserId owner;
  StoredResponse response;
  bool given_up = false;  ///< it was begun too often, or too long ago
};

std::vector<store::Migration> response_migrations();

/// Thread-safe. Everyone sees their own only; a user's go with the user.
class ResponseStore {
 public:
  static constexpr auto kKeep = std::chrono::days(30);
  static constexpr int kMaxPerOwner = 10'000;  ///< the oldest go first
  static constexpr std::size_t kMaxTurns = 200;
  static constexpr int kMaxBegun = 3;                             ///< times, of one response
  static constexpr auto kBeginAgainWithin = std::chrono::hours(24);  ///< of its request

  /// One that a stop or a kill interrupted stays as it is, not ended.
  static Result<std::unique_ptr<ResponseStore>> open(store::Database& db, const Clock& clock);

  /// Adds it, or replaces what was saved of it.
  Status save(const Pass& pass, const StoredResponse& response) { return save_for(pass.principal().user, response); }
  /// For the server itself, of an interrupted one.
  Status save_for(const UserId& owner, const StoredResponse& response);
  Result<StoredResponse> get(const Pass& pass, const std::string& id);
  /// The conversation up to and with this response, oldest first.
  Result<std::vector<StoredResponse>> conversation(const Pass& pass, const std::string& id);
  Status remove(const Pass& pass, const std::string& id);
  /// Everyone's, for the server itself, which goes on with them after a start; each counts as begun once more.
  Result<std::vector<InterruptedResponse>> take_interrupted();
  /// Forgets what is older than kKeep.
  Status purge();

 private:
  ResponseStore(store::Database& db, const Clock& clock) : db_(db), clock_(clock) {}
  store::Database& db_;
  const Clock& clock_;
};

}  // namespace siyu::chat
