#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "models/gguf_fixture.h"
#include "models/library.h"
#include "policy/room_fixture.h"

namespace siyu::models {
namespace {

using ::testing::HasSubstr;

TEST(Gguf, ReadsFactsFromTheHeader) {
  const auto facts = facts_of(parse_gguf(small_model()).value());
  EXPECT_EQ(facts.architecture, "llama");
  EXPECT_EQ(facts.context_length, 2048U);
  EXPECT_EQ(facts.quantization, "Q4_K_M");
  EXPECT_EQ(facts.vocabulary, 2U);
  EXPECT_EQ(facts.parameters, 128U);
  EXPECT_FALSE(facts.embedding);
}

TEST(Gguf, EveryCutOffFileIsRefusedWithoutHarm) {
  const auto whole = small_model();
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(parse_gguf(std::string_view(whole).substr(0, size)).has_value()) << size;
}

TEST(Gguf, LyingCountsAreRefused) {
  EXPECT_THAT(parse_gguf("PK\3\4 zip file").error().message, HasSubstr("not a GGUF"));
  EXPECT_THAT(parse_gguf(GgufBytes(0, 0, 99).str()).error().message, HasSubstr("version 99"));
  EXPECT_FALSE(parse_gguf(GgufBytes(1ULL << 60, 1).str()).has_value());
  EXPECT_FALSE(parse_gguf(GgufBytes(0, 1).put(~0ULL).str()).has_value());
  EXPECT_FALSE(parse_gguf(GgufBytes(0, 1).key("a", 9).put<std::uint32_t>(0).put(1ULL << 62).str()).has_value());
  EXPECT_FALSE(parse_gguf(GgufBytes(0, 1).key("a", 77).str()).has_value());
  EXPECT_FALSE(parse_gguf(GgufBytes(1, 0).text("t").put<std::uint32_t>(2).put(1ULL << 40).put(1ULL << 40).put<std::uint32_t>(0).put(0ULL).str()).has_value());
}

TEST(Gguf, ReadsRealModels) {
  const char* models = std::getenv("SIYU_TEST_MODELS");
  if (models == nullptr) GTEST_SKIP() << "SIYU_TEST_MODELS is unset";
  const auto stories = facts_of(read_gguf(std::filesystem::path(models) / "stories260K-f16.gguf").value());
  EXPECT_EQ(stories.architecture, "llama");
  EXPECT_EQ(stories.layers, 5U);
  EXPECT_EQ(stories.kv_heads, 4U);
  EXPECT_EQ(stories.vocabulary, 512U);
  EXPECT_TRUE(facts_of(read_gguf(std::filesystem::path(models) / "static-embed-enzh-q4_0.gguf").value()).embedding);
}

class LibraryTest : public RoomTest {
 protected:
  LibraryTest() : RoomTest({migrations()}) {}
  void SetUp() override {
    library = ModelLibrary::open(*db, dir / "models", clock).value();
  }
  std::filesystem::path upload(const std::string& bytes) {
    std::ofstream(dir / "upload", std::ios::binary) << bytes;
    return dir / "upload";
  }
  std::unique_ptr<ModelLibrary> library;
};

TEST_F(LibraryTest, ImportsListsAndRemoves) {
  const auto model = library->import_file(*pass, "tiny", upload(small_model()), "tiny.gguf", {}).value();
  EXPECT_EQ(model.bytes, small_model().size());
  EXPECT_EQ(model.sha256.size(), 64U);
  EXPECT_FALSE(std::filesystem::exists(dir / "upload"));
  EXPECT_EQ(library->list(*pass).value().at(0).facts.context_length, 2048U);
  EXPECT_EQ(library->import_file(*pass, "tiny", upload(small_model()), "", {}).error().code, ErrorCode::kAlreadyExists);
  ASSERT_TRUE(library->set_wanted(*pass, "tiny", true).has_value());
  EXPECT_TRUE(library->get(*pass, "tiny").value().wanted);
  ASSERT_TRUE(library->remove(*pass, "tiny").has_value());
  EXPECT_EQ(library->get(*pass, "tiny").error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(std::filesystem::is_empty(dir / "models"));
}

TEST_F(LibraryTest, RefusesBadNamesBrokenFilesAndWrongChecksums) {
  EXPECT_EQ(library->import_file(*pass, "../x", upload(small_model()), "", {}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(library->import_file(*pass, "x", upload("not a model"), "", {}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(library->import_file(*pass, "x", upload(small_model()), "", std::string(64, '0')).error().message, HasSubstr("SHA-256"));
  EXPECT_TRUE(library->list(*pass).value().empty());
}

TEST_F(LibraryTest, WhatAKilledImportLeftIsGoneAfterTheNextStart) {
  std::ofstream(dir / "models" / "orphan.gguf") << small_model();
  library->import_file(*pass, "kept", upload(small_model()), "", {}).value();
  library = ModelLibrary::open(*db, dir / "models", clock).value();
  EXPECT_FALSE(std::filesystem::exists(dir / "models" / "orphan.gguf"));
  EXPECT_TRUE(std::filesystem::exists(dir / "models" / "kept.gguf"));
}

}  // namespace
}  // namespace siyu::models
