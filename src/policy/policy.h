// Who may do what. Every decision is an audit entry.
#pragma once

#include <string>
#include <string_view>

#include "audit/audit_log.h"
#include "base/result.h"
#include "identity/pass.h"

namespace siyu::policy {

/// What an access is about, for the audit log.
struct Access {
  std::string_view action;        ///< such as document.create
  std::string resource;           ///< such as knowledge-base/handbook
  std::string request;            ///< request id
};

bool allows(Role role, Permission permission);
/// Changes are on disk in the audit log before they happen; reads within a second.
bool is_change(Permission permission);

/// Thread-safe.
class Policy {
 public:
  explicit Policy(audit::AuditLog& log) : log_(log) {}

  /// A pass, or kPermissionDenied naming the role that is needed; both leave an audit entry. When the entry cannot be
  /// written, nothing is allowed.
  Result<Pass> obtain(const Principal& principal, Permission permission, const Access& access);
  /// For any signed-in caller, about themselves; `action` may be empty for reads that leave no entry.
  Result<Pass> obtain_own(const Principal& principal, const Access& access);
  /// For work the server does by itself. The reason goes into the audit log.
  Result<Pass> internal(std::string_view reason);
  /// An access without a caller, such as a failed sign-in.
  Status record(std::string_view actor, const Access& access, std::string_view outcome);

 private:
  audit::AuditLog& log_;
};

}  // namespace siyu::policy
