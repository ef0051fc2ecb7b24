#include "sandbox/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

namespace siyu::sandbox {
namespace {

std::string error_text(int error) {
  char buffer[128];
  return std::string(strerror_r(error, buffer, sizeof buffer));
}

std::unexpected<Error> system_failure(std::string_view what, int error) {
  return internal(fmt::format("{} failed", what), error_text(error));
}

/// poll(2) for one descriptor, carried on over signals. False at the deadline.
bool wait_for(int fd, short events, std::chrono::steady_clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now()).count();
    pollfd entry{.fd = fd, .events = events, .revents = 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30)));
    if (ready > 0) return true;
    if (ready == 0 && left <= 0) return false;
    if (ready < 0 && errno != EINTR) return true;  // the call that follows will name the fault
  }
}

/// All that runs between fork and exec: async-signal-safe calls only, on memory prepared before.
struct ChildStart {
  const char* program;
  char* const* argv;
  char* const* envp;
  const char* directory;
  int socket;
  int null;
  int error_output;
  int report;  ///< errno of a failed start is written here; closed by a successful exec
  pid_t parent;

  [[noreturn]] void give_up() const {
    const int error = errno;
    [[maybe_unused]] const auto written = ::write(report, &error, sizeof error);
    ::_exit(127);
  }

  [[noreturn]] void run() const {
    ::setsid();
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent) give_up();
    // Move the four away from 0–3 first: any of them may sit there.
    const int in = ::fcntl(null, F_DUPFD_CLOEXEC, 10);
    const int out = ::fcntl(error_output, F_DUPFD_CLOEXEC, 10);
    const int channel = ::fcntl(socket, F_DUPFD_CLOEXEC, 10);
    const int back = ::fcntl(report, F_DUPFD_CLOEXEC, 10);
    if (in < 0 || out < 0 || channel < 0 || back < 0) give_up();
    if (::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(out, 2) < 0 || ::dup2(channel, kChildSocket) < 0) give_up();
    ::syscall(SYS_close_range, kChildSocket + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    struct sigaction reset{};
    reset.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &reset, nullptr);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (::chdir(directory) == 0) ::execve(program, argv, envp);
    const int error = errno;
    [[maybe_unused]] const auto written = ::write(back, &error, sizeof error);
    ::_exit(127);
  }
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (auto& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

ExitStatus decode(int status) {
  if (WIFSIGNALED(status)) return {.code = 0, .signal = WTERMSIG(status)};
  return {.code = WEXITSTATUS(status), .signal = 0};
}

}  // namespace

std::filesystem::path sibling_program(std::string_view name) {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / name;
}

std::string ExitStatus::text() const {
  if (signal != 0) return fmt::format("signal {} ({})", signal, strsignal(signal));
  return fmt::format("exit code {}", code);
}

Result<std::unique_ptr<ChildProcess>> ChildProcess::spawn(const SpawnOptions& options) {
  std::error_code ignored;
  const auto program = std::filesystem::absolute(options.program, ignored);
  if (!std::filesystem::exists(program, ignored))
    return fail(ErrorCode::kNotFound, fmt::format("Program {} is missing; install it again", program.filename().string()),
                program.string());

  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return system_failure("Making a socket pair", errno);
  UniqueFd ours(pair[0]);
  UniqueFd theirs(pair[1]);
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) return system_failure("Making a pipe", errno);
  UniqueFd report_read(pipe_ends[0]);
  UniqueFd report_write(pipe_ends[1]);
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return system_failure("Opening /dev/null", errno);

  std::vector<std::string> arguments = options.arguments;
  arguments.insert(arguments.begin(), program.string());
  std::vector<std::string> environment = options.environment;
  const auto argv = pointers(arguments);
  const auto envp = pointers(environment);
  const std::string directory = options.working_directory.string();
  const ChildStart start{.program = arguments[0].c_str(), .argv = argv.data(), .envp = envp.data(),
                         .directory = directory.c_str(), .socket = theirs.get(), .null = null.get(),
                         .error_output = options.silent ? null.get() : STDERR_FILENO, .report = report_write.get(),
                         .parent = ::getpid()};

  // No signal handler of ours may run in the child before its handlers are reset.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  const int fork_error = errno;
  if (pid == 0) start.run();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return system_failure("Starting a process", fork_error);

  std::unique_ptr<ChildProcess> child(new ChildProcess(pid, std::move(ours)));
  report_write.reset();
  int error = 0;
  ssize_t got = 0;
  do got = ::read(report_read.get(), &error, sizeof error);
  while (got < 0 && errno == EINTR);
  if (got == sizeof error)
    return internal(fmt::format("Program {} cannot be started", program.filename().string()), error_text(error));
  return child;
}

ChildProcess::~ChildProcess() { kill(); }

std::optional<ExitStatus> ChildProcess::poll_exit() {
  const std::lock_guard lock(mu_);
  if (exit_) return exit_;
  int status = 0;
  const pid_t reaped = ::waitpid(pid_, &status, WNOHANG);
  if (reaped == pid_) exit_ = decode(status);
  if (reaped < 0 && errno == ECHILD) exit_ = ExitStatus{.code = 0, .signal = SIGKILL};  // reaped behind our back
  return exit_;
}

std::optional<ExitStatus> ChildProcess::wait(Millis timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  if (auto ended = poll_exit()) return ended;
  UniqueFd pid_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (pid_fd) {
    wait_for(pid_fd.get(), POLLIN, deadline);
    return poll_exit();
  }
  // Kernels before 5.3 have no pidfd: look again every few milliseconds.
  while (std::chrono::steady_clock::now() < deadline) {
    if (auto ended = poll_exit()) return ended;
    ::poll(nullptr, 0, 5);
  }
  return poll_exit();
}

void ChildProcess::signal_group(int signal) {
  const std::lock_guard lock(mu_);
  if (exit_) return;  // the pid may be another's by now
  ::kill(-pid_, signal);
  ::kill(pid_, signal);  // in case it has not reached setsid() yet
}

ExitStatus ChildProcess::stop(Millis grace) {
  signal_group(SIGTERM);
  if (wait(grace)) {
    // The leader has ended; what it started goes with it. Its group id stays taken while members live.
    ::kill(-pid_, SIGKILL);
    return *exit_;
  }
  return kill();
}

ExitStatus ChildProcess::kill() {
  for (;;) {
    signal_group(SIGKILL);
    // A process in an uninterruptible wait dies when the disk answers; there is nothing better than to wait for it.
    if (auto ended = wait(Millis(1000))) return *ended;
  }
}

std::uint64_t ChildProcess::resident_bytes() const {
  std::ifstream statm(fmt::format("/proc/{}/statm", pid_));
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  if (!(statm >> size >> resident)) return 0;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

Status send_with_fds(int socket, std::string_view bytes, std::span<const int> fds, Millis timeout) {
  if (bytes.empty() || fds.size() > kMaxPassedFds) return internal("Bad use of send_with_fds");
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxPassedFds)] = {};
  bool fds_pending = !fds.empty();
  while (!bytes.empty()) {
    if (!wait_for(socket, POLLOUT, deadline)) return fail(ErrorCode::kDeadlineExceeded, "A process does not take its input");
    iovec part{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (fds_pending) {
      message.msg_control = control;
      message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
      ::memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * fds.size());
    }
    const auto sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) continue;
    if (sent < 0) return fail(ErrorCode::kUnavailable, "The process behind the socket is gone", error_text(errno));
    fds_pending = false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<Received> receive_with_fds(int socket, std::size_t max_bytes, Millis timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  Received received;
  received.bytes.resize(max_bytes);
  for (;;) {
    if (!wait_for(socket, POLLIN, deadline)) return fail(ErrorCode::kDeadlineExceeded, "A process does not answer");
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxPassedFds)] = {};
    iovec part{.iov_base = received.bytes.data(), .iov_len = received.bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const auto got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) continue;
    if (got < 0 && errno != ECONNRESET) return system_failure("Reading from a process", errno);
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); got >= 0 && header != nullptr; header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
      const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int fd = -1;
        ::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
        received.fds.emplace_back(fd);
      }
    }
    if (got >= 0 && (message.msg_flags & MSG_CTRUNC) != 0)
      return fail(ErrorCode::kCorrupted, "A process sent more descriptors than it may");
    received.bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return received;
  }
}

Result<UniqueFd> memory_file(std::string_view bytes, const char* name) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return system_failure("Making a file in memory", errno);
  while (!bytes.empty()) {
    const auto written = ::write(fd.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return system_failure("Filling a file in memory", errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return system_failure("Sealing a file in memory", errno);
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

}  // namespace siyu::sandbox
