#include "batches/line.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace siyu::batches {
namespace {

constexpr std::string_view kChat = "/v1/chat/completions";

TEST(BatchLine, SaysWhatIsWrong) {
  const auto fault = [](std::string_view text) { return parse_line(text, kChat).error().message; };
  EXPECT_EQ(parse_line(R"({"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"x":1}})", kChat).value().body, R"({"x":1})");
  EXPECT_EQ(fault(R"({"method":"POST","url":"/v1/chat/completions","body":{}})"), "`custom_id` is missing");
  EXPECT_EQ(fault(R"({"custom_id":"a","method":"GET","url":"/v1/chat/completions","body":{}})"), "`method` must be POST");
  EXPECT_EQ(fault(R"({"custom_id":"a","method":"POST","url":"/v1/embeddings","body":{}})"), "`url` must be the batch's endpoint, /v1/chat/completions");
  EXPECT_EQ(fault(R"({"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":[]})"), "`body` must be an object");
}

/// For every place at which a kill may cut the file: whole lines stay, the rest goes.
TEST(BatchResults, ACutLineIsDroppedWhereverItWasCut) {
  const auto file = std::filesystem::temp_directory_path() / ("siyu-batch-results-" + std::to_string(::getpid()));
  const auto first = result_line("one", {.status = 200, .body = R"({"a":"b"})", .request_id = "req_1"}, "batch_req_1");
  const auto second = undone_line("two", "batch_expired", "late", "batch_req_2");
  const auto whole = first + second;
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    std::ofstream(file, std::ios::binary) << whole.substr(0, cut);
    const auto done = heal_results(file).value();
    const std::size_t lines = cut == whole.size() ? 2 : cut >= first.size() ? 1 : 0;
    EXPECT_EQ(done.size(), lines) << cut;
    EXPECT_EQ(std::filesystem::file_size(file), lines == 2 ? whole.size() : lines == 1 ? first.size() : 0) << cut;
  }
  std::filesystem::remove(file);
  EXPECT_TRUE(heal_results(file).value().empty());
}

}  // namespace
}  // namespace siyu::batches
