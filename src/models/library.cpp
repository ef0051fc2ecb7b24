#include "models/library.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "base/json.h"
#include "base/split_name.h"
#include "crypto/hash.h"
#include "models/adapter.h"
#include "store/blobs.h"

namespace siyu::models {

BOOST_DESCRIBE_STRUCT(AdapterFacts, (), (rank, alpha, base_model))
BOOST_DESCRIBE_STRUCT(ModelFacts, (), (architecture, title, license, quantization, embedding, rerank, chat_template, parameters, context_length, layers,
                                       embedding_length, heads, kv_heads, vocabulary, adapter))

BOOST_DESCRIBE_STRUCT(ProjectorFile, (), (bytes, sha256, origin))

namespace {

constexpr std::string_view kColumns = "name, facts, bytes, sha256, origin, added_at, wanted, parts, projector";

Result<Model> to_model(const store::Row& row) {
  ASSIGN_OR_RETURN(auto facts, from_json_text<ModelFacts>(row.text(1)));
  std::optional<ProjectorFile> projector;
  if (const auto text = row.text(8); !text.empty()) {
    ASSIGN_OR_RETURN(projector, from_json_text<ProjectorFile>(text));
  }
  return Model{.name = row.text(0), .facts = std::move(facts), .bytes = static_cast<std::uint64_t>(row.integer(2)), .sha256 = row.text(3),
               .origin = row.text(4), .added_at = row.time(5), .wanted = row.integer(6) != 0, .parts = static_cast<std::uint32_t>(row.integer(7)),
               .projector = std::move(projector)};
}

std::unexpected<Error> no_model(const std::string& name) {
  return not_found("There is no model named " + name + "; `siyu model list` shows those there are");
}

std::unexpected<Error> name_taken(const std::string& name) {
  return fail(ErrorCode::kAlreadyExists, "A model named " + name + " exists already; remove it first or choose another name");
}

std::string projector_name(const std::string& model, const ProjectorFile& projector) { return model + "." + projector.sha256.substr(0, 16) + ".mmproj"; }

/// Also tells when the checksum is not the expected one.
Status check_sha256(const ModelFile& file, const std::string& actual) {
  if (!file.sha256 || *file.sha256 == actual) return {};
  return fail_because(ErrorCode::kInvalidArgument, std::string(kChecksumMismatch),
                      "The file's SHA-256 is " + actual + ", not " + *file.sha256 + " as expected; copy or download it again");
}

std::string part_name(std::size_t part, std::size_t parts) {
  return SplitName{.stem = "model", .part = static_cast<std::uint32_t>(part), .parts = static_cast<std::uint32_t>(parts)}.text();
}

/// The first part says what the model is; each part holds some of its tensors.
Status read_facts(const std::vector<ModelFile>& files, ModelFacts& facts) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    ASSIGN_OR_RETURN(const auto gguf, read_gguf(files[i].path));
    const auto parts = std::max<std::uint64_t>(1, gguf.number("split.count"));
    if (parts != files.size())
      return invalid(fmt::format("The file is one of {} parts of a model, and {} came; bring all parts together, or pull the model from a hub", parts, files.size()));
    if (is_adapter(gguf)) RETURN_IF_ERROR(check_adapter(gguf));
    if (is_projector(gguf))
      return invalid("The file is the projector of a vision model, its eyes, and cannot run alone. Import the model itself, with this file as --projector");
    auto more = facts_of(gguf);
    if (i == 0) facts = std::move(more);
    else facts.parameters += more.parameters;
  }
  if (facts.architecture.empty()) return invalid("The GGUF file names no architecture; it is not a model");
  if (facts.adapter && files.size() > 1) return invalid("An adapter is one file, and several came; import it by itself");
  return {};
}

/// Hashes a file of any size, also into `whole` when there is one, and syncs it to disk.
Result<std::string> hash_and_sync(const std::filesystem::path& file, std::uint64_t& bytes, crypto::Sha256* whole) {
  crypto::Sha256 hasher;
  std::ifstream in(file, std::ios::binary);
  std::string piece(4UL << 20, '\0');
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0) {
    const auto read = as_bytes(std::string_view(piece.data(), static_cast<std::size_t>(in.gcount())));
    hasher.update(read);
    if (whole != nullptr) whole->update(read);
    bytes += static_cast<std::uint64_t>(in.gcount());
  }
  if (in.bad()) return fail(ErrorCode::kUnavailable, "The model file cannot be read back from the disk", file.string());
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!synced) return fail(ErrorCode::kUnavailable, "The model file cannot be synced to the disk", file.string());
  return hasher.hex();
}

}  // namespace

Status check_name(std::string_view name) {
  constexpr std::size_t kMaxName = 128;
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.' || c == ':';
  });
  if (name.empty() || name.size() > kMaxName || !plain || name.starts_with('.'))
    return invalid("A model's name has 1 to 128 letters, digits, dots, colons, dashes or underscores, and begins with no dot");
  return {};
}

std::vector<store::Migration> migrations() {
  return {{.number = 100, .name = "models", .sql = R"sql(
CREATE TABLE models (name TEXT PRIMARY KEY, facts TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, origin TEXT NOT NULL,
  added_at INTEGER NOT NULL, wanted INTEGER NOT NULL DEFAULT 0);
)sql"},
          {.number = 102, .name = "model pulls", .sql = R"sql(
ALTER TABLE models ADD COLUMN parts INTEGER NOT NULL DEFAULT 1;
CREATE TABLE model_pulls (id TEXT PRIMARY KEY, reference TEXT NOT NULL, name TEXT NOT NULL, named INTEGER NOT NULL, sha256 TEXT NOT NULL,
  load INTEGER NOT NULL, actor TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', plan TEXT NOT NULL DEFAULT '[]', created_at INTEGER NOT NULL,
  ended_at INTEGER);
)sql"},
          {.number = 145, .name = "projectors of models", .sql = "ALTER TABLE models ADD COLUMN projector TEXT NOT NULL DEFAULT '';"}};
}

Result<std::unique_ptr<ModelLibrary>> ModelLibrary::open(store::Database& db, const std::filesystem::path& dir, const Clock& clock) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) return fail(ErrorCode::kUnavailable, "The folder " + dir.string() + " cannot be made; check the data folder's permissions", error.message());
  ASSIGN_OR_RETURN(const auto rows, db.read([](store::Transaction& tx) { return tx.query("SELECT " + std::string(kColumns) + " FROM models"); }));
  std::set<std::string> known{".pulls"};
  for (const auto& row : rows) {
    ASSIGN_OR_RETURN(const auto model, to_model(row));
    known.insert(model.name + (model.parts == 1 ? ".gguf" : ".parts"));
    if (model.projector) known.insert(projector_name(model.name, *model.projector));
  }
  // A file without a row is an import that was killed between the two; its caller never had an answer.
  for (const auto& entry : std::filesystem::directory_iterator(dir, error))
    if (!known.contains(entry.path().filename().string())) std::filesystem::remove_all(entry.path(), error);
  return std::unique_ptr<ModelLibrary>(new ModelLibrary(db, dir, clock));
}

std::filesystem::path ModelLibrary::file_of(const Model& model) const {
  return model.parts == 1 ? dir_ / (model.name + ".gguf") : parts_dir(model.name) / part_name(1, model.parts);
}

Result<Model> ModelLibrary::import_files(const Pass& pass, const std::string& name, const std::vector<ModelFile>& files, const std::string& origin) {
  RETURN_IF_ERROR(check_name(name));
  if (get(pass, name)) return name_taken(name);
  Model model{.name = name, .facts = {}, .bytes = 0, .sha256 = {}, .origin = origin, .added_at = clock_.now(), .parts = static_cast<std::uint32_t>(files.size())};
  RETURN_IF_ERROR(read_facts(files, model.facts));
  crypto::Sha256 whole;
  for (const auto& file : files) {
    ASSIGN_OR_RETURN(model.sha256, hash_and_sync(file.path, model.bytes, files.size() > 1 ? &whole : nullptr));
    RETURN_IF_ERROR(check_sha256(file, model.sha256));
  }
  if (files.size() > 1) model.sha256 = whole.hex();
  RETURN_IF_ERROR(place(model, files));
  return model;
}

Status ModelLibrary::place(const Model& model, const std::vector<ModelFile>& files) {
  const std::lock_guard lock(placing_);
  ASSIGN_OR_RETURN(const auto taken, db_.read([&](store::Transaction& tx) { return tx.query("SELECT 1 FROM models WHERE name = ?", model.name); }));
  if (!taken.empty()) return name_taken(model.name);
  std::error_code error;
  if (files.size() > 1) {
    std::filesystem::remove_all(parts_dir(model.name), error);
    std::filesystem::create_directory(parts_dir(model.name), error);
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto target = files.size() == 1 ? file_of(model) : parts_dir(model.name) / part_name(i + 1, files.size());
    if (::rename(files[i].path.c_str(), target.c_str()) != 0)
      return fail(ErrorCode::kUnavailable, "The model file cannot be moved into the library", target.string());
    ::chmod(target.c_str(), 0600);
  }
  if (files.size() > 1) RETURN_IF_ERROR(store::sync_directory(parts_dir(model.name)));
  RETURN_IF_ERROR(store::sync_directory(dir_));
  return db_.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("INSERT INTO models (name, facts, bytes, sha256, origin, added_at, parts) VALUES (?, ?, ?, ?, ?, ?, ?)", model.name,
                               to_json_text(model.facts), model.bytes, model.sha256, model.origin, model.added_at, model.parts));
    return {};
  });
}

std::filesystem::path ModelLibrary::projector_of(const Model& model) const {
  return model.projector ? dir_ / projector_name(model.name, *model.projector) : std::filesystem::path();
}

Status ModelLibrary::check_projector(const std::filesystem::path& file) {
  ASSIGN_OR_RETURN(const auto gguf, read_gguf(file));
  if (!is_projector(gguf)) return invalid("The file is no projector; those of vision models are called mmproj-….gguf");
  const auto sees = gguf.values.find("clip.has_vision_encoder");
  const auto* flag = sees == gguf.values.end() ? nullptr : std::get_if<bool>(&sees->second);
  if (flag == nullptr || !*flag) return fail(ErrorCode::kUnsupported, "The projector has no vision encoder; projectors for sound are not used here");
  return {};
}

Result<Model> ModelLibrary::add_projector(const Pass& pass, const std::string& name, const ModelFile& file, const std::string& origin) {
  RETURN_IF_ERROR(check_projector(file.path));
  ASSIGN_OR_RETURN(auto model, get(pass, name));
  if (model.facts.adapter) return invalid(name + " is an adapter and sees nothing; give the projector to the model it was made for");
  if (model.facts.embedding) return invalid("The model " + name + " makes embeddings; a projector gives sight to chat models");
  ProjectorFile projector{.origin = origin};
  ASSIGN_OR_RETURN(projector.sha256, hash_and_sync(file.path, projector.bytes, nullptr));
  RETURN_IF_ERROR(check_sha256(file, projector.sha256));

  const std::lock_guard lock(placing_);
  const auto before = projector_of(model);
  model.projector = std::move(projector);
  const auto target = projector_of(model);
  if (::rename(file.path.c_str(), target.c_str()) != 0) return fail(ErrorCode::kUnavailable, "The projector cannot be moved into the library", target.string());
  ::chmod(target.c_str(), 0600);
  RETURN_IF_ERROR(store::sync_directory(dir_));
  RETURN_IF_ERROR(db_.write([&](store::Transaction& tx) -> Status {
    ASSIGN_OR_RETURN(const auto changed, tx.execute("UPDATE models SET projector = ? WHERE name = ?", to_json_text(*model.projector), name));
    if (changed == 0) return no_model(name);
    return {};
  }));
  std::error_code ignored;
  if (!before.empty() && before != target) std::filesystem::remove(before, ignored);
  return model;
}

Result<std::vector<Model>> ModelLibrary::list(const Pass&) {
  ASSIGN_OR_RETURN(const auto rows, db_.read([](store::Transaction& tx) { return tx.query("SELECT " + std::string(kColumns) + " FROM models ORDER BY name"); }));
  std::vector<Model> models;
  for (const auto& row : rows) {
    ASSIGN_OR_RETURN(auto model, to_model(row));
    models.push_back(std::move(model));
  }
  return models;
}

Result<Model> ModelLibrary::get(const Pass&, const std::string& name) {
  ASSIGN_OR_RETURN(const auto rows, db_.read([&](store::Transaction& tx) { return tx.query("SELECT " + std::string(kColumns) + " FROM models WHERE name = ?", name); }));
  if (rows.empty()) return no_model(name);
  return to_model(rows[0]);
}

Status ModelLibrary::remove(const Pass& pass, const std::string& name) {
  ASSIGN_OR_RETURN(const auto model, get(pass, name));
  RETURN_IF_ERROR(db_.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("DELETE FROM models WHERE name = ?", name));
    return {};
  }));
  std::error_code error;
  std::filesystem::remove_all(model.parts == 1 ? file_of(model) : parts_dir(name), error);
  if (model.projector && !error) std::filesystem::remove(projector_of(model), error);
  if (error) return fail(ErrorCode::kUnavailable, "The model's file cannot be deleted; it goes at the next start", error.message());
  return {};
}

Result<std::vector<Model>> ModelLibrary::adapters_for(const Pass& pass, const Model& model, const std::vector<std::string>& names) {
  if (names.empty()) return std::vector<Model>();
  ASSIGN_OR_RETURN(const auto header, read_gguf(file_of(model)));
  std::vector<Model> adapters;
  for (const auto& name : names) {
    ASSIGN_OR_RETURN(auto adapter, get(pass, name));
    if (!adapter.facts.adapter) return invalid(name + " is a model of its own, not an adapter; `siyu model list` shows the adapters");
    ASSIGN_OR_RETURN(const auto file, read_gguf(file_of(adapter)));
    RETURN_IF_ERROR(check_fits(header, model.name, file, name));
    adapters.push_back(std::move(adapter));
  }
  return adapters;
}

Status ModelLibrary::set_wanted(const Pass&, const std::string& name, bool wanted) {
  return db_.write([&](store::Transaction& tx) -> Status {
    ASSIGN_OR_RETURN(const auto changed, tx.execute("UPDATE models SET wanted = ? WHERE name = ?", wanted, name));
    if (changed == 0) return no_model(name);
    return {};
  });
}

}  // namespace siyu::models
