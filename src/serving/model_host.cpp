#include "serving/model_host.h"

#include <algorithm>

namespace siyu::serving {
namespace {

std::string names_of(const ServedNames& served, Kind kind) {
  std::string names;
  for (const auto& [name, one] : served)
    if (one.kind == kind) names += (names.empty() ? "" : ", ") + name;
  return names;
}

}  // namespace

Result<std::vector<std::string>> ModelHost::start(const Pass& pass, const models::Model& model, const LoadOptions& options, bool& fresh) {
  std::vector<std::string> evicted;
  const auto origin = deployments_.origin_of(model.name);
  if (origin == Origin::kEngine)
    return fail(ErrorCode::kConflict, "An engine elsewhere answers as " + model.name + "; remove it with `siyu engine rm " + model.name + "` first");
  fresh = !origin;
  if (fresh) {
    DeploymentSpec spec{.name = model.name, .origin = Origin::kModel, .versions = {{.version = "v1", .model = model.name, .options = options, .weight = 100}}};
    RETURN_IF_ERROR(deployments_.create(pass, std::move(spec), &evicted));
  } else {
    RETURN_IF_ERROR(deployments_.wake(pass, model.name, &evicted));
  }
  return evicted;
}

Result<std::vector<std::string>> ModelHost::load(const Pass& pass, const std::string& name, const LoadOptions& options) {
  ASSIGN_OR_RETURN(const auto model, library_.get(pass, name));
  bool fresh = false;
  ASSIGN_OR_RETURN(auto evicted, start(pass, model, options, fresh));
  for (const auto& engine : deployments_.engines_of(name)) {
    const auto ready = wait_(*engine);
    if (ready) continue;
    if (fresh) (void)deployments_.remove(pass, name);
    return std::unexpected(ready.error());
  }
  return evicted;
}

Status ModelHost::begin_load(const Pass& pass, const std::string& name) {
  ASSIGN_OR_RETURN(const auto model, library_.get(pass, name));
  bool fresh = false;
  RETURN_IF_ERROR(start(pass, model, {}, fresh));
  return {};
}

Status ModelHost::unload(const Pass& pass, const std::string& name) {
  const auto origin = deployments_.origin_of(name);
  if (origin == Origin::kModel) return deployments_.remove(pass, name);
  if (origin == Origin::kDeploy) return fail(ErrorCode::kConflict, name + " is a deployment; remove it with `siyu deploy rm " + name + "`");
  RETURN_IF_ERROR(library_.get(pass, name));
  return {};
}

Status ModelHost::check_unused(const std::string& name) const {
  if (deployments_.origin_of(name) == Origin::kModel) return fail(ErrorCode::kConflict, "The model " + name + " is loaded; unload it first");
  if (deployments_.uses_model(name)) return fail(ErrorCode::kConflict, "A deployment runs the model " + name + "; remove the deployment or its version first");
  return {};
}

Result<models::Model> ModelHost::add_projector(const Pass& pass, const std::string& name, const models::ModelFile& file, const std::string& origin) {
  RETURN_IF_ERROR(check_unused(name));
  return library_.add_projector(pass, name, file, origin);
}

Status ModelHost::remove(const Pass& pass, const std::string& name) {
  RETURN_IF_ERROR(check_unused(name));
  return library_.remove(pass, name);
}

Result<Served> ModelHost::add_engine(const Pass& pass, RemoteRecord record, Sensitive<std::string> key) {
  if (library_.get(pass, record.name)) return fail(ErrorCode::kAlreadyExists, "A model of the library is named " + record.name + "; choose another name for the engine");
  if (deployments_.origin_of(record.name) == Origin::kDeploy) return fail(ErrorCode::kAlreadyExists, "A deployment is named " + record.name + "; choose another name for the engine");
  ASSIGN_OR_RETURN(const auto added, remotes_.add(pass, std::move(record), key));
  RETURN_IF_ERROR(deployments_.create(pass, {.name = added.name, .origin = Origin::kEngine, .kind = added.kind,
                                             .versions = {{.version = "v1", .model = {}, .engines = {added.name}, .replicas = 0, .weight = 100}}}));
  for (const auto& engine : deployments_.engines_of(added.name)) RETURN_IF_ERROR(wait_(*engine));
  const auto served = find(added.name);
  if (!served) return not_found("The engine " + added.name + " was removed while it was added");
  return *served;
}

Status ModelHost::remove_engine(const Pass& pass, const std::string& name) {
  if (deployments_.uses_engine(name, name)) return fail(ErrorCode::kConflict, "A deployment uses the engine " + name + "; remove its version first");
  RETURN_IF_ERROR(remotes_.remove(pass, name));
  if (deployments_.origin_of(name) == Origin::kEngine) return deployments_.remove(pass, name);
  return {};
}

std::vector<Served> ModelHost::served() const {
  std::vector<Served> all;
  for (const auto& [name, one] : *deployments_.served()) all.push_back(one);
  return all;
}

std::optional<Served> ModelHost::find(const std::string& name) const {
  const auto served = deployments_.served();
  const auto found = served->find(name);
  return found == served->end() ? std::nullopt : std::optional(found->second);
}

bool ModelHost::serves(Kind kind) const {
  const auto served = deployments_.served();
  return std::ranges::any_of(*served, [&](const auto& entry) { return entry.second.kind == kind; });
}

Result<Served> ModelHost::route(const std::string& name, Kind kind) const {
  const auto served = deployments_.served();
  const auto names = names_of(*served, kind);
  if (kind == Kind::kAudio && names.empty() && !served->contains(name))
    return fail_because(ErrorCode::kNotFound, "model_not_found", "No speech model is served. The models that run here cannot hear; add an engine elsewhere that offers "
                                                                 "/v1/audio/transcriptions, such as vLLM with a Whisper model, with `siyu engine add NAME --url URL --audio`");
  const std::string word = kind == Kind::kAudio ? "speech model" : kind == Kind::kRerank ? "reranker" : kind == Kind::kEmbedding ? "embedding model" : "chat model";
  const auto missing = [](std::string message) { return fail_because(ErrorCode::kNotFound, "model_not_found", std::move(message)); };
  if (!name.empty()) {
    const auto found = served->find(name);
    if (found == served->end()) return missing("The model `" + name + "` is not loaded; " + (names.empty() ? "no " + word + " is" : "loaded: " + names));
    // A chat model can embed as well; an embedding model cannot chat.
    if (kind == Kind::kChat && found->second.kind == Kind::kEmbedding) return fail(ErrorCode::kUnsupported, "The model `" + name + "` makes embeddings; it cannot chat");
    if (kind != Kind::kRerank && found->second.kind == Kind::kRerank) return fail(ErrorCode::kUnsupported, "The model `" + name + "` ranks documents; use it with /v1/rerank");
    if (kind == Kind::kAudio && found->second.kind != kind) return fail(ErrorCode::kUnsupported, "The model `" + name + "` cannot hear; " + (names.empty() ? "no speech model is served" : "speech models: " + names));
    if (kind != Kind::kAudio && found->second.kind == Kind::kAudio) return fail(ErrorCode::kUnsupported, "The model `" + name + "` turns speech into text; use it with /v1/audio/transcriptions");
    if (kind == Kind::kRerank && found->second.kind != kind) return fail(ErrorCode::kUnsupported, "The model `" + name + "` is no reranker");
    return found->second;
  }
  const Served* only = nullptr;
  for (const auto& [key, one] : *served) {
    if (one.kind != kind) continue;
    if (only != nullptr) return invalid("`model` is missing; choose one of: " + names);
    only = &one;
  }
  if (only == nullptr) return missing("No " + word + " is loaded; load one with `siyu model load NAME`");
  return *only;
}

}  // namespace siyu::serving
