// Finds the operation of a method and path. Built once from the route table; then read-only and thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/operation.h"

namespace siyu::api {

/// Names of the template are in the operation; values are percent-decoded.
using PathParams = std::vector<std::pair<std::string_view, std::string>>;

struct Route {
  const Operation* operation = nullptr;
  PathParams params;
  std::string allowed;  ///< when the path exists but not with this method: the methods it has, for `Allow`
};

class Router {
 public:
  explicit Router(std::span<const Operation> operations);
  /// `path` without query. A HEAD request finds the GET operation. operation is null when nothing matches.
  Route find(std::string_view method, std::string_view path) const;

 private:
  struct Entry {
    const Operation* operation;
    std::vector<std::string_view> segments;  // "{name}" matches any one segment
  };
  std::vector<Entry> entries_;
  std::unordered_map<std::string_view, std::vector<const Operation*>> plain_;  // by paths without parameters: nearly every request's
};

}  // namespace siyu::api
