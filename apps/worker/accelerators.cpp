#include "accelerators.h"

#include <ggml-backend.h>

#include <algorithm>
#include <cctype>

namespace siyu::worker {
namespace {

namespace fs = std::filesystem;

std::vector<ggml_backend_dev_t> cards() {
  std::vector<ggml_backend_dev_t> found;
  for (std::size_t i = 0; i < ggml_backend_dev_count(); ++i) {
    auto* device = ggml_backend_dev_get(i);
    const auto type = ggml_backend_dev_type(device);
    if (type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU) found.push_back(device);
  }
  return found;
}

/// nvidia0, nvidia1 …, nvidiactl, nvidia-uvm, nvidia-uvm-tools
bool is_nvidia(const std::string& name) {
  constexpr std::string_view kPrefix = "nvidia";
  if (!name.starts_with(kPrefix)) return false;
  const auto rest = std::string_view(name).substr(kPrefix.size());
  return rest == "ctl" || rest.starts_with("-uvm") || (!rest.empty() && std::ranges::all_of(rest, [](unsigned char c) { return std::isdigit(c) != 0; }));
}

}  // namespace

std::vector<std::string> accelerators() {
  std::vector<std::string> names;
  for (auto* device : cards()) names.emplace_back(ggml_backend_dev_description(device));
  return names;
}

DriverFiles driver_files() {
  DriverFiles files;
  if (cards().empty()) return files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/dev", error))
    if (is_nvidia(entry.path().filename().string())) files.devices.push_back(entry.path());
  files.readable = {"/proc/self", "/proc/driver/nvidia", "/proc/devices", "/proc/meminfo", "/proc/cpuinfo", "/sys/devices", "/sys/bus/pci",
                    "/etc/ld.so.cache", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/cuda", "/usr/local/nvidia"};
  return files;
}

std::int64_t accelerator_bytes() {
  std::int64_t used = 0;
  for (auto* device : cards()) {
    std::size_t free = 0, total = 0;
    ggml_backend_dev_memory(device, &free, &total);
    used += static_cast<std::int64_t>(total - std::min(free, total));
  }
  return used;
}

}  // namespace siyu::worker
