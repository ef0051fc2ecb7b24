// Errands run by a shell, which answers with what it is told.
#include "sandbox/errand.h"

#include <gmock/gmock.h>

namespace siyu::sandbox {
namespace {

constexpr Millis kAmple{20'000};
const char* const kEcho = "exec cat <&3 >&3";

/// What run_errand gave, the frames it handed over, and how the program ended.
struct Outcome {
  Status status;
  std::vector<Frame> frames;
  ExitStatus ended;
};

const Frame& job() {
  static const Frame one{.type = 7, .stream = 0, .payload = "work"};
  return one;
}

Outcome errand(const std::string& script, Millis time, const Result<bool>& taken) {
  const auto file = memory_file("file", "errand-test").value();
  const auto child = ChildProcess::spawn({.program = "/bin/sh", .arguments = {"-c", script}, .silent = true}).value();
  Outcome out;
  out.status = run_errand(*child, job(), file.get(), time, [&](Frame frame) {
    out.frames.push_back(std::move(frame));
    return taken;
  });
  out.ended = child->stop(Millis(2000));
  return out;
}

TEST(Errand, HandsOverTheFramesOfTheAnswerUntilItIsComplete) {
  const auto done = errand(kEcho, kAmple, true);
  ASSERT_TRUE(done.status) << done.status.error().message;
  EXPECT_THAT(done.frames, testing::ElementsAre(job()));
}

TEST(Errand, FailsWithWhatTheAnswerIsRefusedFor) {
  EXPECT_EQ(errand(kEcho, kAmple, fail(ErrorCode::kTooLarge, "too many")).status.error().code, ErrorCode::kTooLarge);
}

TEST(Errand, TellsAProgramThatEndedFromOneThatIsSlow) {
  const auto ended = errand("exit 7", kAmple, true);
  EXPECT_EQ(ended.status.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(ended.ended.code, 7);
  EXPECT_EQ(errand("exec sleep 60", Millis(50), true).status.error().code, ErrorCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace siyu::sandbox
