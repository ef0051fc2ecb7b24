#include "engine/picture.h"

#include <algorithm>
#include <string>

#include "base/bytes.h"

namespace siyu::engine {
namespace {

constexpr std::string_view kPngMark("\x89PNG\r\n\x1a\n", 8);
constexpr std::string_view kJpegMark("\xff\xd8\xff", 3);

std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::unexpected<Error> broken() { return invalid("The picture's file is damaged or incomplete; send it again"); }

/// The first chunk is IHDR: length, name, width, height.
Result<PictureFacts> inspect_png(std::string_view file) {
  if (file.size() < 33 || file.substr(12, 4) != "IHDR" || big_endian(file.substr(8, 4)) != 13) return broken();
  return PictureFacts{.type = PictureType::kPng, .width = big_endian(file.substr(16, 4)), .height = big_endian(file.substr(20, 4))};
}

/// Segments up to the frame header, which has the size (ITU-T T.81 B.2).
Result<PictureFacts> inspect_jpeg(std::string_view file) {
  std::size_t at = 2;
  while (at + 4 <= file.size()) {
    if (file[at] != '\xff') return broken();
    const auto marker = static_cast<unsigned char>(file[at + 1]);
    if (marker == 0xff) {  // a fill byte
      ++at;
      continue;
    }
    if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {  // no length
      at += 2;
      continue;
    }
    if (marker == 0xd9 || marker == 0xda) return broken();  // the picture begins or ends without a frame header
    const std::size_t length = big_endian(file.substr(at + 2, 2));
    if (length < 2) return broken();
    const bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame) {
      if (length < 8 || at + 9 > file.size()) return broken();
      return PictureFacts{.type = PictureType::kJpeg, .width = big_endian(file.substr(at + 7, 2)), .height = big_endian(file.substr(at + 5, 2))};
    }
    at += 2 + length;
  }
  return broken();
}

}  // namespace

Result<PictureFacts> inspect_picture(std::string_view file) {
  if (file.size() > kMaxPictureBytes)
    return fail(ErrorCode::kTooLarge, "The picture's file has " + std::to_string(file.size() >> 20) + " MiB; the limit is " + std::to_string(kMaxPictureBytes >> 20) + " MiB. Scale it down");
  const bool png = file.starts_with(kPngMark);
  if (!png && !file.starts_with(kJpegMark)) return fail(ErrorCode::kInvalidArgument, "The picture is neither PNG nor JPEG; convert it to one of them");
  ASSIGN_OR_RETURN(const auto facts, png ? inspect_png(file) : inspect_jpeg(file));
  if (facts.width == 0 || facts.height == 0) return broken();
  const auto size = std::to_string(facts.width) + " × " + std::to_string(facts.height) + " pixels";
  const auto longer = std::max(facts.width, facts.height), shorter = std::min(facts.width, facts.height);
  if (longer > kMaxPictureSide || std::uint64_t{longer} * shorter > kMaxPicturePixels)
    return fail(ErrorCode::kInvalidArgument, "The picture has " + size + "; at most " + std::to_string(kMaxPictureSide) + " on a side and " +
                                                 std::to_string(kMaxPicturePixels / 1'000'000) + " million in all are taken. Scale it down");
  if (longer / shorter >= kMaxPictureRatio)
    return invalid("The picture has " + size + "; no side may be " + std::to_string(kMaxPictureRatio) + " times the other. Cut it into pieces");
  return facts;
}

Result<Picture> read_picture(std::string_view base64) {
  if (base64.size() / 4 * 3 > kMaxPictureBytes + 3)
    return fail(ErrorCode::kTooLarge, "The picture's file has " + std::to_string(base64.size() / 4 * 3 >> 20) + " MiB; the limit is " +
                                          std::to_string(kMaxPictureBytes >> 20) + " MiB. Scale it down");
  const auto file = from_base64(base64);
  if (!file || file->empty()) return invalid("The picture is not base 64 (RFC 4648, padded, without line breaks)");
  RETURN_IF_ERROR(inspect_picture(as_text(*file)));
  return Picture{.file = std::string(base64)};
}

std::string_view picture_media_type(const Picture& picture) {
  return picture.file.starts_with("iVBOR") ? "image/png" : "image/jpeg";  // the first bytes of a PNG file, in base 64
}

}  // namespace siyu::engine
