#include "net/connection.h"

#include <poll.h>
#include <unistd.h>

#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <array>
#include <type_traits>

#include "base/clock.h"
#include "base/id.h"
#include "net/response_head.h"

namespace siyu::net {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using beast::error_code;
using TlsStream = asio::ssl::stream<Socket>;

constexpr std::uint32_t kMaxHeaderBytes = 32U << 10;  // browsers' cookies and long bearer tokens fit well
constexpr std::size_t kReadBytes = 8UL << 10;         // most requests come in one read
constexpr std::size_t kBodyPiece = 64UL << 10;        // a body's memory grows as it arrives, whatever length it claims
constexpr std::size_t kJoinedBytes = 64UL << 10;      // head and body up to this size go out as one piece
constexpr auto kWatchAfter = std::chrono::milliseconds(200);  // an answer that takes longer is worth watching its client for
constexpr auto kGoodbye = std::chrono::seconds(2);

/// Runs `start(callback)` and resumes on the loop thread with what the callback was given, from whatever thread.
template <class T, class Start>
auto await_callback(Start start) {
  auto initiate = [start = std::move(start)](auto completion) mutable {
    auto executor = asio::get_associated_executor(completion);
    auto shared = std::make_shared<decltype(completion)>(std::move(completion));
    start([executor, shared](T value) {
      asio::post(executor, [shared, boxed = std::move(value)]() mutable { (*shared)(std::move(boxed)); });
    });
  };
  return asio::async_initiate<const asio::use_awaitable_t<LoopExecutor>, void(T)>(std::move(initiate), kAwait);
}

/// Status line and fields only: bodies are read apart from it.
using HeadParser = http::request_parser<http::empty_body>;

template <class Stream>
class Connection final : public Watched {
 public:
  template <class... Arguments>
  explicit Connection(ConnectionHost& host, Arguments&&... arguments) : host_(host), stream_(std::forward<Arguments>(arguments)...), socket_(lowest()) {
    ++host_.stats.connections;
    host_.connections.insert(this);
    error_code ignored;
    const auto peer = socket_.remote_endpoint(ignored).address();
    peer_ = peer.to_string();
    peer_is_loopback_ = peer.is_loopback();
    socket_.non_blocking(true, ignored);
  }
  ~Connection() override {
    *self_ = nullptr;
    host_.connections.erase(this);
    --host_.stats.connections;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Task<void> run() {
    if constexpr (kTls) {
      set_deadline(host_.options.header_timeout);
      error_code error;
      auto token = asio::redirect_error(kAwait, error);
      co_await stream_.async_handshake(asio::ssl::stream_base::server, token);
      if (error) co_return;
    }
    bool again = true;
    while (again && !host_.draining) again = co_await one_request();
    co_await say_goodbye();
  }

  // Watched, on the loop thread.
  void on_sweep(Moment now) override {
    if (deadline_ && now > *deadline_) {
      timed_out_ = true;
      return close();
    }
    if (answering() && !watching_ && now > waits_since_ + kWatchAfter) watch_client();
  }
  void end_if_idle() override {
    error_code ignored;
    if (idle_) socket_.shutdown(asio::socket_base::shutdown_both, ignored);
  }
  void cancel_answer() override {
    if (deferred_ != nullptr) deferred_->cancel();
    if (body_ != nullptr) body_->cancel();
  }
  void close() override {
    error_code ignored;
    deadline_.reset();
    socket_.close(ignored);
  }

 private:
  static constexpr bool kTls = !std::is_same_v<Stream, Socket>;

  Socket& lowest() {
    if constexpr (kTls) return stream_.next_layer();
    else return stream_;
  }
  void set_deadline(std::chrono::milliseconds limit) { deadline_ = std::chrono::steady_clock::now() + limit; }
  bool answering() const { return deferred_ != nullptr || body_ != nullptr; }

  /// Notices a client that hangs up while its answer is in the making; nothing else reads its socket meanwhile.
  void watch_client() {
    watching_ = true;
    socket_.async_wait(asio::socket_base::wait_read, [self = self_](error_code error) {
      if (*self == nullptr) return;
      auto& connection = **self;
      connection.watching_ = false;  // a client that sent more meanwhile is looked at again by the next sweep
      connection.waits_since_ = std::chrono::steady_clock::now();
      if (!error && connection.answering() && connection.has_hung_up()) connection.cancel_answer();
    });
  }
  bool has_hung_up() {
    pollfd descriptor{.fd = socket_.native_handle(), .events = POLLRDHUP, .revents = 0};
    return ::poll(&descriptor, 1, 0) > 0 && (descriptor.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
  }

  /// True when the connection stays open for another request.
  Task<bool> one_request() {
    const bool first_byte = co_await wait_for_first_byte();
    if (!first_byte) co_return false;
    HeadParser parser;
    parser.header_limit(kMaxHeaderBytes);
    parser.body_limit(boost::none);  // the plan sets it once the route is known
    const auto error = co_await read_head(parser);
    if (error) {
      co_await answer_unreadable(error);
      co_return false;
    }
    ++host_.stats.requests_total;
    ++host_.stats.requests_running;
    const bool again = co_await answer(parser);
    --host_.stats.requests_running;
    host_.on_request_end();
    co_return again;
  }

  Task<bool> wait_for_first_byte() {
    if (buffer_.size() > 0) co_return true;
    buffer_.shrink_to_fit();  // an idle connection holds no memory for what may come
    set_deadline(host_.options.idle_timeout);
    idle_ = true;
    error_code error;
    auto token = asio::redirect_error(kAwait, error);
    if constexpr (!kTls) {
      co_await socket_.async_wait(asio::socket_base::wait_read, token);
      idle_ = false;
      if (error) co_return false;
    }
    const auto got = co_await read_more(error);
    idle_ = false;
    co_return got > 0;
  }

  /// Reads what there is into the buffer; 0: the end, or an error.
  Task<std::size_t> read_more(error_code& error) {
    auto space = buffer_.prepare(kReadBytes);
    auto token = asio::redirect_error(kAwait, error);
    const auto got = co_await stream_.async_read_some(space, token);
    buffer_.commit(got);
    co_return error ? 0 : got;
  }

  Task<error_code> read_head(HeadParser& parser) {
    set_deadline(host_.options.header_timeout);
    for (;;) {
      error_code error;
      buffer_.consume(parser.put(buffer_.data(), error));
      if (parser.is_header_done()) co_return error_code();
      if (error && error != http::error::need_more) co_return error;
      const auto got = co_await read_more(error);
      if (got == 0) co_return error == asio::error::eof ? make_error_code(http::error::partial_message) : error;
    }
  }

  Task<void> answer_unreadable(error_code error) {
    Response response;
    if (error == http::error::header_limit)
      response = plain_error(431, "invalid_request_error", "header_too_large", "The request header is larger than 32 KiB");
    else if (error.category() == http::make_error_code(http::error::bad_method).category() && error != http::error::end_of_stream &&
             error != http::error::partial_message)
      response = plain_error(400, "invalid_request_error", "malformed_http", "The request is not well-formed HTTP: " + error.message());
    else
      co_return;
    co_await send_whole(response, 11, /*keep_alive=*/false, /*with_body=*/true);
  }

  Request to_request(const HeadParser::value_type& message) const {
    Request request;
    request.method = std::string(message.method_string());
    const std::string_view target(message.target().data(), message.target().size());
    const auto question = target.find('?');
    request.path = target.substr(0, question);
    if (question != std::string_view::npos) request.query = target.substr(question + 1);
    for (const auto& field : message) request.headers.add(std::string(field.name_string()), std::string(field.value()));
    request.peer = peer_;
    request.peer_is_loopback = peer_is_loopback_;
    request.id = new_id_text("req", SystemClock(), host_.random);
    return request;
  }

  Task<bool> answer(HeadParser& parser) {
    Request request = to_request(parser.get());
    const unsigned version = parser.get().version();
    const bool with_body = request.method != "HEAD";
    bool keep_alive = parser.keep_alive();
    const auto plan = host_.handler.plan(request);

    const auto length = parser.content_length();
    if (length && *length > plan.limit) {
      co_await send_whole(too_large(plan.limit), version, false, with_body);
      co_return false;
    }
    if (plan.limit > 0 && request.headers.get("Expect")) {
      const bool sent = co_await write("HTTP/1.1 100 Continue\r\n\r\n");
      if (!sent) co_return false;
    }
    const bool into_memory = length && (!plan.spool || *length <= host_.options.spool_bytes);
    auto refused = into_memory ? co_await read_counted_body(*length, request) : co_await read_any_body(parser, plan, request);
    if (refused) {
      co_await send_whole(*refused, version, false, with_body);
      co_return false;
    }
    deadline_.reset();  // the handler's and the engines' deadlines rule from here, not the client's
    Response response = co_await call_handler(request, plan.on_loop);
    if (auto* deferred = std::get_if<std::unique_ptr<DeferredResponse>>(&response.body)) {
      const auto pending = std::move(*deferred);
      response = co_await finish_deferred(*pending);
    }
    if (!request.body_file.empty()) ::unlink(request.body_file.c_str());
    response.headers.set("X-Request-Id", request.id);
    keep_alive = keep_alive && !host_.draining;
    if (std::holds_alternative<std::string>(response.body)) co_return co_await send_whole(response, version, keep_alive, with_body);
    auto stream = std::get<std::unique_ptr<BodyStream>>(std::move(response.body));
    ++host_.stats.streams;
    const bool again = co_await send_stream(response, *stream, version, keep_alive, with_body);
    if (!again) stream->cancel();
    --host_.stats.streams;
    co_return again;
  }

  static Response too_large(std::uint64_t limit) {
    if (limit == 0) return plain_error(413, "invalid_request_error", "too_large", "This path takes no request body");
    return plain_error(413, "invalid_request_error", "too_large", "The request body is larger than the limit of " + std::to_string(limit) + " bytes");
  }
  static Response incomplete() { return plain_error(400, "invalid_request_error", "incomplete_body", "The request body ended early or stalled"); }

  // Reading a body. A response means: refused, answer this and close.

  /// A body of known length, straight from the socket into the request.
  Task<std::optional<Response>> read_counted_body(std::uint64_t length, Request& request) {
    auto& body = request.body;
    body.resize(std::min<std::uint64_t>(length, buffer_.size()));
    buffer_.consume(asio::buffer_copy(asio::buffer(body), buffer_.data()));
    while (body.size() < length) {
      const auto had = body.size();
      body.resize(had + std::min<std::uint64_t>(length - had, kBodyPiece));
      set_deadline(host_.options.body_timeout);
      auto space = asio::buffer(body.data() + had, body.size() - had);
      error_code error;
      auto token = asio::redirect_error(kAwait, error);
      const auto got = co_await stream_.async_read_some(space, token);
      if (error) co_return incomplete();
      body.resize(had + got);
    }
    co_return std::nullopt;
  }

  /// A chunked or a large body, into memory or a file.
  Task<std::optional<Response>> read_any_body(HeadParser& head, const BodyPlan& plan, Request& request) {
    http::request_parser<http::buffer_body> parser(std::move(head));
    if (parser.is_done()) co_return std::nullopt;
    parser.body_limit(plan.limit);
    std::vector<char> piece(16UL << 10);
    int file = -1;
    std::optional<Response> refused;
    std::uint64_t total = 0;
    while (!parser.is_done() && !refused) {
      parser.get().body().data = piece.data();
      parser.get().body().size = piece.size();
      set_deadline(host_.options.body_timeout);
      error_code error;
      auto token = asio::redirect_error(kAwait, error);
      co_await http::async_read(stream_, buffer_, parser, token);
      const std::size_t got = piece.size() - parser.get().body().size;
      total += got;
      if (error == http::error::need_buffer) error = {};
      if (error == http::error::body_limit) refused = too_large(plan.limit);
      else if (error) refused = incomplete();
      else if (plan.spool && file < 0 && total > host_.options.spool_bytes) {
        file = open_spool(request);
        if (file < 0 || !write_all(file, request.body)) refused = no_room();
        request.body.clear();
        request.body.shrink_to_fit();
      }
      if (refused) break;
      if (file >= 0) {
        if (!write_all(file, {piece.data(), got})) refused = no_room();
        if (piece.size() < (256UL << 10)) piece.resize(256UL << 10);
      } else {
        request.body.append(piece.data(), got);
      }
    }
    if (file >= 0) ::close(file);
    if (refused && !request.body_file.empty()) ::unlink(request.body_file.c_str());
    co_return refused;
  }

  int open_spool(Request& request) {
    std::string path = (host_.options.spool_dir / "upload.XXXXXX").string();
    const int file = ::mkstemp(path.data());
    if (file >= 0) request.body_file = path;
    return file;
  }

  static bool write_all(int file, std::string_view bytes) {
    while (!bytes.empty()) {
      const auto wrote = ::write(file, bytes.data(), bytes.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return true;
  }

  static Response no_room() {
    return plain_error(507, "server_error", "storage_full", "There is no room on the server's disk for this upload; free space and try again");
  }

  // Making the answer.

  Task<Response> call_handler(Request& request, bool on_loop) {
    if (on_loop) {
      if (auto response = guarded_handle_now(request)) co_return *std::move(response);
    }
    auto start = [this, &request](auto done) {
      auto task = [this, &request, done]() { done(guarded_handle(request)); };
      if (!host_.submit(std::move(task))) {
        ++host_.stats.refused_busy;
        auto busy = plain_error(503, "server_error", "unavailable", "The server has as many requests as it can handle; try again shortly");
        busy.headers.add("Retry-After", "1");
        done(std::move(busy));
      }
    };
    auto wait = await_callback<Response>(std::move(start));
    co_return co_await std::move(wait);
  }

  Response threw(const Request& request, const std::exception& error) {
    host_.log.error("handler_threw", {{"error_id", request.id}, {"detail", error.what()}});
    return plain_error(500, "server_error", "internal", "The server failed on this request; the log has the details under " + request.id);
  }
  Response guarded_handle(Request& request) {
    try {
      return host_.handler.handle(request);
    } catch (const std::exception& error) {
      return threw(request, error);
    }
  }
  std::optional<Response> guarded_handle_now(Request& request) {
    try {
      return host_.handler.handle_now(request);
    } catch (const std::exception& error) {
      return threw(request, error);
    }
  }

  Task<Response> finish_deferred(DeferredResponse& deferred) {
    deferred_ = &deferred;
    waits_since_ = std::chrono::steady_clock::now();
    auto start = [&deferred](auto done) { deferred.start([done](Response response) { done(std::move(response)); }); };
    auto wait = await_callback<Response>(std::move(start));
    auto response = co_await std::move(wait);
    deferred_ = nullptr;
    co_return response;
  }

  using Chunk = Result<std::optional<std::string>>;

  Task<Chunk> next_chunk(BodyStream& body) {
    body_ = &body;
    deadline_.reset();
    waits_since_ = std::chrono::steady_clock::now();
    auto start = [&body](auto done) { body.pull([done](Chunk chunk) { done(std::move(chunk)); }); };
    auto wait = await_callback<Chunk>(std::move(start));
    auto chunk = co_await std::move(wait);
    body_ = nullptr;
    co_return chunk;
  }

  // Sending it.

  Task<bool> send_whole(const Response& response, unsigned version, bool keep_alive, bool with_body) {
    const bool bodyless = response.status == 204 || response.status == 304;
    const std::string& body = std::get<std::string>(response.body);
    Framing framing{.version = version, .keep_alive = keep_alive};
    if (!bodyless) framing.length = body.size();
    std::string out;
    const bool sends_body = with_body && !bodyless;
    const bool joined = sends_body && body.size() <= kJoinedBytes;
    out.reserve(512 + (joined ? body.size() : 0));
    append_head(out, response, framing);
    if (joined) out += body;
    const bool sent = co_await write(out);
    if (!sent || !keep_alive) {
      if (sent && sends_body && !joined) co_await write(body);
      co_return false;
    }
    if (sends_body && !joined) co_return co_await write(body);
    co_return true;
  }

  Task<bool> send_stream(const Response& response, BodyStream& body, unsigned version, bool keep_alive, bool with_body) {
    const bool chunked = version >= 11;
    std::string out;
    append_head(out, response, {.version = version, .keep_alive = keep_alive && chunked, .chunked = chunked});
    if (!with_body) {
      co_await write(out);
      co_return false;
    }
    // The first chunk is there already more often than not: the head waits for it, and both go out at once.
    for (;;) {
      auto chunk = co_await next_chunk(body);
      if (!chunk) {
        if (!out.empty()) co_await write(out);
        co_return false;  // a broken end tells the client that the answer is not whole
      }
      const bool last = !*chunk;
      if (last && chunked) out += "0\r\n\r\n";
      if (!last && (*chunk)->empty()) continue;
      if (!last && chunked) append_chunk(out, **chunk);
      if (!last && !chunked) out += **chunk;
      const bool sent = co_await write(out);
      if (!sent || last) co_return sent && keep_alive && chunked;
      out.clear();
    }
  }

  /// All of it, or false.
  Task<bool> write(std::string_view bytes) {
    error_code error;
    if constexpr (!kTls) {
      // A socket nearly always takes it at once, and then nothing need be waited for.
      const auto sent = socket_.write_some(asio::buffer(bytes), error);
      if (error && error != asio::error::would_block) co_return false;
      bytes.remove_prefix(sent);
    }
    if (bytes.empty()) co_return true;
    set_deadline(host_.options.write_timeout);
    auto rest = asio::buffer(bytes);
    auto token = asio::redirect_error(kAwait, error);
    co_await asio::async_write(stream_, rest, token);
    deadline_.reset();
    if (timed_out_) ++host_.stats.stalled_clients;
    co_return !error;
  }

  Task<void> say_goodbye() {
    error_code ignored;
    if (!socket_.is_open()) co_return;
    if constexpr (kTls) {
      set_deadline(kGoodbye);
      auto token = asio::redirect_error(kAwait, ignored);
      co_await stream_.async_shutdown(token);
    } else {
      socket_.shutdown(asio::socket_base::shutdown_send, ignored);
    }
  }

  ConnectionHost& host_;
  Stream stream_;
  Socket& socket_;
  std::string peer_;
  bool peer_is_loopback_ = false;
  beast::flat_buffer buffer_;
  std::optional<Moment> deadline_;
  bool timed_out_ = false, idle_ = false;
  DeferredResponse* deferred_ = nullptr;  // what the client waits for
  BodyStream* body_ = nullptr;
  Moment waits_since_;
  bool watching_ = false;
  const std::shared_ptr<Connection*> self_ = std::make_shared<Connection*>(this);  // empty for handlers that outlive it
};

}  // namespace

Task<void> serve_plain(ConnectionHost& host, Socket socket) {
  Connection<Socket> connection(host, std::move(socket));
  co_await connection.run();
}

Task<void> serve_tls(ConnectionHost& host, Socket socket, asio::ssl::context& context) {
  Connection<TlsStream> connection(host, std::move(socket), context);
  co_await connection.run();
}

}  // namespace siyu::net
