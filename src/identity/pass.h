// A Pass proves that someone was allowed something, and that the audit log knows. Service methods take one; only
// policy::Policy makes them. It lives below policy so that identity's own methods can ask for one too.
#pragma once

#include <boost/describe.hpp>

#include <string>
#include <utility>

#include "identity/principal.h"

namespace siyu {

namespace policy {
class Policy;
}

enum class Permission {
  kModelRead,
  kModelManage,
  kInfer,
  kKnowledgeRead,
  kKnowledgeWrite,
  kKnowledgeManage,
  kUserManage,
  kKeyManageOwn,
  kKeyManageAll,
  kAuditRead,
  kSystemRead,
  kSystemManage,
};
BOOST_DESCRIBE_ENUM(Permission, kModelRead, kModelManage, kInfer, kKnowledgeRead, kKnowledgeWrite, kKnowledgeManage, kUserManage, kKeyManageOwn,
                    kKeyManageAll, kAuditRead, kSystemRead, kSystemManage)

class Pass {
 public:
  const Principal& principal() const { return principal_; }
  Permission permission() const { return permission_; }
  const std::string& request() const { return request_; }

 private:
  friend class policy::Policy;
  Pass(Principal principal, Permission permission, std::string request)
      : principal_(std::move(principal)), permission_(permission), request_(std::move(request)) {}
  Principal principal_;
  Permission permission_;
  std::string request_;
};

}  // namespace siyu
