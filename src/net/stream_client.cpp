#include "net/stream_client.h"

#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "net/curl_request.h"
#include "net/direct_client.h"
#include "net/transfer.h"

namespace siyu::net {
namespace {

constexpr long kMaxConnections = 512;
constexpr int kPollMillis = 1000;
constexpr std::size_t kMaxHeaders = 200;

struct CurlTransfer final : Transfer {
  using Transfer::Transfer;
  ~CurlTransfer() override { curl_easy_cleanup(curl); }
  // Curl thread only.
  CURL* curl = nullptr;
  HeaderList headers;
  ClientStream::Head arriving;
  char why[CURL_ERROR_SIZE] = "";
};

std::size_t on_header(char* data, std::size_t, std::size_t size, void* target) {
  auto& transfer = *static_cast<CurlTransfer*>(target);
  std::string_view line(data, size);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) transfer.arriving = {};
  const auto colon = line.find(':');
  if (colon != std::string_view::npos && transfer.arriving.headers.fields().size() < kMaxHeaders) {
    auto value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    transfer.arriving.headers.add(std::string(line.substr(0, colon)), std::string(value));
  }
  if (!line.empty()) return size;
  long status = 0;
  curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
  transfer.arriving.status = static_cast<int>(status);
  if (status >= 200) transfer.on_head(std::move(transfer.arriving));
  return size;
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* target) {
  auto& transfer = *static_cast<CurlTransfer*>(target);
  {
    const std::lock_guard lock(transfer.mu);
    if (transfer.cancelled) return 0;
    if (transfer.buffer.size() > Transfer::kBufferLimit) {
      transfer.paused = true;
      return CURL_WRITEFUNC_PAUSE;
    }
    transfer.buffer.append(data, size);
  }
  transfer.serve();
  return size;
}

/// Where the environment names a proxy for plain HTTP, libcurl is the one who knows how to speak to it.
bool uses_proxy() { return std::getenv("http_proxy") != nullptr || std::getenv("all_proxy") != nullptr || std::getenv("ALL_PROXY") != nullptr; }

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

  void order(Order what, const std::shared_ptr<CurlTransfer>& transfer) {
    {
      const std::lock_guard lock(mu);
      orders.emplace_back(what, transfer);
    }
    curl_multi_wakeup(multi);
  }

  void run() {
    for (;;) {
      std::deque<std::pair<Order, std::shared_ptr<CurlTransfer>>> taken;
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

  void carry_out(Order what, const std::shared_ptr<CurlTransfer>& transfer) {
    if (what == Order::kStart) return start(transfer);
    if (!active.contains(transfer->curl)) return;
    if (what == Order::kCancel) return end(transfer, Error{ErrorCode::kCancelled, "The request was cancelled"});
    {
      const std::lock_guard lock(transfer->mu);
      transfer->paused = false;
    }
    curl_easy_pause(transfer->curl, CURLPAUSE_CONT);
  }

  void start(const std::shared_ptr<CurlTransfer>& transfer) {
    auto* curl = transfer->curl = curl_easy_init();
    if (curl == nullptr) return transfer->finish(Error{ErrorCode::kInternal, "The HTTP client could not be made"});
    transfer->headers = prepare(curl, options, transfer->request, transfer->why);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer.get());
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer.get());
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(std::chrono::ceil<std::chrono::seconds>(transfer->request.idle.count() > 0 ? transfer->request.idle : std::chrono::milliseconds(idle)).count()));
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

  void end(std::shared_ptr<CurlTransfer> transfer, std::optional<Error> fault) {
    curl_multi_remove_handle(multi, transfer->curl);
    active.erase(transfer->curl);
    transfer->finish(std::move(fault));
  }

  const ClientOptions options;
  const std::chrono::seconds idle;
  std::optional<DirectClient> direct;  // set before anyone opens
  CURLM* const multi;
  std::map<CURL*, std::shared_ptr<CurlTransfer>> active;  // curl thread only
  std::mutex mu;
  std::deque<std::pair<Order, std::shared_ptr<CurlTransfer>>> orders;
  bool stopping = false;
  std::thread thread;
};

StreamClient::StreamClient(ClientOptions options, std::chrono::seconds idle, EventLoop* loop) : impl_(std::make_unique<Impl>(std::move(options), idle)) {
  if (loop != nullptr && !uses_proxy()) impl_->direct.emplace(*loop, idle);
}
StreamClient::~StreamClient() = default;

Result<std::unique_ptr<ClientStream>> StreamClient::open(const ClientRequest& request) {
  if (impl_->direct && DirectClient::takes(request)) return impl_->direct->open(request);
  auto transfer = std::make_shared<CurlTransfer>(request);
  impl_->order(Impl::Order::kStart, transfer);
  auto tell = [impl = impl_.get(), transfer](bool cancel) { impl->order(cancel ? Impl::Order::kCancel : Impl::Order::kResume, transfer); };
  return pull_from(std::move(transfer), std::move(tell));
}

}  // namespace siyu::net
