#include "serving/call_table.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <type_traits>
#include <utility>

#include "store/blobs.h"

namespace siyu::serving {
namespace {

constexpr std::uint64_t kMagic = 0x31'4c'4c'41'43'55'59'53;  // "SYUCALL1", little-endian
constexpr std::size_t kUserBytes = 48, kKeyBytes = 48, kModelBytes = 136;

enum State : std::uint32_t { kFree = 0, kRunning = 1, kEnded = 2 };
enum Flag : std::uint32_t { kFromCache = 1, kFailed = 2 };

template <std::size_t N>
void copy_text(char (&to)[N], std::string_view text) {
  const auto size = std::min(text.size(), N - 1);
  std::memcpy(to, text.data(), size);
  to[size] = '\0';
}

template <std::size_t N>
std::string_view text_of(const char (&from)[N]) {
  return {from, ::strnlen(from, N)};
}

}  // namespace

struct CallTable::Header {
  std::uint64_t magic, generation;
  std::uint64_t reserved[6];
};

/// What a call is charged for, as it stands in the file.
struct Tokens {
  std::int32_t prompt, completion, cached;

  static Tokens of(const engine::Usage& usage) { return {usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens}; }
  engine::Usage usage() const { return {.prompt_tokens = prompt, .completion_tokens = completion, .cached_tokens = cached}; }
};

// Written by the process that maps it, read by the next one; a slot lies in one page, so it is never half on disk.
struct alignas(64) CallTable::Slot {
  std::uint32_t state;
  std::uint32_t flags;
  std::uint64_t number;  // of ended calls, in order
  std::int32_t day;
  Tokens used, saved;
  Price price;
  char user[kUserBytes], key[kKeyBytes], model[kModelBytes];
};

namespace {

bool plausible(const engine::Usage& usage) {
  return usage.prompt_tokens >= 0 && usage.completion_tokens >= 0 && usage.cached_tokens >= 0 && usage.cached_tokens <= usage.prompt_tokens;
}
bool plausible(const Price& price) {
  const auto in_range = [](std::int64_t value) { return value >= 0 && value <= kMostPrice; };
  return in_range(price.input) && in_range(price.cached) && in_range(price.output);
}

}  // namespace

struct CallTable::Mapping {
  static constexpr std::size_t kBytes = 4096 + std::size_t{kSlots} * 512;
  void* memory = MAP_FAILED;
  ~Mapping() {
    if (memory != MAP_FAILED) ::munmap(memory, kBytes);
  }
  Header& header() const { return *static_cast<Header*>(memory); }

  static Result<std::unique_ptr<Mapping>> open(int fd) {
    auto mapping = std::make_unique<Mapping>();
    mapping->memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapping->memory == MAP_FAILED) return fail(ErrorCode::kUnavailable, "The table of calls cannot be mapped into memory", std::strerror(errno));
    return mapping;
  }
};

CallTable::Slot& CallTable::slot(Index index) const {
  static_assert(sizeof(Slot) <= 512 && std::is_trivially_copyable_v<Slot>);
  return *reinterpret_cast<Slot*>(static_cast<char*>(mapping_->memory) + 4096 + std::size_t{index} * 512);
}

CallTable::CallTable(std::unique_ptr<Mapping> mapping) : mapping_(std::move(mapping)) {
  free_.reserve(kSlots);
  for (Index index = kSlots; index-- > 0;) free_.push_back(index);  // low ones first: few pages are touched
}
CallTable::~CallTable() = default;

Result<std::unique_ptr<CallTable>> CallTable::create(const std::filesystem::path& file, std::uint64_t generation) {
  const auto fresh = file.string() + ".new";
  const int fd = ::open(fresh.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return fail(ErrorCode::kUnavailable, "The table of calls cannot be made in " + file.parent_path().string(), std::strerror(errno));
  struct Close {
    int fd;
    ~Close() { ::close(fd); }
  } close{fd};
  // Room on disk for all of it: a full disk must not end the process when a page is first written.
  if (const int error = ::posix_fallocate(fd, 0, Mapping::kBytes); error != 0)
    return fail(error == ENOSPC ? ErrorCode::kStorageFull : ErrorCode::kUnavailable, "There is no room for the table of calls (16 MiB) in the data folder", std::strerror(error));
  ASSIGN_OR_RETURN(auto mapping, Mapping::open(fd));
  mapping->header() = {.magic = kMagic, .generation = generation, .reserved = {}};
  if (::fsync(fd) != 0 || ::rename(fresh.c_str(), file.c_str()) != 0)
    return fail(ErrorCode::kUnavailable, "The table of calls cannot be written to " + file.string(), std::strerror(errno));
  RETURN_IF_ERROR(store::sync_directory(file.parent_path()));
  return std::unique_ptr<CallTable>(new CallTable(std::move(mapping)));
}

Result<std::optional<CallTable::Left>> CallTable::read(const std::filesystem::path& file, std::uint64_t flushed) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored) || std::filesystem::file_size(file, ignored) != Mapping::kBytes) return std::nullopt;
  const int fd = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return fail(ErrorCode::kUnavailable, "The table of calls cannot be read: " + file.string(), std::strerror(errno));
  auto mapping = Mapping::open(fd);
  ::close(fd);
  if (!mapping) return std::unexpected(mapping.error());
  if ((*mapping)->header().magic != kMagic) return std::nullopt;
  Left left{.generation = (*mapping)->header().generation, .calls = {}};
  const CallTable table(*std::move(mapping));
  for (Index index = 0; index < kSlots; ++index) {
    const auto& slot = table.slot(index);
    if (slot.state != kRunning && !(slot.state == kEnded && slot.number > flushed)) continue;
    const auto view = table.view(index);
    CallEntry call{.user = std::string(view.labels.user), .key = std::string(view.labels.key), .model = std::string(view.labels.model), .day = view.day, .price = view.price,
                   .used = view.used, .saved = view.saved, .from_cache = view.from_cache, .failed = view.failed};
    // After a power failure a page may be what it was not written to be; nobody is charged for that.
    if (!plausible(call.used) || !plausible(call.saved) || !plausible(call.price) || call.user.empty()) continue;
    // A call that was cut before its first token cost nothing, as when its engine fails.
    if (slot.state == kRunning) {
      call.failed = true;
      if (call.used.completion_tokens == 0) call.used = {};
    }
    left.calls.push_back(std::move(call));
  }
  return left;
}

std::optional<CallTable::Index> CallTable::begin(const CallLabels& labels, std::int32_t day, const Price& price) {
  Index index = 0;
  {
    const std::lock_guard lock(mu_);
    if (free_.empty()) return std::nullopt;
    index = free_.back();
    free_.pop_back();
  }
  auto& slot = this->slot(index);
  slot.flags = 0;
  slot.number = 0;
  slot.day = day;
  slot.used = slot.saved = {};
  slot.price = price;
  copy_text(slot.user, labels.user);
  copy_text(slot.key, labels.key);
  copy_text(slot.model, labels.model);
  // Last, and not earlier: a kill in between leaves a free slot.
  std::atomic_ref(slot.state).store(kRunning, std::memory_order_release);
  return index;
}

void CallTable::progress(Index index, const engine::Usage& used) noexcept {
  auto& slot = this->slot(index);
  std::atomic_ref(slot.used.prompt).store(used.prompt_tokens, std::memory_order_relaxed);
  std::atomic_ref(slot.used.cached).store(used.cached_tokens, std::memory_order_relaxed);
  std::atomic_ref(slot.used.completion).store(used.completion_tokens, std::memory_order_release);
}

std::size_t CallTable::end(Index index, const End& how) {
  auto& slot = this->slot(index);
  slot.used = Tokens::of(how.used);
  slot.saved = Tokens::of(how.saved);
  slot.flags = (how.from_cache ? kFromCache : 0U) | (how.failed ? kFailed : 0U);
  const std::lock_guard lock(mu_);
  slot.number = ++number_;
  std::atomic_ref(slot.state).store(kEnded, std::memory_order_release);
  ended_.push_back(index);
  return ended_.size();
}

CallTable::Batch CallTable::take_ended() {
  const std::lock_guard lock(mu_);
  return {.number = number_, .calls = std::exchange(ended_, {})};
}

CallView CallTable::view(Index index) const {
  const auto& slot = this->slot(index);
  return {.labels = {.user = text_of(slot.user), .key = text_of(slot.key), .model = text_of(slot.model)}, .day = slot.day, .price = slot.price, .used = slot.used.usage(),
          .saved = slot.saved.usage(), .from_cache = (slot.flags & kFromCache) != 0, .failed = (slot.flags & kFailed) != 0};
}

void CallTable::release(const Batch& batch) {
  for (const auto index : batch.calls) std::atomic_ref(slot(index).state).store(kFree, std::memory_order_release);
  const std::lock_guard lock(mu_);
  free_.insert(free_.end(), batch.calls.begin(), batch.calls.end());
}

void CallTable::put_back(Batch batch) {
  const std::lock_guard lock(mu_);
  ended_.insert(ended_.begin(), batch.calls.begin(), batch.calls.end());
}

}  // namespace siyu::serving
