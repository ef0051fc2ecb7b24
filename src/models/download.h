// One file from the net onto the disk: resumed after every cut, never larger than announced, never onto a full disk.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>

#include "base/clock.h"
#include "models/fetch.h"
#include "models/hub.h"

namespace siyu::models {

struct DownloadLimits {
  std::chrono::seconds give_up{600};              ///< without a new byte for so long
  std::chrono::milliseconds first_wait{200};      ///< before trying again; doubles up to longest_wait while nothing arrives
  std::chrono::milliseconds longest_wait{30'000};
  std::uint64_t disk_reserve = 256ULL << 20;      ///< left free on the disk for everything else
};

/// What a download tells while it runs.
struct DownloadEvents {
  std::function<void(std::uint64_t bytes_of_file)> progress;
  std::function<Status()> plan_changed;                   ///< the file's size or validator is known now; to be kept on disk
  std::function<void(const std::string& why)> retrying;  ///< empty: data flows again
};

/// kNotFound, kPermissionDenied, kInvalidArgument, kStorageFull: trying again does not help before something is done.
/// kUnavailable: gave up; what has arrived is kept. kCancelled after stop.
Status download(Fetcher& fetcher, const HubOptions& hubs, PlannedFile& file, const std::filesystem::path& target, const DownloadLimits& limits, const Clock& clock,
                Stop& stop, const DownloadEvents& events);

/// kStorageFull when `needed` bytes more would leave less than `reserve` on the disk of `dir`.
Status check_disk_space(const std::filesystem::path& dir, std::uint64_t needed, std::uint64_t reserve);

}  // namespace siyu::models
