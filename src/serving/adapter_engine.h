// A deployment's model with one of its adapters: the same replicas under another name.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"

namespace siyu::serving {

/// Thread-safe.
class AdapterEngine final : public engine::Engine {
 public:
  AdapterEngine(std::string name, std::string adapter, std::shared_ptr<engine::Engine> engine)
      : name_(std::move(name)), adapter_(std::move(adapter)), engine_(std::move(engine)) {}

  Result<std::unique_ptr<engine::GenerationStream>> generate(engine::GenerateRequest request) override {
    request.adapter = adapter_;
    return engine_->generate(std::move(request));
  }
  /// Vectors are the model's own, whatever adapters it has.
  Result<engine::EmbedResult> embed(const engine::EmbedRequest&) override {
    return fail(ErrorCode::kUnsupported, "The model `" + name_ + "` is a chat model with an adapter; for embeddings name an embedding model");
  }
  Result<engine::RerankResult> rerank(const engine::RerankRequest&) override {
    return fail(ErrorCode::kUnsupported, "The model `" + name_ + "` is a chat model with an adapter; for ranking name a reranker");
  }
  Result<std::vector<engine::Token>> tokenize(const std::string& text) override { return engine_->tokenize(text); }
  Result<std::int32_t> count_prompt_tokens(const engine::GenerateRequest& request) override {
    auto adapted = request;
    adapted.adapter = adapter_;
    return engine_->count_prompt_tokens(adapted);
  }
  engine::ModelInfo info() const override {
    auto info = engine_->info();
    info.name = name_;
    return info;
  }
  engine::EngineHealth health() const override { return engine_->health(); }

 private:
  const std::string name_, adapter_;
  const std::shared_ptr<engine::Engine> engine_;  // shared with the plain name, and with requests under way
};

}  // namespace siyu::serving
