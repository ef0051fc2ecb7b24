#include "api/limit_headers.h"

#include <memory>
#include <utility>

namespace siyu::api {
namespace {

constexpr std::int64_t kWorthWaitingMs = 60'000;  // clients sleep in their caller's thread; nobody wants that for hours

using Fields = std::vector<std::pair<std::string, std::string>>;

void add_standing(Fields& fields, const std::string& what, const std::optional<serving::Standing>& standing) {
  if (!standing) return;
  fields.emplace_back("x-ratelimit-limit-" + what, std::to_string(standing->limit));
  fields.emplace_back("x-ratelimit-remaining-" + what, std::to_string(standing->remaining));
  fields.emplace_back("x-ratelimit-reset-" + what, duration_text(standing->reset_ms));
}

void add_cache_use(Fields& fields, serving::CacheUse use) {
  using enum serving::CacheUse;
  if (use != kNone) fields.emplace_back("X-Siyu-Cache", use == kExact ? "hit" : use == kSemantic ? "similar" : "miss");
}

/// Adds the fields when the answer's own headers are known.
class WithFields final : public net::DeferredResponse {
 public:
  WithFields(std::unique_ptr<net::DeferredResponse> inner, Fields fields) : inner_(std::move(inner)), fields_(std::move(fields)) {}
  void start(Ready ready) override {
    inner_->start([ready = std::move(ready), fields = std::move(fields_)](net::Response response) mutable {
      for (auto& [name, value] : fields) response.headers.add(std::move(name), std::move(value));
      ready(std::move(response));
    });
  }
  void cancel() noexcept override { inner_->cancel(); }

 private:
  const std::unique_ptr<net::DeferredResponse> inner_;
  Fields fields_;
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

void add_call_headers(net::Response& response, serving::Meter& meter, const serving::Caller& caller, const serving::CallReport* report) {
  const auto standing = meter.standing(caller);
  Fields fields;
  add_standing(fields, "requests", standing.requests);
  add_standing(fields, "tokens", standing.tokens);
  if (report != nullptr) add_cache_use(fields, report->cache);
  if (fields.empty()) return;
  if (auto* deferred = std::get_if<std::unique_ptr<net::DeferredResponse>>(&response.body))
    response.body = std::make_unique<WithFields>(std::move(*deferred), std::move(fields));
  else
    for (auto& [name, value] : fields) response.headers.add(std::move(name), std::move(value));
}

void add_retry_headers(net::Response& response, std::int64_t retry_after_ms) {
  if (retry_after_ms > 0) {
    response.headers.set("Retry-After", std::to_string((retry_after_ms + 999) / 1000));
    response.headers.set("retry-after-ms", std::to_string(retry_after_ms));
  }
  if (retry_after_ms == kNeverRetry || retry_after_ms > kWorthWaitingMs) response.headers.set("x-should-retry", "false");
}

}  // namespace siyu::api
