#include "serving/gateway.h"

#include <utility>

#include "serving/admission.h"
#include "serving/metered_stream.h"

namespace siyu::serving {
namespace {

/// An engine that works for one caller: is the answer known → may they → engine → what did it take.
class CallersEngine final : public engine::Engine {
 public:
  struct Parts {
    std::shared_ptr<engine::Engine> engine;
    CachedModel model;
    Caller caller;
    CallOptions options;
    bool vision;
    const ModelHost& host;
    Meter& meter;
    AnswerCache& answers;
    const Clock& clock;
    CallObserver* observer;
  };
  explicit CallersEngine(Parts parts) : my_(std::move(parts)) {}

  Result<std::unique_ptr<engine::GenerationStream>> generate(engine::GenerateRequest request) override {
    const auto begun = my_.clock.steady_now();
    RETURN_IF_ERROR(check_sight(request));
    auto known = my_.answers.look_up(my_.caller, my_.model, request, my_.options);
    if (my_.options.report) my_.options.report->cache = known.use;
    if (known.answer) return again(*std::move(known.answer), known.use, begun);

    request.tenant = my_.caller.user.str();
    request.priority = my_.meter.priority(my_.caller, request.priority);
    ASSIGN_OR_RETURN(auto hold, admit(my_.meter, my_.caller, my_.model.name, *my_.engine, request));
    const auto estimate = prompt_estimate(request);
    ASSIGN_OR_RETURN(auto stream, my_.engine->generate(std::move(request)));
    MeteredCall call{.hold = std::move(hold), .record = {.model = my_.model.name, .cache = known.use}, .prompt_estimate = estimate, .begun = begun,
                     .clock = my_.clock, .observer = my_.observer};
    if (known.ticket && known.ticket->keep)
      call.keep = [&answers = my_.answers, ticket = *std::move(known.ticket)](const engine::Generation& whole) { answers.keep(ticket, whole); };
    return metered(std::move(stream), std::move(call));
  }

  Result<engine::EmbedResult> embed(const engine::EmbedRequest& request) override {
    return in_one(request, [&] { return my_.engine->embed(request); });
  }
  Result<engine::RerankResult> rerank(const engine::RerankRequest& request) override {
    return in_one(request, [&] { return my_.engine->rerank(request); });
  }

  Result<engine::TranscribeResult> transcribe(const engine::TranscribeRequest& request) override {
    return in_one(request, [&] { return my_.engine->transcribe(request); });
  }

  Result<std::vector<engine::Token>> tokenize(const std::string& text) override { return my_.engine->tokenize(text); }
  Result<std::int32_t> count_prompt_tokens(const engine::GenerateRequest& request) override {
    RETURN_IF_ERROR(check_sight(request));
    return my_.engine->count_prompt_tokens(request);
  }
  engine::ModelInfo info() const override { return my_.engine->info(); }
  engine::EngineHealth health() const override { return my_.engine->health(); }

 private:
  Status check_sight(const engine::GenerateRequest& request) const {
    if (my_.vision || engine::picture_count(request) == 0) return {};
    std::string names;
    for (const auto& served : my_.host.served())
      if (served.vision && served.kind == Kind::kChat) names += (names.empty() ? "" : ", ") + served.name;
    return fail_because(ErrorCode::kInvalidArgument, "model_cannot_see",
                        "The model `" + my_.model.name + "` cannot see pictures; " + (names.empty() ? "no model that can is loaded" : "models that can: " + names));
  }

  std::unique_ptr<engine::GenerationStream> again(engine::Generation answer, CacheUse use, SteadyTime begun) {
    const auto& saved = answer.finish.usage;
    my_.meter.record_cached(my_.caller, my_.model.name, saved);
    if (my_.observer != nullptr)
      my_.observer->on_call({.model = my_.model.name, .cache = use, .usage = saved, .seconds = std::chrono::duration<double>(my_.clock.steady_now() - begun).count()});
    return replay(std::move(answer));
  }

  /// A call that is answered in one piece and has a prompt only.
  template <class Request, class Work>
  std::invoke_result_t<Work> in_one(const Request& request, const Work& work) {
    const auto begun = my_.clock.steady_now();
    ASSIGN_OR_RETURN(auto hold, admit(my_.meter, my_.caller, my_.model.name, *my_.engine, request));
    auto result = work();
    CallRecord record{.model = my_.model.name, .outcome = result ? CallOutcome::kDone : CallOutcome::kFailed};
    if (result) record.usage.prompt_tokens = result->prompt_tokens;
    record.seconds = std::chrono::duration<double>(my_.clock.steady_now() - begun).count();
    hold.settle({.used = record.usage, .saved = {}, .from_cache = false, .failed = !result.has_value()});
    if (my_.observer != nullptr) my_.observer->on_call(record);
    return result;
  }

  const Parts my_;
};

}  // namespace

Result<Served> Gateway::route(const Pass& pass, const std::string& name, Kind kind, const CallOptions& options) const {
  ASSIGN_OR_RETURN(auto served, host_.route(name, kind));
  served.engine = std::make_shared<CallersEngine>(CallersEngine::Parts{.engine = std::move(served.engine), .model = {served.name, served.sha256},
                                                                       .caller = Caller::of(pass), .options = options, .vision = served.vision, .host = host_, .meter = meter_, .answers = answers_,
                                                                       .clock = clock_, .observer = observer_});
  return served;
}

}  // namespace siyu::serving
