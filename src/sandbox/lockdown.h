// What a worker or parser process does to itself before it touches anything from outside: it gives up the network,
// writing, starting programs, and most of the kernel, for good. Linux only.
#pragma once

#include <boost/describe.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace siyu::sandbox {

enum class Profile {
  kWorker,  ///< computes: threads, read-only files, its socket; no exec, no fork
  kParser,  ///< also starts the programs named in execute_files (they inherit the lockdown)
};
BOOST_DESCRIBE_ENUM(Profile, kWorker, kParser)

struct LockdownOptions {
  Profile profile = Profile::kWorker;
  std::vector<std::filesystem::path> read_paths;     ///< files, or folders with all below; missing ones are skipped
  std::vector<std::filesystem::path> execute_files;  ///< kParser only: programs and the dynamic loader; also readable
  std::vector<std::filesystem::path> devices;        ///< kWorker only: files of accelerators, which may be written to and controlled besides
  std::uint64_t address_space_bytes = 0;  ///< RLIMIT_AS; 0: no limit. Ignored under sanitizers, which reserve terabytes
  std::uint64_t open_files = 256;         ///< RLIMIT_NOFILE
  std::uint64_t cpu_seconds = 0;          ///< RLIMIT_CPU; 0: no limit
};

/// What is in force afterwards, for the health report of the process.
struct LockdownReport {
  bool no_new_privileges = false;
  bool seccomp = false;
  int landlock_abi = 0;             ///< 0: not in force
  bool network_namespace = false;   ///< an empty one of its own; without it seccomp still refuses every socket
  bool resource_limits = false;
  std::vector<std::string> missing; ///< what could not be put in force, and why
};
BOOST_DESCRIBE_STRUCT(LockdownReport, (), (no_new_privileges, seccomp, landlock_abi, network_namespace, resource_limits, missing))

/// Call it while the process has one thread: Landlock covers the caller and the threads it starts later (with more
/// threads the report says so). Files must be open before, or lie under read_paths.
/// Fails when no_new_privs, the limits or seccomp cannot be applied: the process must then exit.
/// Landlock and the network namespace depend on the kernel; their absence is reported in `missing`.
/// Refused calls give EPERM, so that libraries can go on; those only an attack makes (ptrace, bpf, mount …) kill.
/// Core dumps are off and no file can be written or created (RLIMIT_FSIZE does not apply: pipes and memory remain).
Result<LockdownReport> lock_down(const LockdownOptions& options);

/// With this code siyu-parser and siyu-printer end when lock_down fails.
constexpr int kExitUnlocked = 3;

}  // namespace siyu::sandbox
