// An account with its lock; internal to the meter. A user's is locked before its key's.
#pragma once

#include <mutex>

#include "serving/account.h"

namespace siyu::serving {

struct LedgerEntry {
  std::mutex mu;
  Account account;  // guarded by mu
};

}  // namespace siyu::serving
