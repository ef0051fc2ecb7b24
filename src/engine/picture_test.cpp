#include "engine/picture.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace siyu::engine {
namespace {

std::string big_endian(std::uint32_t value, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
  return out;
}

/// Header only: no decoder is needed here.
std::string png(std::uint32_t width, std::uint32_t height) {
  return std::string("\x89PNG\r\n\x1a\n", 8) + big_endian(13, 4) + "IHDR" + big_endian(width, 4) + big_endian(height, 4) + std::string("\x08\x02\0\0\0", 5) + "crc.";
}

/// A comment before the frame header, as cameras write them.
std::string jpeg(std::uint32_t width, std::uint32_t height, char frame = '\xc0') {
  return std::string("\xff\xd8") + "\xff\xe1" + big_endian(10, 2) + "somewhat" + "\xff" + frame + big_endian(11, 2) + "\x08" + big_endian(height, 2) + big_endian(width, 2) + "\x01\x01\x11";
}

std::string fault(const std::string& file) {
  const auto facts = inspect_picture(file);
  return facts ? "" : facts.error().message;
}

TEST(Picture, SizesComeFromTheHeader) {
  const auto one = inspect_picture(png(640, 480));
  ASSERT_TRUE(one.has_value());
  EXPECT_EQ(std::tuple(one->type, one->width, one->height), std::tuple(PictureType::kPng, 640U, 480U));
  for (const char frame : {'\xc0', '\xc2'}) {  // baseline, progressive
    const auto other = inspect_picture(jpeg(1024, 768, frame));
    ASSERT_TRUE(other.has_value());
    EXPECT_EQ(std::tuple(other->type, other->width, other->height), std::tuple(PictureType::kJpeg, 1024U, 768U));
  }
}

TEST(Picture, WhatIsNotLetInSaysWhy) {
  EXPECT_NE(fault(png(8001, 100)).find("8000 on a side"), std::string::npos);
  EXPECT_NE(fault(png(6000, 6000)).find("25 million"), std::string::npos);
  EXPECT_NE(fault(png(1000, 5)).find("200 times"), std::string::npos);
  EXPECT_EQ(fault(png(995, 5)), "");
  EXPECT_NE(fault(png(0, 5)).find("damaged"), std::string::npos);
  EXPECT_NE(fault("GIF89a").find("neither PNG nor JPEG"), std::string::npos);
  EXPECT_NE(fault("").find("neither PNG nor JPEG"), std::string::npos);
  EXPECT_EQ(inspect_picture(png(10, 10) + std::string(kMaxPictureBytes, 'x')).error().code, ErrorCode::kTooLarge);
}

TEST(Picture, HeadersCutAnywhereAreRefused) {
  for (const auto& whole : {png(64, 64), jpeg(64, 64)})
    for (std::size_t size = 0; size + 4 < whole.size(); ++size) (void)inspect_picture(whole.substr(0, size));
  const auto frame_cut = jpeg(64, 64).substr(0, 22);
  EXPECT_NE(fault(frame_cut).find("damaged"), std::string::npos);
  EXPECT_NE(fault(std::string("\xff\xd8\xff\xda\0\x02", 6)).find("damaged"), std::string::npos);  // pixels without a frame
  EXPECT_NE(fault(std::string("\xff\xd8\xff\xe0\0\0", 6)).find("damaged"), std::string::npos);    // a segment of no length
}

TEST(Picture, Base64IsTakenAsItIs) {
  const auto text = to_base64(as_bytes(png(20, 10)));
  const auto picture = read_picture(text);
  ASSERT_TRUE(picture.has_value());
  EXPECT_EQ(picture->file, text);
  EXPECT_EQ(picture_media_type(*picture), "image/png");
  EXPECT_EQ(picture_media_type(*read_picture(to_base64(as_bytes(jpeg(20, 10))))), "image/jpeg");
  EXPECT_FALSE(read_picture("not base 64").has_value());
  EXPECT_FALSE(read_picture("").has_value());
  EXPECT_EQ(read_picture(std::string(12UL << 20, 'A')).error().code, ErrorCode::kTooLarge);
}

TEST(Picture, RequestsHoldAFew) {
  GenerateRequest request{.messages = {{.content = "ab"}}};
  request.messages[0].images.assign(kMaxPictures, {.file = {}, .at = 1});
  EXPECT_TRUE(validate(request).has_value());
  request.messages.push_back({.content = {}, .images = {{.file = {}, .at = 0}}});
  EXPECT_NE(validate(request).error().message.find("17 pictures"), std::string::npos);
  request.messages = {{.content = "ab", .images = {{.file = {}, .at = 3}}}};
  EXPECT_FALSE(validate(request).has_value());
}

}  // namespace
}  // namespace siyu::engine
