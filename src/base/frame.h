// Frames between siyu and its worker and parser processes. The format is docs/formats/frames.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace siyu {

struct Frame {
  std::uint8_t type = 0;       ///< meaning belongs to the protocol above
  std::uint32_t stream = 0;    ///< which request it belongs to; 0 is the process itself
  std::string payload;         ///< JSON text, or bytes, by type
  bool operator==(const Frame&) const = default;
};

constexpr std::size_t kFrameHeaderBytes = 12;
/// A frame over this is a broken or hostile peer; big data travels as file descriptors or in several frames.
constexpr std::size_t kMaxFramePayload = 64UL << 20;

/// The 12 header bytes followed by the payload.
std::string encode_frame(const Frame& frame);

/// Feed it bytes as they come; take frames as they complete. After an error the stream is dead. Not thread-safe.
class FrameDecoder {
 public:
  explicit FrameDecoder(std::size_t max_payload = kMaxFramePayload) : max_payload_(max_payload) {}
  void feed(std::string_view bytes) { buffer_.append(bytes); }
  /// Nothing when no whole frame is there yet; kCorrupted when the header breaks the format.
  Result<std::optional<Frame>> next();
  std::size_t buffered() const { return buffer_.size() - consumed_; }

 private:
  std::size_t max_payload_;
  std::string buffer_;
  std::size_t consumed_ = 0;
};

}  // namespace siyu
