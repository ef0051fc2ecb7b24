#include "picture.h"

#include <gmock/gmock.h>

namespace siyu::printer {
namespace {

using ::testing::HasSubstr;

TEST(Picture, IsDrawn) {
  const auto picture = Picture::of({.svg = R"(<svg xmlns="http://www.w3.org/2000/svg" width="8" height="4"><rect width="8" height="4"/></svg>)", .width = 8, .height = 4}, "load");
  ASSERT_TRUE(picture) << picture.error().message;
  EXPECT_TRUE((*picture)->png(16)->starts_with("\x89PNG"));
}

TEST(Picture, WhatCannotBeDrawnIsKnownBeforeThePageAndNamed) {
  // librsvg reads this and gives up when it draws: each group holds ten of the one before, more than it follows in one picture.
  std::string svg = R"(<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="8" height="4"><defs><rect id="g0" width="1" height="1"/>)";
  for (int level = 1; level < 8; ++level) {
    svg += "<g id=\"g" + std::to_string(level) + "\">";
    for (int i = 0; i < 10; ++i) svg += "<use xlink:href=\"#g" + std::to_string(level - 1) + "\"/>";
    svg += "</g>";
  }
  svg += R"(</defs><use xlink:href="#g7"/></svg>)";
  for (const auto& broken : {svg, std::string("no picture")}) {
    const auto picture = Picture::of({.svg = broken, .width = 8, .height = 4}, "Latency over load");
    ASSERT_FALSE(picture);
    EXPECT_EQ(picture.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(picture.error().message, testing::AllOf(HasSubstr("\"Latency over load\""), HasSubstr("Markdown and HTML")));
    EXPECT_NE(picture.error().detail, "");
  }
}

}  // namespace
}  // namespace siyu::printer
