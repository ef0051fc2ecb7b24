#include "base/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace siyu {
namespace {

using ::testing::HasSubstr;

std::string write_file(std::string_view name, std::string_view text) {
  const auto path = std::filesystem::path(::testing::TempDir()) / name;
  std::ofstream(path) << text;
  return path.string();
}

TEST(Config, LaterSourcesWin) {
  const auto file = write_file("siyu_config.yaml", "server:\n  listen: 1.2.3.4:1\n  queue: 7\nworker: { threads: 3 }\n");
  const auto config = load_config({.file = file,
                                   .environment = [](const std::string& name) -> std::optional<std::string> {
                                     if (name == "SIYU_SERVER_QUEUE") return "8";
                                     if (name == "SIYU_WORKER_THREADS") return "4";
                                     return std::nullopt;
                                   },
                                   .flags = {{"worker.threads", "5"}}});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->server.listen, "1.2.3.4:1");
  EXPECT_EQ(config->server.queue, 8U);
  EXPECT_EQ(config->worker.threads, 5U);
  EXPECT_EQ(config->worker.sequences, Config().worker.sequences);
}

TEST(Config, UnknownKeysNameTheLineAndTheNearestKey) {
  const auto file = write_file("siyu_config_bad.yaml", "server:\n  lisen: x\n");
  const auto error = load_config({.file = file, .environment = {}, .flags = {}}).error();
  EXPECT_THAT(error.message, HasSubstr("server.lisen"));
  EXPECT_THAT(error.message, HasSubstr("line 2"));
  EXPECT_THAT(error.message, HasSubstr("did you mean `server.listen`"));
}

TEST(Config, WrongTypesSayWhatIsExpected) {
  EXPECT_THAT(load_config({.file = "", .environment = {}, .flags = {{"server.queue", "-1"}}}).error().message, HasSubstr("whole number"));
  EXPECT_THAT(load_config({.file = "", .environment = {}, .flags = {{"server.insecure_http", "yes"}}}).error().message, HasSubstr("true or false"));
  EXPECT_EQ(load_config({.file = "/nowhere/x.yaml", .environment = {}, .flags = {}}).error().code, ErrorCode::kNotFound);
}

TEST(Config, PrintedFormReadsBack) {
  Config config;
  config.data = "/data: odd # name";
  config.worker.threads = 9;
  const auto file = write_file("siyu_config_print.yaml", print_config(config));
  const auto again = load_config({.file = file, .environment = {}, .flags = {}});
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(print_config(*again), print_config(config));
  EXPECT_EQ(again->data, config.data);
}

}  // namespace
}  // namespace siyu
