// What a locked-down process may still open: asked of a forked child, since there is no way back.
#include "sandbox/lockdown.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace siyu::sandbox {
namespace {

constexpr int kNoLandlock = 100;

/// The exit code of a child that locks itself down and then asks.
template <class Ask>
int locked_down(const LockdownOptions& options, Ask ask) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto report = lock_down(options);
    ::_exit(!report ? 99 : report->landlock_abi == 0 ? kNoLandlock : ask());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

bool opens(const char* path, int flags) {
  const int fd = ::open(path, flags, 0600);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

TEST(Lockdown, OpensNamedDevicesForWritingAndNothingElse) {
  const auto code = locked_down({.devices = {"/dev/zero"}}, [] {
    if (!opens("/dev/zero", O_RDWR)) return 1;
    if (opens("/dev/full", O_RDWR)) return 2;
    if (opens("/dev/zero", O_RDWR | O_CREAT)) return 3;
    if (opens("/tmp/siyu-lockdown-test", O_RDWR | O_CREAT)) return 4;
    if (opens("/etc/hostname", O_RDONLY)) return 5;
    const int fd = ::open("/dev/zero", O_RDWR);
    // A request of NVIDIA's type reaches the device, which does not know it; one of a terminal's does not.
    if (::ioctl(fd, _IO('F', 1)) == 0 || errno != ENOTTY) return 6;
    if (::ioctl(fd, _IO('T', 0x12)) == 0 || errno != EPERM) return 7;
    return 0;
  });
  if (code == kNoLandlock) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_EQ(code, 0);
}

TEST(Lockdown, WithoutDevicesNothingIsWritten) {
  const auto code = locked_down({.read_paths = {"/dev/zero"}}, [] {
    if (!opens("/dev/zero", O_RDONLY)) return 1;
    const int fd = ::open("/dev/zero", O_RDONLY);
    if (opens("/dev/zero", O_RDWR)) return 2;
    return ::ioctl(fd, _IO('F', 1)) == 0 || errno != EPERM ? 3 : 0;
  });
  if (code == kNoLandlock) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace siyu::sandbox
