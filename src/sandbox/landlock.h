// Landlock by raw system calls (glibc has no wrappers): only named paths can be opened, and none for writing.
#pragma once

#include "base/result.h"
#include "sandbox/lockdown.h"

namespace siyu::sandbox {

/// The ABI version in force, or why it is not. Needs no_new_privs. Covers the calling thread and its later children.
Result<int> apply_landlock(const LockdownOptions& options);

}  // namespace siyu::sandbox
