#include "api/generation_reply.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/choice_stream.h"
#include "api/error_reply.h"

namespace siyu::api {
namespace {

constexpr std::size_t kEnough = 16UL << 10;  // of gathered events to send at once

/// One answer on its way. Events come one after the other, each perhaps on another thread.
struct Running {
  Running(std::vector<std::unique_ptr<chat::Stream>> streams, std::unique_ptr<ReplyWriter> body, GenerationReplyOptions given)
      : choices(std::move(streams)), writer(std::move(body)), options(std::move(given)), deadline(options.clock.steady_now() + options.limit) {}
  ~Running() { end(Error{ErrorCode::kCancelled, "The client has gone"}); }

  ChoiceStream choices;
  const std::unique_ptr<ReplyWriter> writer;
  const GenerationReplyOptions options;
  const SteadyTime deadline;
  bool ended = false, finished = false, failed = false;

  /// Milliseconds that are not the engine's; empty where an engine does not tell its own.
  std::string overhead() const {
    if (writer->engine_ms() <= 0) return {};
    return fmt::format("{:.3f}", std::max(0.0, std::chrono::duration<double, std::milli>(options.clock.steady_now() - options.begun).count() - writer->engine_ms()));
  }

  void end(std::optional<Error> error) {
    if (std::exchange(ended, true)) return;
    if (options.ended) options.ended(writer->usage(), error);
  }

  /// The text of one event; an error also when the generation takes too long. Sets `finished` or `failed` after the last one.
  Result<std::string> take(Result<std::optional<ChoiceStream::Event>> event) {
    if (event && options.clock.steady_now() > deadline) {
      choices.cancel();
      event = fail(ErrorCode::kDeadlineExceeded, "The generation took longer than " + std::to_string(options.limit.count() / 1000) + " seconds and was stopped");
    }
    if (!event) {
      failed = true;
      end(event.error());
      return std::unexpected(std::move(event).error());
    }
    if (*event) return writer->event((*event)->choice, std::move((*event)->event));
    finished = true;
    auto text = writer->end();
    end({});
    return text;
  }
};

class EventStream final : public net::BodyStream {
 public:
  EventStream(std::shared_ptr<Running> running, std::string first) : running_(std::move(running)), first_(std::move(first)) {}
  ~EventStream() override { running_->choices.cancel(); }

  /// Sends what there is as one piece: a slow client, or an engine that sends many tokens at once, costs one write and not many.
  void pull(Ready ready) override {
    if (running_->finished || running_->failed) return ready(first_.empty() ? std::nullopt : std::optional(std::exchange(first_, {})));
    struct Gathered {
      Ready ready;
      std::string text;
      void send() { ready(std::optional(std::move(text))); }
    };
    auto gathered = std::make_shared<Gathered>(std::move(ready), std::exchange(first_, {}));
    const auto take = [running = running_, gathered](Result<std::optional<ChoiceStream::Event>> event) {
      const auto text = running->take(std::move(event));
      gathered->text += text ? *text : running->writer->fail(text.error(), running->options.request_id);
      if (text && !running->finished && gathered->text.size() < kEnough) return true;
      gathered->send();
      return false;
    };
    const auto dry = [gathered] {
      if (gathered->text.empty()) return false;
      gathered->send();
      return true;
    };
    running_->choices.each(take, dry);
  }
  void cancel() noexcept override { running_->choices.cancel(); }

 private:
  const std::shared_ptr<Running> running_;
  std::string first_;
};

class GenerationResponse final : public net::DeferredResponse {
 public:
  explicit GenerationResponse(std::shared_ptr<Running> running) : running_(std::move(running)) {}

  void start(Ready ready) override {
    auto shared = std::make_shared<Ready>(std::move(ready));
    running_->choices.each([running = running_, shared](Result<std::optional<ChoiceStream::Event>> event) {
      auto text = running->take(std::move(event));
      if (!text) {
        (*shared)(error_reply(text.error(), running->options.request_id, running->options.log, running->writer->errors()));
        return false;
      }
      if (!running->writer->streams()) {
        if (!running->finished) return true;
        auto response = net::json_response(200, *std::move(text));
        response.headers.add("X-Siyu-Overhead-Ms", running->overhead());
        if (running->writer->errors() == ErrorShape::kAnthropic) response.headers.add("request-id", running->options.request_id);
        (*shared)(std::move(response));
        return false;
      }
      if (text->empty() && !running->finished) return true;
      net::Response response{.status = 200, .headers = {}, .body = std::make_unique<EventStream>(running, *std::move(text))};
      response.headers.add("Content-Type", "text/event-stream; charset=utf-8");
      response.headers.add("Cache-Control", "no-cache");
      if (running->writer->errors() == ErrorShape::kAnthropic) response.headers.add("request-id", running->options.request_id);
      response.headers.add("X-Accel-Buffering", "no");  // nginx would hold the events back
      (*shared)(std::move(response));
      return false;
    });
  }
  void cancel() noexcept override { running_->choices.cancel(); }

 private:
  const std::shared_ptr<Running> running_;
};

}  // namespace

net::Response generation_reply(std::vector<std::unique_ptr<chat::Stream>> choices, std::unique_ptr<ReplyWriter> writer, GenerationReplyOptions options) {
  auto running = std::make_shared<Running>(std::move(choices), std::move(writer), std::move(options));
  return {.status = 200, .headers = {}, .body = std::make_unique<GenerationResponse>(std::move(running))};
}

}  // namespace siyu::api
