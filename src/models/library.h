// The model library: GGUF files in DIR/models and what is known of them.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "identity/pass.h"
#include "models/gguf_file.h"
#include "store/database.h"

namespace siyu::models {

struct Model {
  std::string name;
  ModelFacts facts;
  std::uint64_t bytes = 0;
  std::string sha256;
  std::string origin;  ///< file name or address it came from
  Timestamp added_at;
  bool wanted = false;  ///< it was loaded, and is to be loaded again after a restart
};

std::vector<store::Migration> migrations();
/// Whether a model, or an engine that stands for one, may be called so.
Status check_name(std::string_view name);

/// Thread-safe.
class ModelLibrary {
 public:
  /// Removes what an interrupted import left in `dir`.
  static Result<std::unique_ptr<ModelLibrary>> open(store::Database& db, const std::filesystem::path& dir, const Clock& clock);

  /// Takes the file over (same file system). Checks the header, and the checksum when one is given.
  Result<Model> import_file(const Pass& pass, const std::string& name, const std::filesystem::path& file, const std::string& origin,
                            const std::optional<std::string>& sha256);
  Result<std::vector<Model>> list(const Pass& pass);
  Result<Model> get(const Pass& pass, const std::string& name);
  Status remove(const Pass& pass, const std::string& name);
  Status set_wanted(const Pass& pass, const std::string& name, bool wanted);
  std::filesystem::path file_of(const Model& model) const;

 private:
  ModelLibrary(store::Database& db, std::filesystem::path dir, const Clock& clock) : db_(db), dir_(std::move(dir)), clock_(clock) {}
  store::Database& db_;
  const std::filesystem::path dir_;
  const Clock& clock_;
};

}  // namespace siyu::models
