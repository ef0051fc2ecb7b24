#include "serving/model_host.h"

#include <algorithm>

#include "crypto/hash.h"

namespace siyu::serving {
namespace {

std::string names_of(const std::map<std::string, Served>& served, Kind kind) {
  std::string names;
  for (const auto& [name, one] : served)
    if (one.kind == kind) names += (names.empty() ? "" : ", ") + name;
  return names;
}

}  // namespace

Kind kind_of(const models::ModelFacts& facts) {
  if (facts.rerank.value_or(false)) return Kind::kRerank;
  return facts.embedding ? Kind::kEmbedding : Kind::kChat;
}

Result<Served> ModelHost::start(const models::Model& model, const LoadOptions& options) {
  const std::lock_guard lock(mu_);
  if (const auto found = served_.find(model.name); found != served_.end()) {
    if (found->second.remote) return fail(ErrorCode::kConflict, "An engine elsewhere answers as " + model.name + "; remove it with `siyu engine rm " + model.name + "` first");
    return found->second;
  }
  ASSIGN_OR_RETURN(auto engine, start_(model, options));
  const Served served{.name = model.name, .kind = kind_of(model.facts), .loaded_at = clock_.now(),
                      .sha256 = model.sha256, .engine = std::move(engine)};
  served_[model.name] = served;
  return served;
}

Status ModelHost::resume(const Pass& pass) {
  ASSIGN_OR_RETURN(const auto models, library_.list(pass));
  for (const auto& model : models) {
    if (!model.wanted) continue;
    if (const auto started = start(model, {}); !started)
      log_.error("model_not_resumed", {{"model", model.name}, {"detail", started.error().message}});
  }
  ASSIGN_OR_RETURN(const auto remotes, remotes_.list(pass));
  for (const auto& record : remotes)
    if (const auto connected = connect(pass, record); !connected)
      log_.error("engine_not_resumed", {{"engine", record.name}, {"detail", connected.error().message}});
  return {};
}

Status ModelHost::load(const Pass& pass, const std::string& name, const LoadOptions& options) {
  ASSIGN_OR_RETURN(const auto model, library_.get(pass, name));
  ASSIGN_OR_RETURN(const auto served, start(model, options));
  if (const auto ready = wait_(*served.engine); !ready) {
    const std::lock_guard lock(mu_);
    if (const auto found = served_.find(name); found != served_.end() && found->second.engine == served.engine) served_.erase(found);
    return ready;
  }
  return library_.set_wanted(pass, name, true);
}

Status ModelHost::begin_load(const Pass& pass, const std::string& name) {
  ASSIGN_OR_RETURN(const auto model, library_.get(pass, name));
  RETURN_IF_ERROR(start(model, {}));
  return library_.set_wanted(pass, name, true);
}

Status ModelHost::unload(const Pass& pass, const std::string& name) {
  RETURN_IF_ERROR(library_.set_wanted(pass, name, false));
  std::optional<Served> gone;  // ends after the lock is given back: the worker may take a moment
  const std::lock_guard lock(mu_);
  if (const auto found = served_.find(name); found != served_.end()) {
    gone = std::move(found->second);
    served_.erase(found);
  }
  return {};
}

Status ModelHost::remove(const Pass& pass, const std::string& name) {
  if (find(name)) return fail(ErrorCode::kConflict, "The model " + name + " is loaded; unload it first");
  return library_.remove(pass, name);
}

Result<Served> ModelHost::connect(const Pass& pass, const RemoteRecord& record) {
  ASSIGN_OR_RETURN(auto key, remotes_.key_of(pass, record));
  const std::lock_guard lock(mu_);
  if (served_.contains(record.name)) return fail(ErrorCode::kConflict, "The model " + record.name + " is loaded here; unload it, or give the engine another name");
  const Served served{.name = record.name, .kind = record.kind, .loaded_at = record.added_at,
                      .sha256 = crypto::sha256_hex(as_bytes(record.url + "\n" + record.model)), .remote = true, .engine = connect_(record, std::move(key))};
  served_[record.name] = served;
  return served;
}

Result<Served> ModelHost::add_engine(const Pass& pass, RemoteRecord record, Sensitive<std::string> key) {
  if (library_.get(pass, record.name)) return fail(ErrorCode::kAlreadyExists, "A model of the library is named " + record.name + "; choose another name for the engine");
  ASSIGN_OR_RETURN(const auto added, remotes_.add(pass, std::move(record), key));
  ASSIGN_OR_RETURN(auto served, connect(pass, added));
  RETURN_IF_ERROR(wait_(*served.engine));
  return served;
}

Status ModelHost::remove_engine(const Pass& pass, const std::string& name) {
  RETURN_IF_ERROR(remotes_.remove(pass, name));
  std::optional<Served> gone;  // ends after the lock is given back
  const std::lock_guard lock(mu_);
  if (const auto found = served_.find(name); found != served_.end() && found->second.remote) {
    gone = std::move(found->second);
    served_.erase(found);
  }
  return {};
}

std::vector<Served> ModelHost::served() const {
  const std::lock_guard lock(mu_);
  std::vector<Served> all;
  for (const auto& [name, one] : served_) all.push_back(one);
  return all;
}

std::optional<Served> ModelHost::find(const std::string& name) const {
  const std::lock_guard lock(mu_);
  const auto found = served_.find(name);
  return found == served_.end() ? std::nullopt : std::optional(found->second);
}

bool ModelHost::serves(Kind kind) const {
  const std::lock_guard lock(mu_);
  return std::ranges::any_of(served_, [&](const auto& entry) { return entry.second.kind == kind; });
}

Result<Served> ModelHost::route(const std::string& name, Kind kind) const {
  const std::lock_guard lock(mu_);
  const auto names = names_of(served_, kind);
  if (kind == Kind::kAudio && names.empty() && !served_.contains(name))
    return fail_because(ErrorCode::kNotFound, "model_not_found", "No speech model is served. The models that run here cannot hear; add an engine elsewhere that offers "
                                                                 "/v1/audio/transcriptions, such as vLLM with a Whisper model, with `siyu engine add NAME --url URL --audio`");
  const std::string word = kind == Kind::kAudio ? "speech model" : kind == Kind::kRerank ? "reranker" : kind == Kind::kEmbedding ? "embedding model" : "chat model";
  const auto missing = [](std::string message) { return fail_because(ErrorCode::kNotFound, "model_not_found", std::move(message)); };
  if (!name.empty()) {
    const auto found = served_.find(name);
    if (found == served_.end()) return missing("The model `" + name + "` is not loaded; " + (names.empty() ? "no " + word + " is" : "loaded: " + names));
    // A chat model can embed as well; an embedding model cannot chat.
    if (kind == Kind::kChat && found->second.kind == Kind::kEmbedding) return fail(ErrorCode::kUnsupported, "The model `" + name + "` makes embeddings; it cannot chat");
    if (kind != Kind::kRerank && found->second.kind == Kind::kRerank) return fail(ErrorCode::kUnsupported, "The model `" + name + "` ranks documents; use it with /v1/rerank");
    if (kind == Kind::kAudio && found->second.kind != kind) return fail(ErrorCode::kUnsupported, "The model `" + name + "` cannot hear; " + (names.empty() ? "no speech model is served" : "speech models: " + names));
    if (kind != Kind::kAudio && found->second.kind == Kind::kAudio) return fail(ErrorCode::kUnsupported, "The model `" + name + "` turns speech into text; use it with /v1/audio/transcriptions");
    if (kind == Kind::kRerank && found->second.kind != kind) return fail(ErrorCode::kUnsupported, "The model `" + name + "` is no reranker");
    return found->second;
  }
  const Served* only = nullptr;
  for (const auto& [key, one] : served_) {
    if (one.kind != kind) continue;
    if (only != nullptr) return invalid("`model` is missing; choose one of: " + names);
    only = &one;
  }
  if (only == nullptr) return missing("No " + word + " is loaded; load one with `siyu model load NAME`");
  return *only;
}

}  // namespace siyu::serving
