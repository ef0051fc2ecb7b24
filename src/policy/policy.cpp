#include "policy/policy.h"

#include "base/json.h"

namespace siyu::policy {
namespace {

struct Rule {
  Permission permission;
  Role least;   ///< this role and those above it
  bool change;  ///< synced to disk before it is allowed
};

// The whole table of rights. Roles from low to high: reader, editor, admin.
constexpr Rule kRules[] = {
    {Permission::kModelRead, Role::kReader, false},
    {Permission::kInfer, Role::kReader, false},
    {Permission::kKnowledgeRead, Role::kReader, false},
    {Permission::kSystemRead, Role::kReader, false},
    {Permission::kKeyManageOwn, Role::kReader, true},
    {Permission::kKnowledgeWrite, Role::kEditor, true},
    {Permission::kKnowledgeManage, Role::kEditor, true},
    {Permission::kModelManage, Role::kAdmin, true},
    {Permission::kUserManage, Role::kAdmin, true},
    {Permission::kKeyManageAll, Role::kAdmin, true},
    {Permission::kAuditRead, Role::kAdmin, false},
    {Permission::kSystemManage, Role::kAdmin, true},
};

const Rule& rule_of(Permission permission) {
  for (const auto& rule : kRules)
    if (rule.permission == permission) return rule;
  static constexpr Rule kClosed{Permission::kSystemManage, Role::kAdmin, true};  // a permission without a rule fails closed
  return kClosed;
}

int rank(Role role) { return role == Role::kAdmin ? 2 : role == Role::kEditor ? 1 : 0; }

}  // namespace

bool allows(Role role, Permission permission) { return rank(role) >= rank(rule_of(permission).least); }
bool is_change(Permission permission) { return rule_of(permission).change; }

Result<Pass> Policy::obtain(const Principal& principal, Permission permission, const Access& access) {
  const auto& rule = rule_of(permission);
  const bool allowed = allows(principal.role, permission);
  if (!access.action.empty() || !allowed) {
    RETURN_IF_ERROR(log_.append({.actor = principal.username, .action = std::string(access.action), .resource = access.resource,
                                 .outcome = allowed ? "allowed" : "denied", .detail = principal.key ? "key " + principal.key->str() : "", .request = access.request},
                                allowed && rule.change ? audit::Durability::kNow : audit::Durability::kSoon));
  }
  if (!allowed) {
    return fail(ErrorCode::kPermissionDenied, "This needs the role " + enum_spelling(boost::describe::enum_to_string(rule.least, "")) +
                                                  "; ask an administrator");
  }
  return Pass(principal, permission, access.request);
}

Result<Pass> Policy::obtain_own(const Principal& principal, const Access& access) {
  if (!access.action.empty()) RETURN_IF_ERROR(record(principal.username, access, "allowed"));
  return Pass(principal, Permission::kSystemRead, access.request);
}

Result<Pass> Policy::internal(std::string_view reason) {
  RETURN_IF_ERROR(log_.append({.actor = "system", .action = "internal", .resource = "server", .outcome = "allowed", .detail = std::string(reason)}));
  return Pass({.user = UserId("system"), .username = "system", .role = Role::kAdmin}, Permission::kSystemManage, "");
}

Status Policy::record(std::string_view actor, const Access& access, std::string_view outcome) {
  return log_.append({.actor = std::string(actor), .action = std::string(access.action), .resource = access.resource, .outcome = std::string(outcome),
                      .detail = {}, .request = access.request});
}

}  // namespace siyu::policy
