// A child program behind one socket. The child starts with nothing of ours but what is named here: a clean
// environment, /dev/null as input, our standard error, and one end of a socket pair as descriptor 3.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "sandbox/fd.h"

namespace siyu::sandbox {

/// Where a child finds its end of the socket pair (SOCK_STREAM, blocking on the child's side).
constexpr int kChildSocket = 3;

struct SpawnOptions {
  std::filesystem::path program;           ///< absolute, or relative to the current folder; PATH is not searched
  std::vector<std::string> arguments;      ///< without argv[0]
  std::vector<std::string> environment = {"LANG=C.UTF-8", "PATH=/usr/bin:/bin"};  ///< the whole of it
  std::filesystem::path working_directory = "/";
  bool silent = false;                     ///< what it prints goes nowhere, as libraries may quote what they read; else to our fd 2
};

/// A program of ours, which lies beside the running one.
std::filesystem::path sibling_program(std::string_view name);

/// How a process ended.
struct ExitStatus {
  int code = 0;    ///< exit code, when signal is 0
  int signal = 0;  ///< the signal that ended it, or 0
  bool clean() const { return code == 0 && signal == 0; }
  std::string text() const;  ///< "exit code 1", "signal 9 (Killed)"
};

/// One running child: leader of its own session, so that killing it takes what it started along.
/// It is killed when the *thread* that called spawn() ends (PR_SET_PDEATHSIG) and when this object is destroyed.
/// Spawn from a thread that outlives the child. Thread-safe.
class ChildProcess {
 public:
  /// Fails with kNotFound or kInternal when the program cannot be started; the reason of exec is in `detail`.
  static Result<std::unique_ptr<ChildProcess>> spawn(const SpawnOptions& options);
  ~ChildProcess();  ///< SIGKILL and reap when still running
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  /// Our end of the socket pair (close-on-exec, blocking); -1 after take_socket().
  int socket() const { return socket_.get(); }
  /// Hands our end over to the caller, e.g. to an event loop.
  UniqueFd take_socket() { return std::move(socket_); }

  /// Nothing while it runs. Never blocks.
  std::optional<ExitStatus> poll_exit();
  /// Waits at most `timeout` for the end.
  std::optional<ExitStatus> wait(Millis timeout);
  /// SIGTERM, then SIGKILL to its whole group after `grace`. Returns how it ended.
  ExitStatus stop(Millis grace);
  /// SIGKILL to its whole group at once, and reap.
  ExitStatus kill();
  /// Resident memory of the process itself in bytes; 0 when it has ended.
  std::uint64_t resident_bytes() const;

 private:
  ChildProcess(pid_t pid, UniqueFd socket) : pid_(pid), socket_(std::move(socket)) {}
  void signal_group(int signal);

  const pid_t pid_;
  UniqueFd socket_;
  std::mutex mu_;
  std::optional<ExitStatus> exit_;  // guarded by mu_; once set, pid_ may belong to someone else
};

/// Descriptors travel with at least one byte; at most this many at once.
constexpr std::size_t kMaxPassedFds = 8;

/// Writes all of `bytes` (not empty), the descriptors riding on the first byte. The receiver gets duplicates.
/// Waits at most `timeout` for a slow peer (kDeadlineExceeded); kUnavailable when the peer is gone.
Status send_with_fds(int socket, std::string_view bytes, std::span<const int> fds, Millis timeout);

struct Received {
  std::string bytes;  ///< empty: the peer closed its end
  std::vector<UniqueFd> fds;
};
/// Reads what is there, at most `max_bytes`; waits at most `timeout` for the first byte (kDeadlineExceeded).
/// Descriptors arrive close-on-exec; more than kMaxPassedFds of them are a broken peer (kCorrupted).
Result<Received> receive_with_fds(int socket, std::size_t max_bytes, Millis timeout);

/// A sealed, read-only descriptor of an in-memory copy of `bytes`.
Result<UniqueFd> memory_file(std::string_view bytes, const char* name);

}  // namespace siyu::sandbox
