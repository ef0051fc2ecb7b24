// Query parameters with limits.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "net/http.h"

namespace siyu::api {

/// A whole number from 1 to `most`, or `fallback` when absent.
Result<std::size_t> count_param(const net::Request& request, std::string_view name, std::size_t fallback, std::size_t most);

}  // namespace siyu::api
