// Pictures on their way to a model: what is let in. Nothing is decoded here; the header is read, so that no file that would
// unfold to more than a model can use is ever handed to a decoder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "engine/engine.h"

namespace siyu::engine {

constexpr std::size_t kMaxPictureBytes = 8UL << 20;          // a photograph has 2 to 5 MiB
constexpr std::uint32_t kMaxPictureSide = 8000;              // pixels; Anthropic's limit
constexpr std::uint64_t kMaxPicturePixels = 25'000'000;      // 75 MB once decoded; models scale down to a tenth and less
constexpr std::uint32_t kMaxPictureRatio = 200;              // of the longer side to the shorter, as Qwen's preprocessors hold it

enum class PictureType { kPng, kJpeg };

struct PictureFacts {
  PictureType type = PictureType::kPng;
  std::uint32_t width = 0, height = 0;  ///< pixels
};

/// From the file's header. kInvalidArgument and kTooLarge say what is wrong, with the limit.
Result<PictureFacts> inspect_picture(std::string_view file);

/// A file in base 64, checked. The text is taken as it is when it is sound.
Result<Picture> read_picture(std::string_view base64);

/// image/png or image/jpeg.
std::string_view picture_media_type(const Picture& picture);

}  // namespace siyu::engine
