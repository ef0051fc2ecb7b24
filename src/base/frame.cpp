#include "base/frame.h"

namespace siyu {
namespace {

// u32 little-endian payload length | u32 little-endian stream | u8 type | 3 bytes 'S' 'Y' 1 (mark and version)
constexpr std::string_view kMark("SY\x01", 3);

void put_u32(std::string& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(value >> shift & 0xffU);
}

std::uint32_t get_u32(std::string_view in) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= static_cast<std::uint32_t>(static_cast<unsigned char>(in[i])) << (8 * i);
  return value;
}

}  // namespace

std::string encode_frame(const Frame& frame) {
  std::string out;
  out.reserve(kFrameHeaderBytes + frame.payload.size());
  put_u32(out, static_cast<std::uint32_t>(frame.payload.size()));
  put_u32(out, frame.stream);
  out += static_cast<char>(frame.type);
  out += kMark;
  out += frame.payload;
  return out;
}

Result<std::optional<Frame>> FrameDecoder::next() {
  const std::string_view rest = std::string_view(buffer_).substr(consumed_);
  if (rest.size() < kFrameHeaderBytes) return std::nullopt;
  if (rest.substr(9, 3) != kMark) return fail(ErrorCode::kCorrupted, "A frame of another program or version arrived");
  const std::size_t size = get_u32(rest);
  if (size > max_payload_) return fail(ErrorCode::kCorrupted, "A frame announces " + std::to_string(size) + " bytes, over the limit");
  if (rest.size() < kFrameHeaderBytes + size) return std::nullopt;
  Frame frame{.type = static_cast<std::uint8_t>(rest[8]), .stream = get_u32(rest.substr(4)), .payload = std::string(rest.substr(kFrameHeaderBytes, size))};
  consumed_ += kFrameHeaderBytes + size;
  if (consumed_ == buffer_.size()) {
    buffer_.clear();
    consumed_ = 0;
  } else if (consumed_ > (1UL << 20)) {
    buffer_.erase(0, consumed_);
    consumed_ = 0;
  }
  return frame;
}

}  // namespace siyu
