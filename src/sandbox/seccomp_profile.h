// The system calls a worker or parser may still make.
#pragma once

#include "base/result.h"
#include "sandbox/lockdown.h"

namespace siyu::sandbox {

/// Loads the filter into every thread of the process. Needs no_new_privs. What stands in no list gives EPERM. `devices`: files may be
/// opened for writing too, none created, and NVIDIA's drivers may be controlled; which files is Landlock's matter.
Status apply_seccomp(Profile profile, bool devices);

}  // namespace siyu::sandbox
