// What one API operation is: a row of the route table made from openapi/siyu.yaml.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "identity/pass.h"
#include "net/http.h"

namespace siyu::api {

struct Call;
using Reply = Result<net::Response>;

enum class Access {
  kAnyone,      ///< no key needed
  kSignedIn,    ///< any known caller
  kPermission,  ///< the operation's permission
};

/// Whose clients call it, and how they expect to be told of errors.
enum class ErrorShape { kOpenAi, kAnthropic };

struct Operation {
  std::string_view id;
  std::string_view method;
  std::string_view path;
  Access access;
  Permission permission;          ///< meaningful for Access::kPermission
  std::string_view audit_action;  ///< empty: reading this leaves no audit entry
  std::uint64_t body_limit;       ///< bytes; 0: no body is taken
  bool spool;                     ///< large bodies go to a file
  bool on_loop;                   ///< answered on the loop thread
  bool now;                       ///< answered there as well when nothing has to be waited for: see Dispatcher::handle_now
  ErrorShape errors;
  Reply (*handler)(Call&);
};

}  // namespace siyu::api
