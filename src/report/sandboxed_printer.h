// Prints in a siyu-printer process: no network, no writing, no files but fonts, limited in time and memory, one process per document.
#pragma once

#include <filesystem>

#include "base/clock.h"
#include "report/render.h"

namespace siyu::report {

struct PrinterLimits {
  Millis time{120'000};
  std::uint64_t memory_bytes = 2ULL << 30;  ///< of address space: the fonts of Chinese alone are mapped with 100 MB
};

/// Thread-safe; each call holds one process for its time. An error says what to do; Markdown and HTML need no printer.
class SandboxedPrinter : public Printer {
 public:
  /// `program` is siyu-printer, most often sandbox::sibling_program("siyu-printer").
  explicit SandboxedPrinter(std::filesystem::path program, PrinterLimits limits = {}) : program_(std::move(program)), limits_(limits) {}
  Result<std::string> pdf(const Document& document) const override;
  Result<PrintedParts> parts(const Document& document) const override;

 private:
  const std::filesystem::path program_;
  const PrinterLimits limits_;
};

}  // namespace siyu::report
