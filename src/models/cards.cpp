#include "models/cards.h"

#include <dlfcn.h>

#include <array>
#include <memory>

namespace siyu::models {
namespace {

// Of nvml.h, whose numbers and layouts the library keeps for good.
using Device = struct NvmlDevice*;
struct Memory {
  unsigned long long total = 0, free = 0, used = 0;
};
constexpr int kSuccess = 0;
constexpr int kMemoryClock = 2;             // NVML_CLOCK_MEM
constexpr double kTransfersPerClock = 2;    // double data rate
constexpr std::size_t kLongestName = 96;    // NVML_DEVICE_NAME_V2_BUFFER_SIZE

struct Close {
  void operator()(void* library) const { ::dlclose(library); }
};

class Nvml {
 public:
  Nvml() : library_(::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL)) {
    ready_ = call<int()>("nvmlInit_v2") == kSuccess;
  }
  ~Nvml() {
    if (ready_) call<int()>("nvmlShutdown");
  }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  bool ready() const { return ready_; }
  /// NVML's result, or −1 when this version has no such function.
  template <class Signature, class... Arguments>
  int call(const char* name, Arguments... arguments) const {
    auto* function = library_ ? reinterpret_cast<Signature*>(::dlsym(library_.get(), name)) : nullptr;
    return function == nullptr ? -1 : function(arguments...);
  }

 private:
  std::unique_ptr<void, Close> library_;
  bool ready_ = false;
};

Card read_card(const Nvml& nvml, Device device) {
  Card card;
  std::array<char, kLongestName> name{};
  if (nvml.call<int(Device, char*, unsigned)>("nvmlDeviceGetName", device, name.data(), static_cast<unsigned>(name.size() - 1)) == kSuccess) card.name = name.data();
  Memory memory;
  if (nvml.call<int(Device, Memory*)>("nvmlDeviceGetMemoryInfo", device, &memory) == kSuccess) {
    card.memory_bytes = memory.total;
    card.memory_free_bytes = memory.free;
  }
  unsigned mhz = 0, bits = 0;
  if (nvml.call<int(Device, int, unsigned*)>("nvmlDeviceGetMaxClockInfo", device, kMemoryClock, &mhz) == kSuccess &&
      nvml.call<int(Device, unsigned*)>("nvmlDeviceGetMemoryBusWidth", device, &bits) == kSuccess)
    card.memory_bytes_per_second = mhz * 1e6 * kTransfersPerClock * bits / 8;
  return card;
}

}  // namespace

std::vector<Card> read_cards() {
  std::vector<Card> cards;
  const Nvml nvml;
  unsigned count = 0;
  if (!nvml.ready() || nvml.call<int(unsigned*)>("nvmlDeviceGetCount_v2", &count) != kSuccess) return cards;
  for (unsigned i = 0; i < count; ++i) {
    Device device = nullptr;
    if (nvml.call<int(unsigned, Device*)>("nvmlDeviceGetHandleByIndex_v2", i, &device) == kSuccess) cards.push_back(read_card(nvml, device));
  }
  return cards;
}

}  // namespace siyu::models
