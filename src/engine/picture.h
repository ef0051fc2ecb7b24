// Pictures on their way to a model: what is let in. Nothing is decoded here; the header is read, so that no file that would
// unfold to more than a model can use is ever handed to a decoder.
#pragma once

#include <algorithm>
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

/// The message's text and pictures in the order in which they stand: `on_text` gets pieces of text, none of them empty.
template <class OnText, class OnPicture>
void visit_content(const Message& message, OnText on_text, OnPicture on_picture) {
  std::size_t done = 0;
  const auto text_to = [&](std::size_t end) {
    if (end > done) on_text(message.content.substr(done, end - done));
    done = std::max(done, end);
  };
  for (const auto& picture : message.images) {
    text_to(picture.at);
    on_picture(picture);
  }
  text_to(message.content.size());
}

}  // namespace siyu::engine
