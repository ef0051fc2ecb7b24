// Sessions of the revisions that have a handshake: whose they are, what was agreed, and what is under way in them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "identity/principal.h"
#include "mcp/message.h"
#include "mcp/revision.h"

namespace siyu::mcp {

constexpr std::size_t kMaxSessions = 10'000;         // a session is some hundred bytes
constexpr std::size_t kMaxSessionsOfUser = 200;      // a user's oldest idle one makes room for the next
constexpr std::size_t kMaxUnderWay = 64;             // cancellable requests kept per session
constexpr auto kSessionIdle = std::chrono::hours(8); // a desktop client left open over a working day

/// Something that can be told to stop.
class Cancellable {
 public:
  virtual ~Cancellable() = default;
  virtual void cancel() noexcept = 0;
};

/// Thread-safe. Nothing is kept on disk: after a restart clients begin a new session, as the protocol has it.
class Sessions {
 public:
  Sessions(const Clock& clock, Random& random) : clock_(clock), random_(random) {}

  /// The new session's id: 128 random bits, visible ASCII.
  std::string open(const UserId& user, Revision revision);
  /// Nothing when it does not exist, has ended, or is another user's.
  std::optional<Revision> find(const std::string& id, const UserId& user);
  bool close(const std::string& id, const UserId& user);
  std::size_t size() const;

  /// Remembers what is under way, so that a `notifications/cancelled` can find it. It is not kept alive by this.
  void begin(const std::string& session, const RequestId& request, const std::shared_ptr<Cancellable>& work);
  /// Stops it, if it is still under way in this session.
  void cancel(const std::string& session, const RequestId& request);

 private:
  struct Session {
    UserId user;
    Revision revision;
    SteadyTime last_used;
    std::map<RequestId, std::weak_ptr<Cancellable>> under_way;
  };
  void make_room(const UserId& user);

  const Clock& clock_;
  Random& random_;
  mutable std::mutex mu_;
  std::map<std::string, Session> sessions_;
};

}  // namespace siyu::mcp
