#include "picture_decoder.h"

#include <gtest/gtest.h>
#include <png.h>

#include <cstdio>
#include <cstdlib>
#include <jpeglib.h>

namespace siyu::worker {
namespace {

constexpr std::uint32_t kWidth = 40, kHeight = 24;

std::vector<unsigned char> pattern(std::size_t channels) {
  std::vector<unsigned char> pixels;
  for (std::uint32_t y = 0; y < kHeight; ++y)
    for (std::uint32_t x = 0; x < kWidth; ++x)
      for (std::size_t c = 0; c < channels; ++c) pixels.push_back(static_cast<unsigned char>(c == 0 ? x * 6 : c == 1 ? y * 10 : c == 2 ? 90 : 0));
  return pixels;
}

std::string png(std::uint32_t format) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = kWidth;
  image.height = kHeight;
  image.format = format;
  const auto pixels = pattern(PNG_IMAGE_PIXEL_CHANNELS(format));
  png_alloc_size_t size = 0;
  png_image_write_to_memory(&image, nullptr, &size, 0, pixels.data(), 0, nullptr);
  std::string file(size, '\0');
  EXPECT_NE(png_image_write_to_memory(&image, file.data(), &size, 0, pixels.data(), 0, nullptr), 0);
  file.resize(size);
  return file;
}

std::string jpeg(bool progressive) {
  jpeg_compress_struct encoder;
  jpeg_error_mgr errors;
  encoder.err = jpeg_std_error(&errors);
  jpeg_create_compress(&encoder);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&encoder, &out, &size);
  encoder.image_width = kWidth;
  encoder.image_height = kHeight;
  encoder.input_components = 3;
  encoder.in_color_space = JCS_RGB;
  jpeg_set_defaults(&encoder);
  jpeg_set_quality(&encoder, 95, TRUE);
  if (progressive) jpeg_simple_progression(&encoder);
  jpeg_start_compress(&encoder, TRUE);
  auto pixels = pattern(3);
  for (std::uint32_t y = 0; y < kHeight; ++y) {
    JSAMPROW row = pixels.data() + y * kWidth * 3;
    jpeg_write_scanlines(&encoder, &row, 1);
  }
  jpeg_finish_compress(&encoder);
  std::string file(reinterpret_cast<char*>(out), size);
  jpeg_destroy_compress(&encoder);
  std::free(out);
  return file;
}

TEST(PictureDecoder, PngIsExactAndTransparencyIsLeftOut) {
  for (const auto format : {PNG_FORMAT_RGB, PNG_FORMAT_RGBA}) {
    const auto pixels = decode_picture(png(static_cast<std::uint32_t>(format)));
    ASSERT_TRUE(pixels.has_value()) << pixels.error().detail;
    EXPECT_EQ(std::pair(pixels->width, pixels->height), std::pair(kWidth, kHeight));
    EXPECT_EQ(pixels->rgb, pattern(3));
  }
  const auto grey = decode_picture(png(PNG_FORMAT_GRAY));
  ASSERT_TRUE(grey.has_value());
  EXPECT_EQ(grey->rgb[3 * 5], grey->rgb[3 * 5 + 2]);
}

TEST(PictureDecoder, JpegIsCloseToWhatWasWritten) {
  for (const bool progressive : {false, true}) {
    const auto pixels = decode_picture(jpeg(progressive));
    ASSERT_TRUE(pixels.has_value()) << pixels.error().detail;
    const auto wanted = pattern(3);
    ASSERT_EQ(pixels->rgb.size(), wanted.size());
    double off = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) off += std::abs(static_cast<int>(pixels->rgb[i]) - static_cast<int>(wanted[i]));
    EXPECT_LT(off / static_cast<double>(wanted.size()), 4);
  }
}

TEST(PictureDecoder, FilesCutAnywhereAreRefused) {
  for (const auto& whole : {png(PNG_FORMAT_RGB), jpeg(false), jpeg(true)})
    for (std::size_t size = 0; size + 16 < whole.size(); size += 7) {
      const auto pixels = decode_picture(whole.substr(0, size));
      ASSERT_FALSE(pixels.has_value()) << size << " of " << whole.size();
      EXPECT_EQ(pixels.error().code, ErrorCode::kInvalidArgument);
    }
}

TEST(PictureDecoder, ChangedBytesNeverEndTheProcess) {
  std::uint32_t state = 1;
  const auto next = [&] { return state = state * 1664525U + 1013904223U; };
  std::size_t decoded = 0;
  for (const auto& whole : {png(PNG_FORMAT_RGBA), jpeg(false), jpeg(true)})
    for (int round = 0; round < 400; ++round) {
      auto file = whole;
      for (std::uint32_t i = 0, count = 1 + next() % 8; i < count; ++i) file[next() % file.size()] = static_cast<char>(next() >> 24);
      decoded += decode_picture(file).has_value() ? 1 : 0;
    }
  EXPECT_GT(decoded, 10U);  // JPEG shrugs much off
}

}  // namespace
}  // namespace siyu::worker
