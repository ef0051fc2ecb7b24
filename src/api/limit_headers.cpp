#include "api/limit_headers.h"

#include <memory>
#include <utility>

namespace siyu::api {
namespace {

constexpr std::int64_t kWorthWaitingMs = 60'000;  // clients sleep in their caller's thread; nobody wants that for hours

void add_standing(net::Headers& headers, const std::string& what, const std::optional<serving::Standing>& standing) {
  if (!standing) return;
  headers.set("x-ratelimit-limit-" + what, std::to_string(standing->limit));
  headers.set("x-ratelimit-remaining-" + what, std::to_string(standing->remaining));
  headers.set("x-ratelimit-reset-" + what, duration_text(standing->reset_ms));
}

void add_standing(net::Headers& headers, const serving::CallerStanding& standing) {
  add_standing(headers, "requests", standing.requests);
  add_standing(headers, "tokens", standing.tokens);
}

/// Adds the headers when the answer's own headers are known.
class WithStanding final : public net::DeferredResponse {
 public:
  WithStanding(std::unique_ptr<net::DeferredResponse> inner, serving::CallerStanding standing) : inner_(std::move(inner)), standing_(standing) {}
  void start(Ready ready) override {
    inner_->start([ready = std::move(ready), standing = standing_](net::Response response) mutable {
      add_standing(response.headers, standing);
      ready(std::move(response));
    });
  }
  void cancel() noexcept override { inner_->cancel(); }

 private:
  const std::unique_ptr<net::DeferredResponse> inner_;
  const serving::CallerStanding standing_;
};

}  // namespace

std::string duration_text(std::int64_t ms) {
  if (ms < 1000) return std::to_string(ms) + "ms";
  const auto seconds = (ms + 999) / 1000;
  std::string text;
  if (seconds >= 3600) text += std::to_string(seconds / 3600) + "h";
  if (seconds >= 60) text += std::to_string(seconds / 60 % 60) + "m";
  return text + std::to_string(seconds % 60) + "s";
}

void add_limit_headers(net::Response& response, serving::Meter& meter, const serving::Caller& caller) {
  const auto standing = meter.standing(caller);
  if (!standing.requests && !standing.tokens) return;
  if (auto* deferred = std::get_if<std::unique_ptr<net::DeferredResponse>>(&response.body))
    response.body = std::make_unique<WithStanding>(std::move(*deferred), standing);
  else
    add_standing(response.headers, standing);
}

void add_retry_headers(net::Response& response, std::int64_t retry_after_ms) {
  if (retry_after_ms > 0) {
    response.headers.set("Retry-After", std::to_string((retry_after_ms + 999) / 1000));
    response.headers.set("retry-after-ms", std::to_string(retry_after_ms));
  }
  if (retry_after_ms == kNeverRetry || retry_after_ms > kWorthWaitingMs) response.headers.set("x-should-retry", "false");
}

}  // namespace siyu::api
