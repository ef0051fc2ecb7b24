// The tools that models may call. They read; nothing here changes a knowledge base.
#pragma once

#include <memory>
#include <string_view>
#include <variant>

#include "mcp/asking.h"
#include "mcp/parts.h"

namespace siyu::mcp {

/// Definitions as tools/list shows them, always in the same order.
const json::array& tool_definitions();

/// A result of `tools/call`, or the answer that will become one.
using ToolOutcome = std::variant<json::object, std::shared_ptr<Asking>>;

/// Thread-safe.
class Toolbox {
 public:
  explicit Toolbox(const Parts& parts) : parts_(parts) {}
  static bool has(std::string_view name);
  /// What goes wrong with a known tool is a result too.
  ToolOutcome call(const Caller& caller, std::string_view name, const json::value& arguments) const;

 private:
  Result<json::object> list_bases(const Caller& caller, const json::value& arguments) const;
  Result<json::object> list_documents(const Caller& caller, const json::value& arguments) const;
  Result<json::object> search(const Caller& caller, const json::value& arguments) const;
  Result<json::object> read_document(const Caller& caller, const json::value& arguments) const;
  Result<std::shared_ptr<Asking>> ask(const Caller& caller, const json::value& arguments) const;

  const Parts& parts_;
};

}  // namespace siyu::mcp
