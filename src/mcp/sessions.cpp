#include "mcp/sessions.h"

#include <array>

#include "base/bytes.h"

namespace siyu::mcp {

std::string Sessions::open(const UserId& user, Revision revision) {
  std::array<std::byte, 16> bytes{};
  random_.fill(bytes);
  const auto id = to_hex(bytes);
  const std::lock_guard lock(mu_);
  make_room(user);
  sessions_[id] = {.user = user, .revision = revision, .last_used = clock_.steady_now(), .under_way = {}};
  return id;
}

/// Drops what has been idle too long, then the user's (or, in a crowd, anyone's) longest idle one.
void Sessions::make_room(const UserId& user) {
  const auto now = clock_.steady_now();
  std::erase_if(sessions_, [&](const auto& entry) { return now - entry.second.last_used > kSessionIdle; });
  std::size_t own = 0;
  auto oldest = sessions_.end(), oldest_own = sessions_.end();
  for (auto at = sessions_.begin(); at != sessions_.end(); ++at) {
    if (oldest == sessions_.end() || at->second.last_used < oldest->second.last_used) oldest = at;
    if (at->second.user != user) continue;
    ++own;
    if (oldest_own == sessions_.end() || at->second.last_used < oldest_own->second.last_used) oldest_own = at;
  }
  if (own >= kMaxSessionsOfUser) sessions_.erase(oldest_own);
  else if (sessions_.size() >= kMaxSessions) sessions_.erase(oldest);
}

std::optional<Revision> Sessions::find(const std::string& id, const UserId& user) {
  const std::lock_guard lock(mu_);
  const auto found = sessions_.find(id);
  if (found == sessions_.end() || found->second.user != user) return std::nullopt;
  const auto now = clock_.steady_now();
  if (now - found->second.last_used > kSessionIdle) {
    sessions_.erase(found);
    return std::nullopt;
  }
  found->second.last_used = now;
  return found->second.revision;
}

bool Sessions::close(const std::string& id, const UserId& user) {
  const std::lock_guard lock(mu_);
  const auto found = sessions_.find(id);
  if (found == sessions_.end() || found->second.user != user) return false;
  sessions_.erase(found);
  return true;
}

std::size_t Sessions::size() const {
  const std::lock_guard lock(mu_);
  return sessions_.size();
}

void Sessions::begin(const std::string& session, const RequestId& request, const std::shared_ptr<Cancellable>& work) {
  const std::lock_guard lock(mu_);
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  auto& under_way = found->second.under_way;
  std::erase_if(under_way, [](const auto& entry) { return entry.second.expired(); });
  if (under_way.size() < kMaxUnderWay) under_way[request] = work;
}

void Sessions::cancel(const std::string& session, const RequestId& request) {
  std::shared_ptr<Cancellable> work;
  {
    const std::lock_guard lock(mu_);
    const auto found = sessions_.find(session);
    if (found == sessions_.end()) return;
    const auto entry = found->second.under_way.find(request);
    if (entry == found->second.under_way.end()) return;
    work = entry->second.lock();
    found->second.under_way.erase(entry);
  }
  if (work) work->cancel();
}

}  // namespace siyu::mcp
