#include "mcp/reply.h"

#include <limits>

#include "mcp/server.h"

namespace siyu::mcp {
namespace {

constexpr std::size_t kProgressBytes = 160;  // a sentence or two: enough to read along, few enough messages

std::string result_of(Asking& asking, const ReplyTo& to) { return result_text(to.id, Server::dress(to.revision, "tools/call", asking.result())); }

std::string sse_message(std::string_view data) { return "event: message\n" + net::sse_event(data); }

// A client that hangs up could not be given the answer later, for streams cannot be resumed here; so the work stops.

class WholeReply final : public net::DeferredResponse {
 public:
  WholeReply(std::shared_ptr<Asking> asking, ReplyTo to) : asking_(std::move(asking)), to_(std::move(to)) {}
  void start(Ready ready) override {
    asking_->next(std::numeric_limits<std::size_t>::max(), [asking = asking_, to = to_, ready = std::move(ready)](const auto&) mutable {
      ready(net::json_response(200, result_of(*asking, to)));
    });
  }
  void cancel() noexcept override { asking_->cancel(); }

 private:
  const std::shared_ptr<Asking> asking_;
  const ReplyTo to_;
};

class StreamedReply final : public net::BodyStream {
 public:
  StreamedReply(std::shared_ptr<Asking> asking, ReplyTo to) : asking_(std::move(asking)), to_(std::move(to)) {}
  ~StreamedReply() override { asking_->cancel(); }

  void pull(Ready ready) override {
    if (*ended_) return ready(std::optional<std::string>());
    asking_->next(kProgressBytes, [asking = asking_, to = to_, ended = ended_, ready = std::move(ready)](std::optional<std::string> piece) mutable {
      if (!piece) {
        *ended = true;
        return ready(std::optional(sse_message(result_of(*asking, to))));
      }
      ready(std::optional(sse_message(notification_text(
          "notifications/progress", {{"progressToken", to.progress_token}, {"progress", asking->written()}, {"message", std::move(*piece)}}))));
    });
  }
  void cancel() noexcept override { asking_->cancel(); }

 private:
  const std::shared_ptr<Asking> asking_;
  const ReplyTo to_;
  const std::shared_ptr<bool> ended_ = std::make_shared<bool>(false);  // shared: a pending pull may outlive its stream
};

}  // namespace

net::Response whole_reply(std::shared_ptr<Asking> asking, ReplyTo to) {
  return {.status = 200, .headers = {}, .body = std::make_unique<WholeReply>(std::move(asking), std::move(to))};
}

net::Response streamed_reply(std::shared_ptr<Asking> asking, ReplyTo to) {
  net::Response response{.status = 200, .headers = {}, .body = std::make_unique<StreamedReply>(std::move(asking), std::move(to))};
  response.headers.add("Content-Type", "text/event-stream");
  response.headers.add("Cache-Control", "no-cache");
  response.headers.add("X-Accel-Buffering", "no");  // nginx would hold the events back
  return response;
}

}  // namespace siyu::mcp
