#include "net/transfer.h"

#include <utility>

namespace siyu::net {

void Transfer::serve() {
  BodyStream::Ready ready;
  Result<std::optional<std::string>> piece = std::nullopt;
  {
    const std::lock_guard lock(mu);
    if (!waiting || !take(piece)) return;
    ready = std::exchange(waiting, nullptr);
  }
  ready(std::move(piece));
}

bool Transfer::take(Result<std::optional<std::string>>& piece) {
  if (cancelled) piece = fail(ErrorCode::kCancelled, "The request was cancelled");
  else if (!buffer.empty()) piece = std::exchange(buffer, {});
  else if (error) piece = std::unexpected(*error);
  else if (ended) piece = std::nullopt;
  else return false;
  return true;
}

bool Transfer::deliver(std::string bytes) {
  {
    const std::lock_guard lock(mu);
    if (buffer.empty()) buffer = std::move(bytes);
    else buffer += bytes;
  }
  serve();
  const std::lock_guard lock(mu);
  paused = buffer.size() > kBufferLimit;
  return !paused;
}

void Transfer::finish(std::optional<Error> fault) {
  {
    const std::lock_guard lock(mu);
    ended = true;
    error = std::move(fault);
    head_ready = head_ready || !error;
  }
  head_changed.notify_all();
  serve();
}

void Transfer::on_head(ClientStream::Head found) {
  {
    const std::lock_guard lock(mu);
    head = std::move(found);
    head_ready = true;
  }
  head_changed.notify_all();
}

bool Transfer::is_cancelled() {
  const std::lock_guard lock(mu);
  return cancelled;
}

namespace {

class PulledTransfer final : public ClientStream {
 public:
  PulledTransfer(std::shared_ptr<Transfer> transfer, std::move_only_function<void(bool cancel)> tell) : transfer_(std::move(transfer)), tell_(std::move(tell)) {}
  ~PulledTransfer() override { cancel(); }

  Result<Head> wait_head() override {
    std::unique_lock lock(transfer_->mu);
    // The transfer's own timeouts bound this wait: it ends with an error when they strike.
    transfer_->head_changed.wait(lock, [this] { return transfer_->head_ready || transfer_->error || transfer_->cancelled; });
    if (transfer_->head_ready) return transfer_->head;
    if (transfer_->error) return std::unexpected(*transfer_->error);
    return fail(ErrorCode::kCancelled, "The request was cancelled");
  }

  void pull(Ready ready) override {
    bool resume = false;
    {
      const std::lock_guard lock(transfer_->mu);
      transfer_->waiting = std::move(ready);
      resume = transfer_->paused;
    }
    const auto kept = transfer_;  // the puller may drop this stream when it is answered
    if (resume) tell_(/*cancel=*/false);
    kept->serve();
  }

  void cancel() noexcept override {
    {
      const std::lock_guard lock(transfer_->mu);
      if (transfer_->cancelled) return;
      transfer_->cancelled = true;
      if (transfer_->ended && !transfer_->waiting) return;
    }
    transfer_->head_changed.notify_all();
    transfer_->serve();
    tell_(/*cancel=*/true);
  }

 private:
  const std::shared_ptr<Transfer> transfer_;
  std::move_only_function<void(bool cancel)> tell_;
};

}  // namespace

std::unique_ptr<ClientStream> pull_from(std::shared_ptr<Transfer> transfer, std::move_only_function<void(bool cancel)> tell) {
  return std::make_unique<PulledTransfer>(std::move(transfer), std::move(tell));
}

}  // namespace siyu::net
