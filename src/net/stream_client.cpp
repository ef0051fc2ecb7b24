#include "net/stream_client.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "net/curl_request.h"

namespace siyu::net {
namespace {

constexpr std::size_t kBufferLimit = 256UL << 10;
constexpr long kMaxConnections = 512;
constexpr int kPollMillis = 1000;
constexpr std::size_t kMaxHeaders = 200;

/// One request on its way: written by the curl thread, read by whoever pulls.
struct Transfer {
  ClientRequest request;
  CURL* curl = nullptr;   // curl thread only
  HeaderList headers;     // curl thread only
  char why[CURL_ERROR_SIZE] = "";

  std::mutex mu;
  std::condition_variable head_changed;
  ClientStream::Head head;
  bool head_ready = false, ended = false, paused = false, cancelled = false;
  std::optional<Error> error;
  std::string buffer;
  BodyStream::Ready waiting;

  ~Transfer() { curl_easy_cleanup(curl); }

  /// Gives a waiting puller what there is. Call without holding mu.
  void serve() {
    BodyStream::Ready ready;
    Result<std::optional<std::string>> piece = std::nullopt;
    {
      const std::lock_guard lock(mu);
      if (!waiting || !take(piece)) return;
      ready = std::exchange(waiting, nullptr);
    }
    ready(std::move(piece));
  }
  bool take(Result<std::optional<std::string>>& piece) {
    if (cancelled) piece = fail(ErrorCode::kCancelled, "The request was cancelled");
    else if (!buffer.empty()) piece = std::exchange(buffer, {});
    else if (error) piece = std::unexpected(*error);
    else if (ended) piece = std::nullopt;
    else return false;
    return true;
  }
  void finish(std::optional<Error> fault) {
    {
      const std::lock_guard lock(mu);
      ended = true;
      error = std::move(fault);
      head_ready = head_ready || !error;
    }
    head_changed.notify_all();
    serve();
  }
};

std::size_t on_header(char* data, std::size_t, std::size_t size, void* target) {
  auto& transfer = *static_cast<Transfer*>(target);
  std::string_view line(data, size);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  const std::lock_guard lock(transfer.mu);
  if (line.starts_with("HTTP/")) transfer.head = {};
  const auto colon = line.find(':');
  if (colon != std::string_view::npos && transfer.head.headers.fields().size() < kMaxHeaders) {
    auto value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    transfer.head.headers.add(std::string(line.substr(0, colon)), std::string(value));
  }
  if (!line.empty()) return size;
  long status = 0;
  curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
  transfer.head.status = static_cast<int>(status);
  if (status >= 200) {
    transfer.head_ready = true;
    transfer.head_changed.notify_all();
  }
  return size;
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* target) {
  auto& transfer = *static_cast<Transfer*>(target);
  {
    const std::lock_guard lock(transfer.mu);
    if (transfer.cancelled) return 0;
    if (transfer.buffer.size() > kBufferLimit) {
      transfer.paused = true;
      return CURL_WRITEFUNC_PAUSE;
    }
    transfer.buffer.append(data, size);
  }
  transfer.serve();
  return size;
}

}  // namespace

struct StreamClient::Impl {
  enum class Order { kStart, kResume, kCancel };

  Impl(ClientOptions options_in, std::chrono::seconds idle_in) : options(std::move(options_in)), idle(idle_in), multi(curl_multi_init()) {
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, kMaxConnections);
    thread = std::thread([this] { run(); });
  }
  ~Impl() {
    {
      const std::lock_guard lock(mu);
      stopping = true;
    }
    curl_multi_wakeup(multi);
    thread.join();
    curl_multi_cleanup(multi);
  }

  void order(Order what, const std::shared_ptr<Transfer>& transfer) {
    {
      const std::lock_guard lock(mu);
      orders.emplace_back(what, transfer);
    }
    curl_multi_wakeup(multi);
  }

  void run() {
    for (;;) {
      std::deque<std::pair<Order, std::shared_ptr<Transfer>>> taken;
      bool stop = false;
      {
        const std::lock_guard lock(mu);
        taken.swap(orders);
        stop = stopping;
      }
      for (auto& [what, transfer] : taken) carry_out(what, transfer);
      if (stop) break;
      int running = 0;
      curl_multi_perform(multi, &running);
      collect_finished();
      curl_multi_poll(multi, nullptr, 0, kPollMillis, nullptr);
    }
    while (!active.empty()) end(active.begin()->second, Error{ErrorCode::kCancelled, "The server is stopping"});
  }

  void carry_out(Order what, const std::shared_ptr<Transfer>& transfer) {
    if (what == Order::kStart) return start(transfer);
    if (!active.contains(transfer->curl)) return;
    if (what == Order::kCancel) return end(transfer, Error{ErrorCode::kCancelled, "The request was cancelled"});
    {
      const std::lock_guard lock(transfer->mu);
      transfer->paused = false;
    }
    curl_easy_pause(transfer->curl, CURLPAUSE_CONT);
  }

  void start(const std::shared_ptr<Transfer>& transfer) {
    auto* curl = transfer->curl = curl_easy_init();
    if (curl == nullptr) return transfer->finish(Error{ErrorCode::kInternal, "The HTTP client could not be made"});
    transfer->headers = prepare(curl, options, transfer->request, transfer->why);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer.get());
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer.get());
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(idle.count()));
    active[curl] = transfer;
    curl_multi_add_handle(multi, curl);
  }

  void collect_finished() {
    int left = 0;
    while (auto* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const auto found = active.find(message->easy_handle);
      if (found == active.end()) continue;
      const auto transfer = found->second;
      const auto code = message->data.result;
      end(transfer, code == CURLE_OK ? std::nullopt
                                     : std::optional(transport_error(code, transfer->request.url, transfer->why[0] != '\0' ? transfer->why : curl_easy_strerror(code))));
    }
  }

  void end(std::shared_ptr<Transfer> transfer, std::optional<Error> fault) {
    curl_multi_remove_handle(multi, transfer->curl);
    active.erase(transfer->curl);
    transfer->finish(std::move(fault));
  }

  const ClientOptions options;
  const std::chrono::seconds idle;
  CURLM* const multi;
  std::map<CURL*, std::shared_ptr<Transfer>> active;  // curl thread only
  std::mutex mu;
  std::deque<std::pair<Order, std::shared_ptr<Transfer>>> orders;
  bool stopping = false;
  std::thread thread;
};

namespace {

class CurlStream final : public ClientStream {
 public:
  CurlStream(std::shared_ptr<Transfer> transfer, std::move_only_function<void(bool cancel)> tell) : transfer_(std::move(transfer)), tell_(std::move(tell)) {}
  ~CurlStream() override { cancel(); }

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
    transfer_->serve();
    if (resume) tell_(/*cancel=*/false);
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
  std::shared_ptr<Transfer> transfer_;
  std::move_only_function<void(bool cancel)> tell_;
};

}  // namespace

StreamClient::StreamClient(ClientOptions options, std::chrono::seconds idle) : impl_(std::make_unique<Impl>(std::move(options), idle)) {}
StreamClient::~StreamClient() = default;

Result<std::unique_ptr<ClientStream>> StreamClient::open(const ClientRequest& request) {
  auto transfer = std::make_shared<Transfer>();
  transfer->request = request;
  impl_->order(Impl::Order::kStart, transfer);
  auto tell = [impl = impl_.get(), transfer](bool cancel) { impl->order(cancel ? Impl::Order::kCancel : Impl::Order::kResume, transfer); };
  return std::unique_ptr<ClientStream>(new CurlStream(transfer, std::move(tell)));
}

}  // namespace siyu::net
