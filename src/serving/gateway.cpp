#include "serving/gateway.h"

#include <utility>

namespace siyu::serving {
namespace {

/// An engine that works for one caller.
class CallersEngine final : public engine::Engine {
 public:
  CallersEngine(std::shared_ptr<engine::Engine> engine, std::string tenant) : engine_(std::move(engine)), tenant_(std::move(tenant)) {}

  Result<std::unique_ptr<engine::GenerationStream>> generate(engine::GenerateRequest request) override {
    request.tenant = tenant_;
    return engine_->generate(std::move(request));
  }
  Result<engine::EmbedResult> embed(const engine::EmbedRequest& request) override { return engine_->embed(request); }
  Result<engine::RerankResult> rerank(const engine::RerankRequest& request) override { return engine_->rerank(request); }
  Result<std::vector<engine::Token>> tokenize(const std::string& text) override { return engine_->tokenize(text); }
  Result<std::int32_t> count_prompt_tokens(const engine::GenerateRequest& request) override { return engine_->count_prompt_tokens(request); }
  engine::ModelInfo info() const override { return engine_->info(); }
  engine::EngineHealth health() const override { return engine_->health(); }

 private:
  const std::shared_ptr<engine::Engine> engine_;
  const std::string tenant_;
};

}  // namespace

Result<Served> Gateway::route(const Pass& pass, const std::string& name, Kind kind) const {
  ASSIGN_OR_RETURN(auto served, host_.route(name, kind));
  served.engine = std::make_shared<CallersEngine>(std::move(served.engine), pass.principal().user.str());
  return served;
}

}  // namespace siyu::serving
