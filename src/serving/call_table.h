// Every call under way, and those that ended but are not in the database yet, in a file mapped into memory.
//
// What a process has written there outlives its SIGKILL, without a system call on the way: a call's tokens are counted in its
// slot as they go out, so after a kill it is known to the token what each call had used. Pages reach the disk when the kernel
// likes; a power failure loses what the database has not got yet, which is about a second of ended calls.
// Format: docs/formats/call-table.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "serving/money.h"

namespace siyu::serving {

/// Who calls which model.
struct CallLabels {
  std::string_view user, key, model;  ///< at most 47, 47 and 135 bytes
};

/// A call as the table knows it.
struct CallEntry {
  std::string user, key, model;
  std::int32_t day = 0;
  Price price;
  engine::Usage used;
  engine::Usage saved;      ///< what an answer from the cache did not have to compute
  bool from_cache = false, failed = false;
};

/// The same where it lies, as long as its slot is not released.
struct CallView {
  CallLabels labels;
  std::int32_t day = 0;
  Price price;
  engine::Usage used, saved;
  bool from_cache = false, failed = false;

  static CallView of(const CallEntry& call) {
    return {.labels = {.user = call.user, .key = call.key, .model = call.model}, .day = call.day, .price = call.price, .used = call.used, .saved = call.saved,
            .from_cache = call.from_cache, .failed = call.failed};
  }
};

/// Thread-safe.
class CallTable {
 public:
  using Index = std::uint32_t;
  static constexpr Index kSlots = 32768;

  /// Makes a fresh table of this generation in place of what is there.
  static Result<std::unique_ptr<CallTable>> create(const std::filesystem::path& file, std::uint64_t generation);
  ~CallTable();
  CallTable(const CallTable&) = delete;
  CallTable& operator=(const CallTable&) = delete;

  /// What a process that ended without closing left: ended calls after number `flushed`, and calls under way as they were.
  struct Left {
    std::uint64_t generation = 0;
    std::vector<CallEntry> calls;
  };
  /// Nothing when there is no table.
  static Result<std::optional<Left>> read(const std::filesystem::path& file, std::uint64_t flushed);

  /// Nothing when all slots are taken.
  std::optional<Index> begin(const CallLabels& labels, std::int32_t day, const Price& price);
  /// What the call has used so far. By the one who began it only.
  void progress(Index index, const engine::Usage& used) noexcept;
  struct End {
    engine::Usage used, saved;
    bool from_cache = false, failed = false;
  };
  /// How many ended calls wait for the database now.
  std::size_t end(Index index, const End& how);

  /// Ended calls in the order of their numbers, up to the last one, `number`.
  struct Batch {
    std::uint64_t number = 0;
    std::vector<Index> calls;
  };
  Batch take_ended();
  CallView view(Index index) const;
  /// They are in the database now.
  void release(const Batch& batch);
  /// They are not; they come again with the next take_ended().
  void put_back(Batch batch);

 private:
  struct Slot;
  struct Header;
  struct Mapping;
  explicit CallTable(std::unique_ptr<Mapping> mapping);
  Slot& slot(Index index) const;

  const std::unique_ptr<Mapping> mapping_;
  mutable std::mutex mu_;  // guards the rest
  std::vector<Index> free_;
  std::vector<Index> ended_;
  std::uint64_t number_ = 0;
};

}  // namespace siyu::serving
