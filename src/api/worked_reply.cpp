#include "api/worked_reply.h"

#include <exception>
#include <system_error>
#include <thread>
#include <utility>

#include "api/error_reply.h"

namespace siyu::api {
namespace {

using Work = std::move_only_function<Reply(std::stop_token)>;

Reply guarded(Work& work, const std::stop_token& stop) {
  try {
    return work(stop);
  } catch (const std::exception& error) {
    return std::unexpected(Error{.code = ErrorCode::kInternal, .message = "The server failed on this request", .detail = error.what()});
  }
}

class Worked final : public net::DeferredResponse {
 public:
  Worked(Work work, std::string request_id, Logger& log) : work_(std::move(work)), request_id_(std::move(request_id)), log_(log) {}

  void start(Ready ready) override {
    ready_ = std::move(ready);
    try {
      thread_ = std::jthread([this](const std::stop_token& stop) { answer(guarded(work_, stop)); });
    } catch (const std::system_error& error) {
      answer(fail(ErrorCode::kUnavailable, "The server cannot begin another thread; try again shortly", error.what()));
    }
  }
  void cancel() noexcept override { thread_.request_stop(); }

 private:
  void answer(Reply reply) {
    work_ = nullptr;  // what it holds is free before the client can ask again
    ready_(reply ? *std::move(reply) : error_reply(reply.error(), request_id_, log_));
  }

  Work work_;
  Ready ready_;
  const std::string request_id_;
  Logger& log_;
  std::jthread thread_;  // the last member: it is waited for before the others go
};

}  // namespace

net::Response worked_reply(Work work, std::string request_id, Logger& log) {
  return {.status = 200, .headers = {}, .body = std::make_unique<Worked>(std::move(work), std::move(request_id), log)};
}

}  // namespace siyu::api
