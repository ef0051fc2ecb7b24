// One errand of a child program: it is given a job and a file, answers in frames (docs/formats/frames.md), and ends.
#pragma once

#include <functional>

#include "base/frame.h"
#include "sandbox/process.h"

namespace siyu::sandbox {

/// Sends the job, the descriptor `file` with it, and hands the frames of the answer to `take` until that says the answer is complete.
/// kDeadlineExceeded when all of it takes longer than `time`; kUnavailable when the process ends before; else what `take` failed with.
Status run_errand(ChildProcess& child, const Frame& job, int file, Millis time, const std::function<Result<bool>(Frame)>& take);

/// On the child's side: what was sent to kChildSocket.
struct Errand {
  Frame job;
  UniqueFd file;  ///< -1 when none came with the job
};
/// Waits at most `timeout` for each piece of it.
Result<Errand> receive_errand(Millis timeout);

}  // namespace siyu::sandbox
