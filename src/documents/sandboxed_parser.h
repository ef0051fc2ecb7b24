// Reads a file in a siyu-parser process: sandboxed, limited in time and memory, one process per file.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/clock.h"
#include "documents/document.h"

namespace siyu::documents {

struct ParserLimits {
  Millis time{60'000};
  std::uint64_t memory_bytes = 1ULL << 30;
};

/// Thread-safe; each call holds one process for its time.
class SandboxedParser {
 public:
  SandboxedParser(std::filesystem::path program, ParserLimits limits) : program_(std::move(program)), limits_(limits) {}
  /// Never fails otherwise than by the document's status and reason, whatever the file is and however the process ends.
  ParsedDocument parse(const std::filesystem::path& file, std::string_view name, std::string_view password = {}) const;

 private:
  const std::filesystem::path program_;
  const ParserLimits limits_;
};

}  // namespace siyu::documents
