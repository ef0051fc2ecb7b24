#include "net/connection.h"

#include <unistd.h>

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/asio/write.hpp>

#include "base/clock.h"
#include "base/id.h"

namespace siyu::net {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using beast::error_code;

constexpr std::uint32_t kMaxHeaderBytes = 32U << 10;  // browsers' cookies and long bearer tokens fit well
constexpr std::size_t kIdleReadBytes = 1024;          // what an idle connection's buffer holds

/// Runs `start(callback)` and resumes on the loop thread with what the callback was given, from whatever thread.
template <class T, class Start>
auto await_callback(Start start) {
  auto initiate = [start = std::move(start)](auto completion) mutable {
    auto executor = asio::get_associated_executor(completion);
    auto shared = std::make_shared<decltype(completion)>(std::move(completion));
    start([executor, shared](T value) {
      auto boxed = std::make_shared<T>(std::move(value));
      asio::post(executor, [shared, boxed] { (*shared)(std::move(*boxed)); });
    });
  };
  return asio::async_initiate<const asio::use_awaitable_t<>, void(T)>(std::move(initiate), asio::use_awaitable);
}

RequestHead to_head(const http::request<http::empty_body>& message, const asio::ip::tcp::endpoint& peer) {
  RequestHead head;
  head.method = std::string(message.method_string());
  const std::string_view target(message.target().data(), message.target().size());
  const auto question = target.find('?');
  head.path = target.substr(0, question);
  if (question != std::string_view::npos) head.query = target.substr(question + 1);
  for (const auto& field : message) head.headers.add(std::string(field.name_string()), std::string(field.value()));
  head.peer = peer.address().to_string();
  head.peer_is_loopback = peer.address().is_loopback();
  return head;
}

http::response<http::empty_body> to_head(const Response& response, unsigned version, bool keep_alive) {
  http::response<http::empty_body> message(static_cast<http::status>(response.status), version);
  for (const auto& [name, value] : response.headers.fields()) message.insert(name, value);
  message.keep_alive(keep_alive);
  return message;
}

template <class Stream>
class Connection {
 public:
  Connection(ConnectionHost& host, Stream& stream)
      : host_(host), stream_(stream), lowest_(beast::get_lowest_layer(stream)), socket_(lowest_.socket().native_handle()) {
    error_code ignored;
    peer_ = lowest_.socket().remote_endpoint(ignored);
  }

  asio::awaitable<void> run() {
    bool again = true;
    while (again && !host_.draining) again = co_await one_request();
  }

 private:
  /// True when the connection stays open for another request.
  asio::awaitable<bool> one_request() {
    const bool first_byte = co_await wait_for_first_byte();
    if (!first_byte) co_return false;

    http::request_parser<http::empty_body> parser;
    parser.header_limit(kMaxHeaderBytes);
    parser.body_limit(boost::none);  // the plan sets it once the route is known
    lowest_.expires_after(host_.options.header_timeout);
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await http::async_read_header(stream_, buffer_, parser, token);
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

  asio::awaitable<bool> wait_for_first_byte() {
    if (buffer_.size() > 0) co_return true;
    buffer_.shrink_to_fit();
    lowest_.expires_after(host_.options.idle_timeout);
    error_code error;
    host_.idle_sockets.insert(socket_);
    auto space = buffer_.prepare(kIdleReadBytes);
    auto token = asio::redirect_error(asio::use_awaitable, error);
    const auto got = co_await stream_.async_read_some(space, token);
    host_.idle_sockets.erase(socket_);
    buffer_.commit(got);
    co_return !error;
  }

  asio::awaitable<void> answer_unreadable(error_code error) {
    Response response;
    if (error == http::error::header_limit)
      response = plain_error(431, "invalid_request_error", "header_too_large", "The request header is larger than 32 KiB");
    else if (error == beast::error::timeout)
      co_return;  // the stream is closed already
    else if (error.category() == http::make_error_code(http::error::bad_method).category() && error != http::error::end_of_stream &&
             error != http::error::partial_message)
      response = plain_error(400, "invalid_request_error", "malformed_http", "The request is not well-formed HTTP: " + error.message());
    else
      co_return;
    auto body = std::get<std::string>(std::move(response.body));
    co_await send_whole(response, std::move(body), 11, /*keep_alive=*/false, /*with_body=*/true);
  }

  asio::awaitable<bool> answer(http::request_parser<http::empty_body>& parser) {
    Request request;
    static_cast<RequestHead&>(request) = to_head(parser.get(), peer_);
    request.id = new_id_text("req", SystemClock(), host_.random);
    const unsigned version = parser.get().version();
    const bool with_body = request.method != "HEAD";
    bool keep_alive = parser.keep_alive();
    const auto plan = host_.handler.plan(request);

    if (const auto length = parser.content_length(); length && *length > plan.limit) {
      auto response = too_large(plan.limit);
      auto body = std::get<std::string>(std::move(response.body));
      co_await send_whole(response, std::move(body), version, false, with_body);
      co_return false;
    }
    if (request.headers.get("Expect") && plan.limit > 0) co_await send_continue(version);
    auto refused = co_await read_body(parser, plan, request);
    if (refused) {
      auto body = std::get<std::string>(std::move(refused->body));
      co_await send_whole(*refused, std::move(body), version, false, with_body);
      co_return false;
    }
    Response response = co_await call_handler(request, plan.on_loop);
    if (auto* deferred = std::get_if<std::unique_ptr<DeferredResponse>>(&response.body)) {
      const auto pending = std::move(*deferred);
      response = co_await finish_deferred(*pending);
    }
    if (!request.body_file.empty()) ::unlink(request.body_file.c_str());
    response.headers.set("X-Request-Id", request.id);
    keep_alive = keep_alive && !host_.draining;
    if (auto* text = std::get_if<std::string>(&response.body)) {
      auto body = std::move(*text);
      co_return co_await send_whole(response, std::move(body), version, keep_alive, with_body);
    }
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

  asio::awaitable<void> send_continue(unsigned version) {
    http::response<http::empty_body> message(http::status::continue_, version);
    lowest_.expires_after(host_.options.write_timeout);
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await http::async_write(stream_, message, token);
  }

  /// Reads the body into memory or a file. A response means: refused, answer this and close.
  asio::awaitable<std::optional<Response>> read_body(http::request_parser<http::empty_body>& head, const BodyPlan& plan, Request& request) {
    http::request_parser<http::buffer_body> parser(std::move(head));
    parser.body_limit(plan.limit);
    std::vector<char> piece(16UL << 10);
    int file = -1;
    std::optional<Response> refused;
    std::uint64_t total = 0;
    while (!parser.is_done() && !refused) {
      parser.get().body().data = piece.data();
      parser.get().body().size = piece.size();
      lowest_.expires_after(host_.options.body_timeout);
      error_code error;
      auto token = asio::redirect_error(asio::use_awaitable, error);
      co_await http::async_read(stream_, buffer_, parser, token);
      const std::size_t got = piece.size() - parser.get().body().size;
      total += got;
      if (error == http::error::need_buffer) error = {};
      if (error == http::error::body_limit) refused = too_large(plan.limit);
      else if (error) refused = plain_error(400, "invalid_request_error", "incomplete_body", "The request body ended early or stalled");
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

  asio::awaitable<Response> call_handler(Request& request, bool on_loop) {
    if (on_loop) co_return guarded_handle(request);
    auto start = [this, &request](auto done) {
      auto task = [this, &request, done]() { done(std::make_shared<Response>(guarded_handle(request))); };
      if (!host_.submit(std::move(task))) {
        ++host_.stats.refused_busy;
        auto busy = plain_error(503, "server_error", "unavailable", "The server has as many requests as it can handle; try again shortly");
        busy.headers.add("Retry-After", "1");
        done(std::make_shared<Response>(std::move(busy)));
      }
    };
    auto wait = await_callback<std::shared_ptr<Response>>(std::move(start));
    auto response = co_await std::move(wait);
    co_return std::move(*response);
  }

  Response guarded_handle(Request& request) {
    try {
      return host_.handler.handle(request);
    } catch (const std::exception& error) {
      host_.log.error("handler_threw", {{"error_id", request.id}, {"detail", error.what()}});
      return plain_error(500, "server_error", "internal", "The server failed on this request; the log has the details under " + request.id);
    }
  }

  asio::awaitable<bool> send_whole(const Response& response, std::string body, unsigned version, bool keep_alive, bool with_body) {
    auto head = to_head(response, version, keep_alive);
    http::response<http::string_body> message(head.base());
    const bool bodyless = response.status == 204 || response.status == 304;
    if (!bodyless) message.content_length(body.size());
    if (with_body && !bodyless) message.body() = std::move(body);
    http::response_serializer<http::string_body> serializer(message);
    lowest_.expires_after(host_.options.write_timeout);
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await http::async_write(stream_, serializer, token);
    if (error == beast::error::timeout) ++host_.stats.stalled_clients;
    co_return !error && keep_alive;
  }

  asio::awaitable<bool> send_stream(const Response& response, BodyStream& body, unsigned version, bool keep_alive, bool with_body) {
    const bool chunked = version >= 11;
    auto head = to_head(response, version, keep_alive && chunked);
    if (chunked) head.chunked(true);
    http::response_serializer<http::empty_body> serializer(head);
    error_code error;
    lowest_.expires_after(host_.options.write_timeout);
    auto head_token = asio::redirect_error(asio::use_awaitable, error);
    co_await http::async_write_header(stream_, serializer, head_token);
    if (error || !with_body) co_return false;
    for (;;) {
      auto chunk = co_await next_chunk(body);
      if (!*chunk) co_return false;  // a broken end tells the client that the answer is not whole
      auto& piece = **chunk;
      if (!piece) break;
      if (piece->empty()) continue;
      const bool sent = co_await write_piece(*piece, chunked);
      if (!sent) co_return false;
    }
    if (!chunked) co_return false;
    auto last = http::make_chunk_last();
    auto last_token = asio::redirect_error(asio::use_awaitable, error);
    co_await asio::async_write(stream_, last, last_token);
    co_return !error && keep_alive;
  }

  asio::awaitable<Response> finish_deferred(DeferredResponse& deferred) {
    WaitingAnswer waiting{.socket = socket_, .cancel = [&deferred] { deferred.cancel(); }};
    host_.waiting.insert(&waiting);
    lowest_.expires_never();  // the producer's deadline rules here, not the client's
    auto start = [&deferred](auto done) {
      deferred.start([done](Response response) { done(std::make_shared<Response>(std::move(response))); });
    };
    auto wait = await_callback<std::shared_ptr<Response>>(std::move(start));
    auto response = co_await std::move(wait);
    host_.waiting.erase(&waiting);
    co_return std::move(*response);
  }

  using Chunk = std::shared_ptr<Result<std::optional<std::string>>>;

  asio::awaitable<Chunk> next_chunk(BodyStream& body) {
    WaitingAnswer waiting{.socket = socket_, .cancel = [&body] { body.cancel(); }};
    host_.waiting.insert(&waiting);
    lowest_.expires_never();  // the producer's deadline rules here, not the client's
    auto start = [&body](auto done) {
      body.pull([done](Result<std::optional<std::string>> chunk) {
        done(std::make_shared<Result<std::optional<std::string>>>(std::move(chunk)));
      });
    };
    auto wait = await_callback<Chunk>(std::move(start));
    auto chunk = co_await std::move(wait);
    host_.waiting.erase(&waiting);
    co_return chunk;
  }

  asio::awaitable<bool> write_piece(const std::string& piece, bool chunked) {
    lowest_.expires_after(host_.options.write_timeout);
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    if (chunked) {
      auto framed = http::make_chunk(asio::buffer(piece));
      co_await asio::async_write(stream_, framed, token);
    } else {
      auto raw = asio::buffer(piece);
      co_await asio::async_write(stream_, raw, token);
    }
    if (error == beast::error::timeout) ++host_.stats.stalled_clients;
    co_return !error;
  }

  ConnectionHost& host_;
  Stream& stream_;
  beast::tcp_stream& lowest_;
  const int socket_;
  asio::ip::tcp::endpoint peer_;
  beast::flat_buffer buffer_;
};

struct Counted {
  explicit Counted(std::atomic<std::int64_t>& counter_in) : counter(counter_in) { ++counter; }
  ~Counted() { --counter; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  std::atomic<std::int64_t>& counter;
};

}  // namespace

asio::awaitable<void> serve_plain(ConnectionHost& host, asio::ip::tcp::socket socket) {
  const Counted counted(host.stats.connections);
  beast::tcp_stream stream(std::move(socket));
  Connection<beast::tcp_stream> connection(host, stream);
  co_await connection.run();
  error_code ignored;
  stream.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

asio::awaitable<void> serve_tls(ConnectionHost& host, asio::ip::tcp::socket socket, asio::ssl::context& context) {
  const Counted counted(host.stats.connections);
  beast::ssl_stream<beast::tcp_stream> stream(beast::tcp_stream(std::move(socket)), context);
  auto& lowest = beast::get_lowest_layer(stream);
  lowest.expires_after(host.options.header_timeout);
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await stream.async_handshake(asio::ssl::stream_base::server, token);
  if (error) co_return;
  Connection<beast::ssl_stream<beast::tcp_stream>> connection(host, stream);
  co_await connection.run();
  lowest.expires_after(std::chrono::seconds(2));
  auto bye = asio::redirect_error(asio::use_awaitable, error);
  co_await stream.async_shutdown(bye);
}

}  // namespace siyu::net
