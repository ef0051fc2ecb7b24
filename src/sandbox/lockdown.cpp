#include "sandbox/lockdown.h"

#include <fmt/format.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <iterator>

#include "sandbox/landlock.h"
#include "sandbox/seccomp_profile.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SIYU_UNDER_SANITIZER 1
#endif
#endif

namespace siyu::sandbox {
namespace {

std::string error_text(int error) {
  char buffer[128];
  return std::string(strerror_r(error, buffer, sizeof buffer));
}

Status limit(__rlimit_resource resource, std::uint64_t value, std::string_view name) {
  rlimit wanted{.rlim_cur = value, .rlim_max = value};
  rlimit current{};
  // Without privileges the hard limit can only go down.
  if (::getrlimit(resource, &current) == 0 && current.rlim_max != RLIM_INFINITY && current.rlim_max < value)
    wanted.rlim_cur = wanted.rlim_max = current.rlim_max;
  if (::setrlimit(resource, &wanted) == 0) return {};
  return internal(fmt::format("The limit {} cannot be set", name), error_text(errno));
}

Status apply_limits(const LockdownOptions& options) {
  RETURN_IF_ERROR(limit(RLIMIT_CORE, 0, "RLIMIT_CORE"));
  RETURN_IF_ERROR(limit(RLIMIT_NOFILE, options.open_files, "RLIMIT_NOFILE"));
  if (options.cpu_seconds != 0) RETURN_IF_ERROR(limit(RLIMIT_CPU, options.cpu_seconds, "RLIMIT_CPU"));
#ifndef SIYU_UNDER_SANITIZER
  if (options.address_space_bytes != 0) RETURN_IF_ERROR(limit(RLIMIT_AS, options.address_space_bytes, "RLIMIT_AS"));
#endif
  return {};
}

std::ptrdiff_t thread_count() {
  std::error_code error;
  std::filesystem::directory_iterator threads("/proc/self/task", error);
  return error ? 0 : std::distance(begin(threads), end(threads));
}

}  // namespace

Result<LockdownReport> lock_down(const LockdownOptions& options) {
  LockdownReport report;
  if (const auto threads = thread_count(); threads > 1)
    report.missing.push_back(fmt::format("Landlock covers one of {} threads: they were started before the lockdown", threads));

  if (::unshare(CLONE_NEWNET) == 0 || ::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0) {
    report.network_namespace = true;
  } else {
    report.missing.push_back("network namespace: " + error_text(errno) + "; sockets are refused by seccomp alone");
  }
  RETURN_IF_ERROR(apply_limits(options));
  report.resource_limits = true;

  ::prctl(PR_SET_DUMPABLE, 0);  // no other process of the same user reads its memory
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return internal("no_new_privs cannot be set", error_text(errno));
  report.no_new_privileges = true;

  const auto landlock = apply_landlock(options);
  if (landlock) report.landlock_abi = *landlock;
  else report.missing.push_back("Landlock: " + landlock.error().message + (options.devices.empty() ? "" : "; so all files of this user can be written to, as the accelerator's must be"));

  RETURN_IF_ERROR(apply_seccomp(options.profile, !options.devices.empty()));
  report.seccomp = true;
  return report;
}

}  // namespace siyu::sandbox
