// What siyu and a siyu-printer process say to each other, over base/frame.h frames. The document travels as a descriptor of its JSON
// with the job; back come files in pieces, and one last frame that says how it went.
#pragma once

#include <boost/describe.hpp>

#include <functional>
#include <string>
#include <vector>

#include "base/frame.h"
#include "base/result.h"

namespace siyu::report {

enum class PrintWork {
  kPdf,    ///< one file
  kParts,  ///< the pages of the headings as a JSON array, then a PNG for every chart
};
BOOST_DESCRIBE_ENUM(PrintWork, kPdf, kParts)

struct PrintJob {
  PrintWork work = PrintWork::kPdf;
  std::int64_t memory_bytes = 0;  ///< of address space
  std::int64_t seconds = 0;       ///< of processor time
};

constexpr std::size_t kMaxPages = 2'000;
constexpr std::size_t kMaxPrintedBytes = 512UL << 20;  ///< of all files of one answer

Frame encode(const PrintJob& job);
Result<PrintJob> decode_print_job(const Frame& frame);

/// Sends the files, or what went wrong, frame by frame.
Status encode(const Result<std::vector<std::string>>& files, const std::function<Status(const Frame&)>& send);

/// Feed it the frames of one answer. Checks everything: the sender has drawn what others wrote.
class PrintedDecoder {
 public:
  /// True when the answer is complete; the printer's own refusal is an error here.
  Result<bool> take(Frame frame);
  std::vector<std::string> finish() && { return std::move(files_); }

 private:
  std::vector<std::string> files_;
  std::size_t bytes_ = 0;
};

}  // namespace siyu::report
