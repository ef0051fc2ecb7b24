#include "sandbox/seccomp_profile.h"

#include <asm/termbits.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include <cerrno>
#include <initializer_list>
#include <memory>

namespace siyu::sandbox {
namespace {

// Computing, memory, threads, time, and reading or writing what is already open.
constexpr const char* kCommon[] = {
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "close", "close_range", "lseek",
    "recvmsg", "recvfrom", "sendmsg", "sendto", "recvmmsg", "sendmmsg", "shutdown", "getsockopt", "setsockopt",
    "poll", "ppoll", "select", "pselect6", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
    "eventfd2", "timerfd_create", "timerfd_settime", "timerfd_gettime", "pipe", "pipe2", "dup", "dup2", "dup3", "fcntl",
    "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "mlock", "mlock2", "munlock", "msync", "mincore", "mbind",
    "get_mempolicy", "set_mempolicy", "memfd_create", "membarrier", "futex", "futex_waitv", "set_robust_list",
    "get_robust_list", "set_tid_address", "rseq", "arch_prctl", "sched_yield", "sched_getaffinity", "sched_setaffinity",
    "sched_getparam", "sched_getscheduler", "sched_setscheduler", "sched_get_priority_max", "sched_get_priority_min",
    "getpriority", "setpriority", "getcpu", "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday",
    "time", "times", "alarm", "setitimer", "getitimer", "getrandom", "uname", "sysinfo", "getrusage", "getrlimit", "getpid",
    "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getgroups", "getresuid", "getresgid", "getpgrp",
    "getpgid", "getsid", "capget", "umask", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending",
    "rt_sigsuspend", "rt_sigtimedwait", "sigaltstack", "restart_syscall", "exit", "exit_group", "tgkill", "stat", "fstat",
    "lstat", "newfstatat", "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2", "getdents", "getdents64",
    "readlink", "readlinkat", "getcwd", "chdir", "fadvise64", "readahead", "ftruncate", "fsync", "fdatasync"};

// Starting the named tools and waiting for them. Leaving the process group stays refused: the group is killed as one.
constexpr const char* kParserOnly[] = {"fork", "vfork", "execve", "wait4", "waitid", "kill", "pidfd_open",
                                       "pidfd_send_signal"};

// No honest library calls these: the process is taken over, and ends.
constexpr const char* kFatal[] = {"ptrace", "process_vm_readv", "process_vm_writev", "bpf", "mount", "umount2",
                                  "pivot_root", "chroot", "init_module", "finit_module", "delete_module", "kexec_load",
                                  "kexec_file_load", "reboot", "swapon", "swapoff", "keyctl", "add_key", "request_key",
                                  "userfaultfd", "perf_event_open", "setns", "unshare", "iopl", "ioperm"};

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

/// Collects the first failure, so that a profile reads as a list.
class Rules {
 public:
  explicit Rules(scmp_filter_ctx filter) : filter_(filter) {}

  template <std::size_t N>
  void each(std::uint32_t action, const char* const (&names)[N]) {
    for (const char* name : names) add(action, name, {});
  }
  /// Allowed only when every comparison holds.
  void allow_when(const char* name, std::initializer_list<scmp_arg_cmp> comparisons) { add(SCMP_ACT_ALLOW, name, comparisons); }
  void add(std::uint32_t action, const char* name, std::initializer_list<scmp_arg_cmp> comparisons) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR || number < 0) return;  // this machine's kernel interface has no such call
    const int result = seccomp_rule_add_array(filter_, action, number, static_cast<unsigned>(comparisons.size()), comparisons.begin());
    if (result != 0 && failure_ == 0) failure_ = result;
  }
  int failure() const { return failure_; }

 private:
  scmp_filter_ctx filter_;
  int failure_ = 0;
};

constexpr std::uint64_t kWriting = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY);
constexpr std::uint64_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                         CLONE_NEWPID | CLONE_NEWNET;

void allow_read_only_open(Rules& rules) {
  rules.allow_when("open", {SCMP_A1(SCMP_CMP_MASKED_EQ, kWriting, 0)});
  rules.allow_when("openat", {SCMP_A2(SCMP_CMP_MASKED_EQ, kWriting, 0)});
  // openat2 and clone3 hide their flags behind a pointer; ENOSYS sends the C library to the older calls.
  rules.add(SCMP_ACT_ERRNO(ENOSYS), "openat2", {});
  rules.add(SCMP_ACT_ERRNO(ENOSYS), "clone3", {});
}

/// Of NVIDIA's driver: the resource manager's requests are of type 'F'; those of its unified memory have none.
void allow_devices(Rules& rules) {
  constexpr scmp_datum_t kType = 0xff00, kResourceManager = 'F' << 8, kUntyped = 0xffffff00, kUnifiedMemoryBegins = 0x30000001, kUnifiedMemoryEnds = 0x30000002;
  rules.allow_when("open", {SCMP_A1(SCMP_CMP_MASKED_EQ, kWriting, O_RDWR)});
  rules.allow_when("openat", {SCMP_A2(SCMP_CMP_MASKED_EQ, kWriting, O_RDWR)});
  rules.allow_when("ioctl", {SCMP_A1(SCMP_CMP_MASKED_EQ, kType, kResourceManager)});
  rules.allow_when("ioctl", {SCMP_A1(SCMP_CMP_MASKED_EQ, kUntyped, 0)});
  for (const auto request : {kUnifiedMemoryBegins, kUnifiedMemoryEnds}) rules.allow_when("ioctl", {SCMP_A1(SCMP_CMP_EQ, request)});
}

void allow_processes(Rules& rules, Profile profile) {
  if (profile == Profile::kWorker) {
    rules.allow_when("clone", {SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)});
    return;
  }
  rules.allow_when("clone", {SCMP_A0(SCMP_CMP_MASKED_EQ, kNewNamespaces, 0)});
  rules.each(SCMP_ACT_ALLOW, kParserOnly);
}

void allow_some_of_the_rest(Rules& rules) {
  for (const int option : {PR_SET_NAME, PR_GET_NAME, PR_SET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_VMA, PR_GET_NO_NEW_PRIVS,
                           PR_SET_NO_NEW_PRIVS, PR_GET_SECCOMP, PR_CAPBSET_READ, PR_SET_TIMERSLACK})
    rules.allow_when("prctl", {SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(option))});
  for (const unsigned long request : {static_cast<unsigned long>(TCGETS), static_cast<unsigned long>(FIONREAD),
                                      static_cast<unsigned long>(FIONBIO), static_cast<unsigned long>(FIOCLEX)})
    rules.allow_when("ioctl", {SCMP_A1(SCMP_CMP_EQ, request)});
  rules.add(SCMP_ACT_ERRNO(ENOTTY), "ioctl", {SCMP_A1(SCMP_CMP_EQ, TIOCGWINSZ)});
  // Limits can be read, not set.
  rules.allow_when("prlimit64", {SCMP_A2(SCMP_CMP_EQ, 0)});
}

}  // namespace

Status apply_seccomp(Profile profile, bool devices) {
  Filter filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)), seccomp_release);
  if (!filter) return internal("The seccomp filter cannot be made");
  Rules rules(filter.get());
  rules.each(SCMP_ACT_ALLOW, kCommon);
  rules.each(SCMP_ACT_KILL_PROCESS, kFatal);
  allow_read_only_open(rules);
  allow_processes(rules, profile);
  allow_some_of_the_rest(rules);
  if (devices) allow_devices(rules);
  int result = rules.failure();
  if (result == 0) result = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  if (result == 0) result = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary tree: log n tests a call
  if (result == 0) result = seccomp_load(filter.get());
  if (result != 0) return internal("The seccomp filter cannot be loaded", strerror(-result));
  return {};
}

}  // namespace siyu::sandbox
