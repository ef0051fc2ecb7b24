// Who is calling.
#pragma once

#include <boost/describe.hpp>

#include <optional>
#include <string>

#include "base/id.h"

namespace siyu {

enum class Role { kAdmin, kEditor, kReader };
BOOST_DESCRIBE_ENUM(Role, kAdmin, kEditor, kReader)

struct Principal {
  UserId user;
  std::string username;
  Role role = Role::kReader;
  std::optional<ApiKeyId> key = {};          ///< set when an API key was used
  std::optional<std::string> csrf = {};      ///< set when a console session was used
};

}  // namespace siyu
