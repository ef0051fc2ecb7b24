// The system calls a worker or parser may still make.
#pragma once

#include "base/result.h"
#include "sandbox/lockdown.h"

namespace siyu::sandbox {

/// Loads the filter into every thread of the process. Needs no_new_privs. What stands in no list gives EPERM.
Status apply_seccomp(Profile profile);

}  // namespace siyu::sandbox
