#include "engine/remote_stream.h"

#include <deque>
#include <mutex>

#include "engine/remote_wire.h"

namespace siyu::engine {
namespace {

constexpr std::size_t kMaxFaultBytes = 64UL << 10;  // of an error answer; the rest is not read
constexpr std::size_t kMaxWholeBytes = 64UL << 20;  // far over what any model writes

using Upstream = std::shared_ptr<net::ClientStream>;
using Piece = Result<std::optional<std::string>>;
using Answer = Result<std::optional<Event>>;

/// Reads what comes after the last event, so that the connection can be used again.
void drain(const Upstream& upstream) {
  upstream->pull([upstream](Piece piece) {
    if (piece && *piece) drain(upstream);
  });
}

/// Pulls that are pending share it, so it lives as long as its last pull.
class Reader : public std::enable_shared_from_this<Reader> {
 public:
  Reader(std::shared_ptr<RemotePeer> peer, net::ClientRequest request) : peer_(std::move(peer)), request_(std::move(request)) { ++peer_->running; }
  ~Reader() { --peer_->running; }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Status open() {
    ASSIGN_OR_RETURN(Upstream opened, peer_->open(request_));
    bool gone = false;
    {
      const std::lock_guard lock(mu_);
      if (upstream_) first_attempt_ = std::move(upstream_);  // its last callback may still be returning
      upstream_ = opened;
      gone = cancelled_;
    }
    if (gone) opened->cancel();
    return {};
  }

  void want(GenerationStream::Ready ready) {
    {
      const std::lock_guard lock(mu_);
      if (!waiting_) waiting_ = std::exchange(ready, nullptr);
    }
    if (ready) return ready(internal("A stream was pulled twice at once"));
    pump();
  }

  void cancel() {
    Upstream upstream;
    {
      const std::lock_guard lock(mu_);
      cancelled_ = true;
      if (!done_) upstream = upstream_;
    }
    if (upstream) upstream->cancel();
  }

 private:
  /// One thread at a time turns pieces into events and hands them out; calls that come back here meanwhile leave it to the loop.
  void pump() {
    const auto self = shared_from_this();
    {
      const std::lock_guard lock(mu_);
      if (std::exchange(pumping_, true)) return;
    }
    for (;;) {
      GenerationStream::Ready ready;
      std::optional<Answer> answer;
      std::optional<Piece> piece;
      Upstream upstream;
      {
        const std::lock_guard lock(mu_);
        if (waiting_ && (answer = next_answer())) ready = std::exchange(waiting_, nullptr);
        else if (arrived_) piece = std::exchange(arrived_, std::nullopt);
        else if (!waiting_ || pulling_) {
          pumping_ = false;
          return;
        } else {
          pulling_ = true;
          upstream = upstream_;
        }
      }
      if (ready) ready(*std::move(answer));
      else if (piece) digest(*std::move(piece));
      else upstream->pull([self](Piece next) { self->arrive(std::move(next)); });
    }
  }

  void arrive(Piece piece) {
    {
      const std::lock_guard lock(mu_);
      arrived_ = std::move(piece);
      pulling_ = false;
    }
    pump();
  }

  // Below: only by the thread that pumps.

  std::optional<Answer> next_answer() {
    if (!events_.empty()) {
      Event event = std::move(events_.front());
      events_.pop_front();
      return Answer(std::optional<Event>(std::move(event)));
    }
    if (error_) return Answer(std::unexpected(*error_));
    if (done_) return Answer(std::nullopt);
    return std::nullopt;
  }

  void digest(Piece piece) {
    if (done_ || error_) return;
    if (!piece) return on_failure(piece.error());
    // Its header was there before its body, so this does not wait.
    const auto head = upstream_->wait_head();
    if (!head) return on_failure(head.error());
    if (head->status >= 300) {
      if (*piece && fault_body_.size() < kMaxFaultBytes) fault_body_ += **piece;
      else end_with(peer_->refusal(head->status, head->headers, fault_body_));
      return;
    }
    if (is_whole(*head)) {
      if (*piece) whole_ += **piece;
      if (whole_.size() > kMaxWholeBytes) return end_with(peer_->malformed({.message = "its answer is larger than 64 MiB"}));
      if (!*piece && on_chunk(whole_)) on_end();
      return;
    }
    if (!*piece) return on_end();
    const auto events = sse_.feed(**piece);
    if (!events) return end_with(peer_->malformed(events.error()));
    for (const auto& data : *events) {
      if (data == "[DONE]") return on_end();
      if (!on_chunk(data)) return;
    }
  }

  /// Whatever was asked for: some servers answer whole when asked to stream, or stream without saying so.
  static bool is_whole(const net::ClientStream::Head& head) { return head.headers.get("Content-Type").value_or("").starts_with("application/json"); }

  bool on_chunk(const std::string& data) {
    auto delta = chunks_.read(data);
    if (!delta) {
      const bool own = delta.error().code == ErrorCode::kUnavailable;  // its words, not our reading of them
      end_with(own ? Error{ErrorCode::kUnavailable, "The engine " + peer_->name() + " failed in the middle of its answer: " + delta.error().message}
                   : peer_->malformed(delta.error()));
      return false;
    }
    if (*delta) events_.emplace_back(**std::move(delta));
    return true;
  }

  void on_end() {
    const auto finish = chunks_.finish();
    if (!finish) return end_with(peer_->lost({ErrorCode::kUnavailable, "the answer has no end"}, true));
    peer_->generated_tokens += finish->usage.completion_tokens;
    peer_->prefilled_tokens += finish->usage.prompt_tokens - finish->usage.cached_tokens;
    events_.emplace_back(*finish);
    {
      const std::lock_guard lock(mu_);
      done_ = true;
    }
    if (whole_.empty()) drain(upstream_);
  }

  void on_failure(const Error& fault) {
    const bool begun = upstream_->wait_head().has_value();
    const bool again = fault.code == ErrorCode::kUnavailable && !begun && !std::exchange(retried_, true);
    if (again && open()) return;
    if (fault.code != ErrorCode::kCancelled) peer_->suspect();
    end_with(peer_->lost(fault, begun));
  }

  void end_with(Error error) {
    error_ = std::move(error);
    upstream_->cancel();
  }

  const std::shared_ptr<RemotePeer> peer_;
  const net::ClientRequest request_;

  std::mutex mu_;  // guards the next eight; upstream_ is written by open() only
  Upstream upstream_, first_attempt_;
  GenerationStream::Ready waiting_;
  std::optional<Piece> arrived_;
  bool pulling_ = false, pumping_ = false, cancelled_ = false, done_ = false;

  // Only by the thread that pumps.
  net::SseParser sse_;
  ChunkReader chunks_;
  std::deque<Event> events_;
  std::string fault_body_, whole_;
  std::optional<Error> error_;
  bool retried_ = false;
};

class RemoteStream final : public GenerationStream {
 public:
  explicit RemoteStream(std::shared_ptr<Reader> reader) : reader_(std::move(reader)) {}
  ~RemoteStream() override { reader_->cancel(); }
  void pull(Ready ready) override {
    const auto reader = reader_;  // the puller may drop this stream when it is answered
    reader->want(std::move(ready));
  }
  void cancel() noexcept override { reader_->cancel(); }

 private:
  const std::shared_ptr<Reader> reader_;
};

}  // namespace

Result<std::unique_ptr<GenerationStream>> start_remote_stream(std::shared_ptr<RemotePeer> peer, net::ClientRequest request) {
  auto reader = std::make_shared<Reader>(std::move(peer), std::move(request));
  RETURN_IF_ERROR(reader->open());
  return std::unique_ptr<GenerationStream>(new RemoteStream(std::move(reader)));
}

}  // namespace siyu::engine
