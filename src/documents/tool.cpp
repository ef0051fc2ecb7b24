#include "documents/tool.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "sandbox/process.h"

namespace siyu::documents {
namespace {

using sandbox::UniqueFd;

constexpr std::size_t kMaxErrors = 16UL << 10;

struct Pipe {
  UniqueFd read, write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(ErrorCode::kUnavailable, "A pipe cannot be made", strerror(errno));
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<pid_t> spawn(const ToolCall& call, int input, int output, int errors) {
  std::vector<std::string> arguments = call.arguments;
  arguments.insert(arguments.begin(), call.program);
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  // One thread per tool: several documents are read at once.
  std::array<char*, 5> environment{const_cast<char*>("LANG=C.UTF-8"), const_cast<char*>("PATH=/usr/bin:/bin"), const_cast<char*>("HOME=/nonexistent"),
                                   const_cast<char*>("OMP_THREAD_LIMIT=1"), nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output, 1);
  ::posix_spawn_file_actions_adddup2(&actions, errors, 2);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, call.program.c_str(), &actions, nullptr, argv.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return fail(ErrorCode::kUnavailable, "The program " + call.program + " cannot be started; install it", strerror(error));
  return pid;
}

int reap(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// Both outputs until they end; an error when they must not go on.
Status collect(const ToolCall& call, UniqueFd& output, UniqueFd& errors, ToolResult& result) {
  std::vector<char> buffer(64UL << 10);
  while (output || errors) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(call.deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) return fail(ErrorCode::kDeadlineExceeded, "Reading took too long and was stopped");
    std::array<pollfd, 2> waiting{pollfd{.fd = output.get(), .events = POLLIN, .revents = 0}, pollfd{.fd = errors.get(), .events = POLLIN, .revents = 0}};
    if (::poll(waiting.data(), waiting.size(), static_cast<int>(std::min<std::int64_t>(left, 1000))) <= 0) continue;
    for (auto* fd : {&output, &errors}) {
      const auto& entry = waiting[fd == &output ? 0 : 1];
      if (entry.revents == 0) continue;
      const auto got = ::read(fd->get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        fd->reset();
      } else if (fd == &output) {
        result.output.append(buffer.data(), static_cast<std::size_t>(got));
        if (result.output.size() > call.max_output) return fail(ErrorCode::kTooLarge, "The text is longer than " + std::to_string(call.max_output >> 20) + " MiB; split the document");
      } else {
        result.errors.append(buffer.data(), std::min(static_cast<std::size_t>(got), kMaxErrors - std::min(kMaxErrors, result.errors.size())));
      }
    }
  }
  return {};
}

}  // namespace

Result<ToolResult> run_tool(const ToolCall& call) {
  ASSIGN_OR_RETURN(const auto input, sandbox::memory_file(call.input, "input"));
  ASSIGN_OR_RETURN(auto output, make_pipe());
  ASSIGN_OR_RETURN(auto errors, make_pipe());
  ASSIGN_OR_RETURN(const auto pid, spawn(call, input.get(), output.write.get(), errors.write.get()));
  output.write.reset();
  errors.write.reset();
  ToolResult result;
  const auto status = collect(call, output.read, errors.read, result);
  if (!status) ::kill(pid, SIGKILL);
  result.exit_code = reap(pid);
  RETURN_IF_ERROR(status);
  return result;
}

}  // namespace siyu::documents
