// The model library: GGUF files in DIR/models and what is known of them.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "identity/pass.h"
#include "models/gguf_file.h"
#include "store/database.h"

namespace siyu::models {

/// The eyes of a vision model.
struct ProjectorFile {
  std::uint64_t bytes = 0;
  std::string sha256, origin;
};

struct Model {
  std::string name;
  ModelFacts facts;
  std::uint64_t bytes = 0;
  std::string sha256;
  std::string origin;  ///< file name or address it came from
  Timestamp added_at;
  bool wanted = false;  ///< it was loaded, and is to be loaded again after a restart
  std::uint32_t parts = 1;  ///< files of a split model
  std::optional<ProjectorFile> projector = {};  ///< with it the model sees pictures
};

/// A file that is to become a model, or one part of it.
struct ModelFile {
  std::filesystem::path path;
  std::optional<std::string> sha256 = {};  ///< refuse the file unless it has this checksum
};

/// The reason of the error when a file has another checksum than the expected one.
constexpr std::string_view kChecksumMismatch = "checksum_mismatch";

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
                            const std::optional<std::string>& sha256) {
    return import_files(pass, name, {{.path = file, .sha256 = sha256}}, origin);
  }
  /// The same for all parts of a split model, in order; the model's checksum is then that of the parts put
  /// together.
  Result<Model> import_files(const Pass& pass, const std::string& name, const std::vector<ModelFile>& files, const std::string& origin);
  /// Takes a projector over for a model, in place of one it has. It counts from the model's next start.
  Result<Model> add_projector(const Pass& pass, const std::string& name, const ModelFile& file, const std::string& origin);
  /// Whether the file is a projector for pictures, by its header.
  static Status check_projector(const std::filesystem::path& file);
  Result<std::vector<Model>> list(const Pass& pass);
  Result<Model> get(const Pass& pass, const std::string& name);
  Status remove(const Pass& pass, const std::string& name);
  Status set_wanted(const Pass& pass, const std::string& name, bool wanted);
  /// The file to load; the first part of a split model.
  std::filesystem::path file_of(const Model& model) const;
  /// Empty for a model without one.
  std::filesystem::path projector_of(const Model& model) const;
  /// Beside the models, on the same file system: for files on their way into the library. Never emptied by it.
  std::filesystem::path staging_dir() const { return dir_ / ".pulls"; }

 private:
  Status place(const Model& model, const std::vector<ModelFile>& files);
  std::filesystem::path parts_dir(const std::string& name) const { return dir_ / (name + ".parts"); }
  ModelLibrary(store::Database& db, std::filesystem::path dir, const Clock& clock) : db_(db), dir_(std::move(dir)), clock_(clock) {}
  store::Database& db_;
  const std::filesystem::path dir_;
  const Clock& clock_;
  std::mutex placing_;  ///< held while an import takes its name
};

}  // namespace siyu::models
