#include "sandbox/landlock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>

#include "sandbox/fd.h"

namespace siyu::sandbox {
namespace {

// Rights newer than this header's kernel are named here by value (include/uapi/linux/landlock.h of Linux 6.12).
constexpr std::uint64_t kRefer = 1ULL << 13;      // ABI 2
constexpr std::uint64_t kTruncate = 1ULL << 14;   // ABI 3
constexpr std::uint64_t kIoctlDev = 1ULL << 15;   // ABI 5
constexpr std::uint64_t kAllOfAbi1 = (1ULL << 13) - 1;
constexpr std::uint64_t kBindTcp = 1ULL << 0;     // ABI 4
constexpr std::uint64_t kConnectTcp = 1ULL << 1;
constexpr std::uint64_t kScopeAbstractSocket = 1ULL << 0;  // ABI 6
constexpr std::uint64_t kScopeSignal = 1ULL << 1;

struct RulesetAttributes {
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;  // ABI 4
  std::uint64_t scoped;              // ABI 6
};

constexpr std::uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr std::uint64_t kReadFolder = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kUseDevice = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
constexpr std::uint64_t kExecuteFile = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE;

Status allow(int ruleset, const std::filesystem::path& path, std::uint64_t file_rights, std::uint64_t folder_rights) {
  const UniqueFd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!fd) return {};  // a path that is not there cannot be opened later either
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return internal("fstat failed");
  landlock_path_beneath_attr rule{};
  rule.allowed_access = S_ISDIR(info.st_mode) ? folder_rights : file_rights;
  rule.parent_fd = fd.get();
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0) return {};
  return internal(fmt::format("no rule for {}", path.string()), strerror(errno));
}

}  // namespace

Result<int> apply_landlock(const LockdownOptions& options) {
  const auto abi = static_cast<int>(::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
  if (abi < 1) return fail(ErrorCode::kUnsupported, "this kernel has it not, or it is switched off");

  RulesetAttributes attributes{};
  attributes.handled_access_fs = kAllOfAbi1;
  if (abi >= 2) attributes.handled_access_fs |= kRefer;
  if (abi >= 3) attributes.handled_access_fs |= kTruncate;
  if (abi >= 5) attributes.handled_access_fs |= kIoctlDev;
  if (abi >= 4) attributes.handled_access_net = kBindTcp | kConnectTcp;
  if (abi >= 6) attributes.scoped = kScopeAbstractSocket | kScopeSignal;
  const std::size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
  const UniqueFd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset) return internal("the rule set was refused", strerror(errno));

  for (const auto& path : options.read_paths) RETURN_IF_ERROR(allow(ruleset.get(), path, kReadFile, kReadFolder));
  for (const auto& path : options.devices) RETURN_IF_ERROR(allow(ruleset.get(), path, kUseDevice | (attributes.handled_access_fs & kIoctlDev), 0));
  if (options.profile == Profile::kParser) {
    for (const auto& path : options.execute_files) RETURN_IF_ERROR(allow(ruleset.get(), path, kExecuteFile, kReadFolder));
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) return internal("the kernel refused", strerror(errno));
  return abi;
}

}  // namespace siyu::sandbox
