#include "net/direct_client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "net/transfer.h"
#include "net/url.h"

namespace siyu::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using asio::ip::tcp;
using SteadyClock = std::chrono::steady_clock;
using Socket = asio::basic_stream_socket<tcp, asio::io_context::executor_type>;

constexpr auto kConnectLimit = std::chrono::seconds(10);
constexpr auto kKeepIdle = std::chrono::seconds(60);        // a connection nobody has used for so long is closed
constexpr auto kSweep = std::chrono::milliseconds(100);     // deadlines are kept this coarsely, by one timer for all
constexpr std::size_t kMaxIdle = 8192;                      // kept open to one server; as many as clients may be connected here
constexpr std::uint32_t kMaxHeaderBytes = 64U << 10;
constexpr std::size_t kScratch = 64UL << 10;                // one read; shared, since what is read is parsed at once
constexpr std::size_t kMaxTargets = 1024;                   // parsed addresses that are remembered

/// Appends the body, freed of its chunks, to a string that is emptied after each read.
struct AppendBody {
  using value_type = std::string;
  class reader {
   public:
    template <bool isRequest, class Fields>
    reader(http::header<isRequest, Fields>&, value_type& body) : body_(body) {}
    void init(const boost::optional<std::uint64_t>&, error_code& error) { error = {}; }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, error_code& error) {
      error = {};
      std::size_t size = 0;
      for (const auto buffer : beast::buffers_range_ref(buffers)) {
        body_.append(static_cast<const char*>(buffer.data()), buffer.size());
        size += buffer.size();
      }
      return size;
    }
    void finish(error_code& error) { error = {}; }

   private:
    value_type& body_;
  };
};
using Parser = http::response_parser<AppendBody>;

/// What a URL says, worked out once for each.
struct Target {
  std::string host, port, authority, path;
  std::string place;  ///< for messages: http://host:port
  std::uint16_t port_number = 0;
};

class Link;

struct DirectTransfer final : Transfer {
  using Transfer::Transfer;
  // Loop thread only.
  std::weak_ptr<Link> link;
  SteadyClock::time_point deadline;
  SteadyClock::duration idle{};
  bool again = false;  ///< it was sent once over a kept connection that the server had closed
};

}  // namespace

struct DirectClient::Impl : std::enable_shared_from_this<Impl> {
  Impl(EventLoop& loop, std::chrono::seconds idle_in) : idle(idle_in), context(loop.context()), sweep_timer(context), scratch(kScratch) {}

  void start(const std::shared_ptr<DirectTransfer>& transfer, bool fresh);
  const Target* target_of(const std::string& url);
  std::shared_ptr<Link> take_idle(const std::string& place);
  void keep(std::shared_ptr<Link> link);
  void sweep();
  void close_all();

  const std::chrono::seconds idle;
  asio::io_context& context;
  // Loop thread only.
  asio::basic_waitable_timer<SteadyClock, asio::wait_traits<SteadyClock>, asio::io_context::executor_type> sweep_timer;
  std::vector<char> scratch;
  std::unordered_map<std::string, Target> targets;
  std::map<std::string, std::vector<std::shared_ptr<Link>>, std::less<>> kept;
  std::unordered_set<std::shared_ptr<Link>> busy;  // one that is paused waits for nothing, and lives by this
  bool sweeping = false, stopping = false;
};

namespace {

/// One connection. Lives as long as it is busy or kept for later. Loop thread only.
class Link : public std::enable_shared_from_this<Link> {
 public:
  Link(std::shared_ptr<DirectClient::Impl> owner, const Target& target) : owner_(std::move(owner)), target_(target), socket_(owner_->context), resolver_(owner_->context) {}

  const Target& target() const { return target_; }
  SteadyClock::time_point last_used() const { return active_; }

  /// `target` names the server the link leads to; its path is this request's own.
  void begin(std::shared_ptr<DirectTransfer> transfer, const Target& target) {
    target_ = target;
    transfer_ = std::move(transfer);
    transfer_->link = weak_from_this();
    owner_->busy.insert(shared_from_this());
    parser_.emplace();
    parser_->eager(true);
    parser_->header_limit(kMaxHeaderBytes);
    parser_->body_limit(boost::none);
    if (transfer_->request.method == "HEAD") parser_->skip(true);
    unparsed_.clear();
    received_ = head_told_ = false;
    active_ = begun_ = SteadyClock::now();
    if (connected_) send();
    else connect();
  }

  /// Whether the server has left it open, and silent, meanwhile.
  bool still_good() {
    char byte = 0;
    return ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }

  void resume() {
    if (transfer_ && std::exchange(paused_, false)) {
      active_ = SteadyClock::now();
      wait_readable();
    }
  }

  /// Ends its transfer, with an error, and the connection.
  void abandon(std::optional<Error> fault) {
    const auto self = shared_from_this();
    close();
    if (auto transfer = let_go()) transfer->finish(std::move(fault));
  }

  void close() {
    error_code ignored;
    resolver_.cancel();
    socket_.close(ignored);
    connected_ = false;
  }

  void check_deadlines(SteadyClock::time_point now) {
    if (!transfer_) return;
    const bool unreachable = !connected_ && now > begun_ + kConnectLimit;
    const bool silent = !paused_ && now > active_ + transfer_->idle;
    if (unreachable || silent || now > transfer_->deadline)
      abandon(Error{ErrorCode::kDeadlineExceeded, target_.place + " did not answer in time", unreachable ? "connecting" : silent ? "silent" : "the whole"});
  }

 private:
  void connect() {
    const auto on_connect = [self = shared_from_this()](error_code error, const auto&) {
      if (!self->transfer_) return;
      if (error) return self->abandon(Error{ErrorCode::kUnavailable, "Cannot reach " + self->target_.place + "; is the server running there?", error.message()});
      self->connected_ = true;
      error_code ignored;
      self->socket_.set_option(tcp::no_delay(true), ignored);
      self->socket_.non_blocking(true, ignored);
      self->reused_ = false;
      self->send();
    };
    error_code not_a_number;
    const auto address = asio::ip::make_address(target_.host, not_a_number);
    if (!not_a_number) {
      const std::array<tcp::endpoint, 1> only{tcp::endpoint(address, target_.port_number)};
      return asio::async_connect(socket_, only, on_connect);
    }
    resolver_.async_resolve(target_.host, target_.port, [self = shared_from_this(), on_connect](error_code error, const tcp::resolver::results_type& found) {
      if (!self->transfer_) return;
      if (error) return on_connect(error, tcp::endpoint());
      asio::async_connect(self->socket_, found, on_connect);
    });
  }

  void send() {
    const auto& request = transfer_->request;
    head_.clear();
    head_ += request.method;
    head_ += ' ';
    head_ += target_.path;
    head_ += " HTTP/1.1\r\nHost: ";
    head_ += target_.authority;
    head_ += "\r\nAccept: */*\r\n";
    for (const auto& [name, value] : request.headers) {
      head_ += name;
      head_ += ": ";
      head_ += value;
      head_ += "\r\n";
    }
    if (!request.body.empty()) {
      head_ += "Content-Type: application/json\r\nContent-Length: ";
      head_ += std::to_string(request.body.size());
      head_ += "\r\n";
    }
    head_ += "\r\n";
    // Nearly always the socket takes it all at once, and nothing need be waited for.
    const std::array<asio::const_buffer, 2> all{asio::buffer(head_), asio::buffer(request.body)};
    error_code error;
    const auto sent = socket_.write_some(all, error);
    // A server that refuses a body may have answered already; if it has not, reading says what is wrong.
    const bool failed = error && error != asio::error::would_block;
    if (failed || sent == head_.size() + request.body.size()) return wait_readable();
    beast::buffers_suffix<std::array<asio::const_buffer, 2>> rest(all);
    rest.consume(sent);
    // The transfer holds the body, this holds the head; both stay until the handler is called.
    asio::async_write(socket_, rest, [self = shared_from_this(), kept = transfer_](error_code, std::size_t) {
      if (self->transfer_ != kept) return;
      self->active_ = SteadyClock::now();
      self->wait_readable();
    });
  }

  void wait_readable() {
    socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this(), kept = transfer_](error_code error) {
      if (self->transfer_ != kept) return;
      if (error) return self->broken(error);
      self->read();
    });
  }

  void read() {
    auto& scratch = owner_->scratch;
    error_code error;
    const auto got = socket_.read_some(asio::buffer(scratch), error);
    if (error == asio::error::would_block) return wait_readable();
    if (error) return ended(error);
    received_ = true;
    active_ = SteadyClock::now();
    parse({scratch.data(), got});
  }

  void parse(std::string_view bytes) {
    std::string joined;
    if (!unparsed_.empty()) {
      joined = std::move(unparsed_);
      joined += bytes;
      bytes = joined;
    }
    error_code error;
    while (!bytes.empty() && !parser_->is_done()) {
      const auto used = parser_->put(asio::buffer(bytes.data(), bytes.size()), error);
      bytes.remove_prefix(used);
      if (error == http::error::need_more) break;
      if (error) return broken(error);
    }
    unparsed_.assign(bytes);
    if (parser_->is_header_done() && !head_told_ && !on_head()) return;
    if (parser_->is_done()) return complete();
    auto& body = parser_->get().body();
    bool more = true;
    if (!body.empty()) {
      const auto kept = transfer_;
      more = kept->deliver(std::exchange(body, {}));
      if (transfer_ != kept) return;  // the puller has cancelled it
    }
    if (more) wait_readable();
    else paused_ = true;
  }

  /// False when it was not the answer yet.
  bool on_head() {
    const auto& message = parser_->get();
    if (message.result_int() < 200 && message.result_int() != 101) {  // 100 Continue, 103 Early Hints
      auto rest = std::move(unparsed_);
      unparsed_.clear();
      parser_.emplace();
      parser_->eager(true);
      parser_->header_limit(kMaxHeaderBytes);
      parser_->body_limit(boost::none);
      rest.empty() ? wait_readable() : parse(rest);
      return false;
    }
    ClientStream::Head head{.status = static_cast<int>(message.result_int()), .headers = {}};
    for (const auto& field : message) head.headers.add(std::string(field.name_string()), std::string(field.value()));
    head_told_ = true;
    transfer_->on_head(std::move(head));
    return true;
  }

  /// The answer is whole. The connection is free before the puller hears of it, who may well want it for the next request.
  void complete() {
    const auto self = shared_from_this();
    auto body = std::move(parser_->get().body());
    const bool reusable = parser_->keep_alive() && unparsed_.empty() && !parser_->need_eof();
    auto transfer = let_go();
    if (reusable) {
      reused_ = true;
      owner_->keep(self);
    } else {
      close();
    }
    if (!body.empty()) (void)transfer->deliver(std::move(body));
    transfer->finish({});
  }

  /// The server has closed it, or it failed.
  void ended(error_code error) {
    if (error == asio::error::eof && parser_->is_header_done() && head_told_) {
      error_code ignored;
      parser_->put_eof(ignored);
      if (!ignored && parser_->is_done()) return complete();
    }
    broken(error);
  }

  void broken(error_code error) {
    const auto self = shared_from_this();
    // A server may close a kept connection in the moment it is used again; that request has not been looked at.
    const bool again = reused_ && !received_ && !std::exchange(transfer_->again, true);
    if (!again) return abandon(Error{ErrorCode::kUnavailable, "The connection to " + target_.place + " failed: " + error.message(), ""});
    close();
    owner_->start(let_go(), /*fresh=*/true);
  }

  std::shared_ptr<DirectTransfer> let_go() {
    owner_->busy.erase(shared_from_this());
    paused_ = false;
    if (transfer_) transfer_->link.reset();
    return std::exchange(transfer_, nullptr);
  }

  const std::shared_ptr<DirectClient::Impl> owner_;
  Target target_;
  Socket socket_;
  tcp::resolver resolver_;
  std::shared_ptr<DirectTransfer> transfer_;
  std::optional<Parser> parser_;
  std::string head_, unparsed_;
  SteadyClock::time_point begun_, active_;
  bool connected_ = false, reused_ = false, received_ = false, head_told_ = false, paused_ = false;
};

}  // namespace

const Target* DirectClient::Impl::target_of(const std::string& url) {
  if (const auto found = targets.find(url); found != targets.end()) return &found->second;
  const auto parsed = parse_url(url);
  if (!parsed || parsed->scheme != "http") return nullptr;
  if (targets.size() >= kMaxTargets) targets.clear();
  // An IPv6 address stands in brackets in a URL, and without them elsewhere.
  const bool bracketed = parsed->host.starts_with('[');
  const auto question = parsed->text.find('?');
  Target target{.host = bracketed ? parsed->host.substr(1, parsed->host.size() - 2) : parsed->host, .port = parsed->port,
                .authority = parsed->host + ":" + parsed->port, .path = parsed->path + (question == std::string::npos ? "" : parsed->text.substr(question)),
                .place = "http://" + parsed->host + ":" + parsed->port, .port_number = static_cast<std::uint16_t>(std::atoi(parsed->port.c_str()))};
  return &targets.emplace(url, std::move(target)).first->second;
}

void DirectClient::Impl::start(const std::shared_ptr<DirectTransfer>& transfer, bool fresh) {
  if (stopping || transfer->is_cancelled()) return transfer->finish(Error{ErrorCode::kCancelled, "The request was cancelled"});
  const auto* target = target_of(transfer->request.url);
  if (target == nullptr) return transfer->finish(Error{ErrorCode::kInvalidArgument, "`" + without_query(transfer->request.url) + "` is not an address that can be asked"});
  auto link = fresh ? nullptr : take_idle(target->place);
  if (!link) link = std::make_shared<Link>(shared_from_this(), *target);
  link->begin(transfer, *target);
  if (!std::exchange(sweeping, true)) sweep();  // it ends when there is nothing left to look at, so only now
}

std::shared_ptr<Link> DirectClient::Impl::take_idle(const std::string& place) {
  const auto found = kept.find(place);
  if (found == kept.end()) return nullptr;
  while (!found->second.empty()) {
    auto link = std::move(found->second.back());
    found->second.pop_back();
    if (link->still_good()) return link;
    link->close();
  }
  return nullptr;
}

void DirectClient::Impl::keep(std::shared_ptr<Link> link) {
  auto& links = kept[link->target().place];
  if (stopping || links.size() >= kMaxIdle) return link->close();
  links.push_back(std::move(link));
}

void DirectClient::Impl::sweep() {
  if (stopping) return;
  const auto now = SteadyClock::now();
  const std::vector<std::shared_ptr<Link>> looked_at(busy.begin(), busy.end());
  for (const auto& link : looked_at)
    if (busy.contains(link)) link->check_deadlines(now);
  for (auto& [place, links] : kept) {
    const auto stale = std::ranges::find_if(links, [&](const auto& link) { return now < link->last_used() + kKeepIdle; });  // the longest unused stand first
    for (auto link = links.begin(); link != stale; ++link) (*link)->close();
    links.erase(links.begin(), stale);
  }
  std::erase_if(kept, [](const auto& entry) { return entry.second.empty(); });
  sweeping = !busy.empty() || !kept.empty();
  if (!sweeping) return;
  sweep_timer.expires_after(kSweep);
  sweep_timer.async_wait([self = shared_from_this()](error_code error) {
    if (!error) self->sweep();
  });
}

void DirectClient::Impl::close_all() {
  stopping = true;
  sweep_timer.cancel();
  for (auto& [place, links] : kept)
    for (auto& link : links) link->close();
  kept.clear();
  while (!busy.empty()) std::shared_ptr(*busy.begin())->abandon(Error{ErrorCode::kCancelled, "The server is stopping"});
}

DirectClient::DirectClient(EventLoop& loop, std::chrono::seconds idle) : impl_(std::make_shared<Impl>(loop, idle)) {}
DirectClient::~DirectClient() {
  asio::post(impl_->context, [impl = impl_] { impl->close_all(); });
}

bool DirectClient::takes(const ClientRequest& request) {
  return request.url.starts_with("http://") && request.files.empty() && request.body_file.empty() && !request.upload_progress;
}

std::unique_ptr<ClientStream> DirectClient::open(const ClientRequest& request) {
  auto transfer = std::make_shared<DirectTransfer>(request);
  transfer->deadline = SteadyClock::now() + request.timeout;
  transfer->idle = request.idle.count() > 0 ? request.idle : SteadyClock::duration(impl_->idle);
  asio::dispatch(impl_->context, [impl = impl_, transfer] { impl->start(transfer, /*fresh=*/false); });
  auto tell = [impl = impl_, transfer](bool cancel) {
    asio::dispatch(impl->context, [transfer, cancel] {
      const auto link = transfer->link.lock();
      transfer->link.reset();
      if (!link) return;
      if (cancel) return link->abandon(Error{ErrorCode::kCancelled, "The request was cancelled"});
      transfer->link = link;
      link->resume();
    });
  };
  return pull_from(std::move(transfer), std::move(tell));
}

}  // namespace siyu::net
