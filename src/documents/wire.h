// What siyu and a siyu-parser process say to each other, over base/frame.h frames. One process reads one file: nothing of
// a document can reach the next one. The file itself travels as a descriptor with the job.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/frame.h"
#include "documents/document.h"

namespace siyu::documents {

struct ParseJob {
  std::string name, password;
  std::int64_t milliseconds = 60'000;  ///< the process is killed then; slow readers stop a little earlier
  std::int64_t memory_bytes = 1 << 30;
};

Frame encode(const ParseJob& job);
Result<ParseJob> decode_job(const Frame& frame);

/// Gives the frames to `send` in their order, one at a time, so that large archives are not held twice; ends when it fails.
Status encode(const ParsedDocument& document, const std::function<Status(const Frame&)>& send);

/// Feed it the frames of one answer. Checks everything: the sender has read a hostile file.
class DocumentDecoder {
 public:
  /// True when the document is complete.
  Result<bool> take(Frame frame);
  ParsedDocument finish() &&;

 private:
  ParsedDocument document_;
  std::uint64_t embedded_bytes_ = 0;
};

constexpr std::size_t kMaxMarkdownBytes = 128UL << 20;
constexpr std::size_t kMaxEmbeddedFiles = 5000;
constexpr std::uint64_t kMaxEmbeddedBytes = 512ULL << 20;

}  // namespace siyu::documents
