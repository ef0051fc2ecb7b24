// Runs a program on bytes: input on its standard input, nothing else given, output taken within limits.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace siyu::documents {

struct ToolCall {
  std::string program;  ///< absolute
  std::vector<std::string> arguments;
  std::string_view input;
  std::chrono::steady_clock::time_point deadline;
  std::size_t max_output = 128UL << 20;
};

struct ToolResult {
  int exit_code = 0;   ///< 128 + signal when one ended it
  std::string output;
  std::string errors;  ///< its first 16 KiB; may quote the document, so never for a log
};

/// kDeadlineExceeded and kTooLarge when it had to be stopped; kUnavailable when it cannot be started.
Result<ToolResult> run_tool(const ToolCall& call);

}  // namespace siyu::documents
