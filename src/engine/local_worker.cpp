#include "engine/local_worker.h"

#include <sys/eventfd.h>

#include "engine/worker_supervisor.h"

namespace siyu::engine {
namespace {

constexpr Millis kSmallCallLimit = std::chrono::seconds(30);  // tokenising waits for no computing, only for its turn

class WorkerStream final : public GenerationStream {
 public:
  WorkerStream(std::shared_ptr<WorkerSupervisor> supervisor, std::shared_ptr<StreamSink> sink, std::uint32_t stream)
      : supervisor_(std::move(supervisor)), sink_(std::move(sink)), stream_(stream) {}
  ~WorkerStream() override { supervisor_->cancel(stream_); }

  void pull(Ready ready) override {
    if (sink_->pull(std::move(ready))) supervisor_->resume(stream_);
  }
  void cancel() noexcept override {
    supervisor_->cancel(stream_);
    sink_->on_failure({ErrorCode::kCancelled, "The generation was cancelled"});
  }

 private:
  const std::shared_ptr<WorkerSupervisor> supervisor_;
  const std::shared_ptr<StreamSink> sink_;
  const std::uint32_t stream_;
};

Result<WorkerMessage> call(WorkerSupervisor& supervisor, const WorkerSupervisor::MakeMessage& make, Millis limit) {
  const auto sink = std::make_shared<CallSink>();
  ASSIGN_OR_RETURN(const auto stream, supervisor.open(make, sink));
  auto answer = sink->wait(limit);
  supervisor.cancel(stream);  // nothing, unless the wait ended first
  return answer;
}

template <class T>
Result<T> expect(Result<WorkerMessage> message) {
  if (!message) return std::unexpected(std::move(message).error());
  if (auto* wanted = std::get_if<T>(&*message)) return std::move(*wanted);
  return internal("The model process answered something else than was asked");
}

}  // namespace

std::filesystem::path worker_program(bool accelerators) {
  std::error_code ignored;
  const auto for_cards = sandbox::sibling_program("siyu-worker-cuda");
  const bool usable = accelerators && std::filesystem::exists("/dev/nvidiactl", ignored) && std::filesystem::exists(for_cards, ignored);
  return usable ? for_cards : sandbox::sibling_program("siyu-worker");
}

Result<std::unique_ptr<LocalWorker>> LocalWorker::start(LocalWorkerOptions options, const Clock& clock, Logger& log) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(options.model_file, ignored))
    return not_found("The model file of " + options.name + " is missing; import or pull the model again");
  for (const auto& adapter : options.load.adapters)
    if (!std::filesystem::is_regular_file(adapter.path, ignored)) return not_found("The file of the adapter " + adapter.name + " is missing; import or pull it again");
  if (!std::filesystem::is_regular_file(options.program, ignored))
    return fail(ErrorCode::kUnavailable, "The program siyu-worker is missing; install it beside siyu", options.program.string());
  sandbox::UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return internal("The system is out of file descriptors");
  auto supervisor = std::make_shared<WorkerSupervisor>(std::move(options), clock, log, std::move(wake));
  supervisor->start();
  return std::unique_ptr<LocalWorker>(new LocalWorker(std::move(supervisor)));
}

LocalWorker::~LocalWorker() { supervisor_->stop(); }

Status LocalWorker::wait_ready(Millis limit) { return supervisor_->wait_ready(limit); }

Result<std::unique_ptr<GenerationStream>> LocalWorker::generate(GenerateRequest request) {
  RETURN_IF_ERROR(validate(request));
  auto sink = std::make_shared<StreamSink>(supervisor_->options().stream_high_water);
  ASSIGN_OR_RETURN(const auto stream, supervisor_->open(
                                          [&](std::uint32_t id) { return Generate{id, std::move(request)}; }, sink));
  return std::make_unique<WorkerStream>(supervisor_, std::move(sink), stream);
}

Result<EmbedResult> LocalWorker::embed(const EmbedRequest& request) {
  const auto make = [&](std::uint32_t id) { return Embed{id, {request.texts, request.tokens}}; };
  ASSIGN_OR_RETURN(auto vectors, expect<Vectors>(call(*supervisor_, make, request.timeout)));
  return EmbedResult{.vectors = std::move(vectors.vectors), .prompt_tokens = vectors.prompt_tokens};
}

Result<RerankResult> LocalWorker::rerank(const RerankRequest& request) {
  const auto make = [&](std::uint32_t id) { return Rerank{id, {request.query, request.documents}}; };
  ASSIGN_OR_RETURN(const auto scores, expect<Vectors>(call(*supervisor_, make, request.timeout)));
  RerankResult result{.scores = {}, .prompt_tokens = scores.prompt_tokens};
  for (const auto& score : scores.vectors) result.scores.push_back(score.at(0));
  return result;
}

Result<std::vector<Token>> LocalWorker::tokenize(const std::string& text) {
  const auto make = [&](std::uint32_t id) { return Tokenize{id, text}; };
  ASSIGN_OR_RETURN(auto tokens, expect<Tokens>(call(*supervisor_, make, kSmallCallLimit)));
  return std::move(tokens.tokens);
}

Result<std::int32_t> LocalWorker::count_prompt_tokens(const GenerateRequest& request) {
  const auto make = [&](std::uint32_t id) { return CountPrompt{id, request}; };
  ASSIGN_OR_RETURN(const auto count, expect<Count>(call(*supervisor_, make, kSmallCallLimit)));
  return count.tokens;
}

ModelInfo LocalWorker::info() const { return supervisor_->info(); }
EngineHealth LocalWorker::health() const { return supervisor_->health(); }

}  // namespace siyu::engine
