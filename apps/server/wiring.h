// The whole machine, built in one place.
#pragma once

#include <memory>
#include <string>

#include "api/dispatcher.h"
#include "base/config.h"
#include "net/server.h"

namespace siyu::server {

class Machine {
 public:
  /// Opens the data folder, heals what an earlier kill left, and starts to listen.
  static Result<std::unique_ptr<Machine>> start(const Config& config);
  ~Machine();

  std::string url() const;
  std::filesystem::path ca_file() const;  ///< empty on plain HTTP
  Logger& log();
  /// Finishes what runs, within the configured time.
  void drain();

 private:
  struct Parts;
  explicit Machine(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace siyu::server
