// HTTP messages as the rest of the program sees them: no sockets, no Beast.
#pragma once

#include <any>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace siyu::net {

/// Header fields in order; names compare without case.
class Headers {
 public:
  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  void set(std::string_view name, std::string value);
  /// The first value of that name, or nothing.
  std::optional<std::string_view> get(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

bool equals_ignoring_case(std::string_view a, std::string_view b);
/// %41 → A and, in queries, + → space. A malformed escape stays as it is.
std::string percent_decode(std::string_view text, bool plus_is_space = false);
std::string percent_encode(std::string_view text);

/// What is known when a request's header is complete.
struct RequestHead {
  std::string method;
  std::string path;   ///< still percent-encoded, without the query
  std::string query;  ///< as sent, without the question mark
  Headers headers;
  std::string peer;        ///< address of the client
  bool peer_is_loopback = false;

  /// Decoded value of a query parameter.
  std::optional<std::string> query_param(std::string_view name) const;
  std::optional<std::string> cookie(std::string_view name) const;
};

struct Request : RequestHead {
  std::string body;
  /// A body over the spool threshold lies here instead; the file is deleted after the answer unless moved away.
  std::filesystem::path body_file;
  std::any begun;  ///< what Handler::handle_now has done already, for `handle`
  std::string id;  ///< unique; in logs, in audit entries, and in the X-Request-Id header of the answer
};

/// A streamed answer, pulled one chunk at a time. It holds no thread while it waits.
class BodyStream {
 public:
  /// nullopt: the end. An error ends the connection without a proper end, so that the client notices.
  using Ready = std::move_only_function<void(Result<std::optional<std::string>>)>;
  virtual ~BodyStream() = default;
  /// Asks for the next chunk. `ready` is called exactly once, from any thread, perhaps before this returns.
  virtual void pull(Ready ready) = 0;
  /// The client has gone: a pending pull is to be answered soon, with anything. Any thread.
  virtual void cancel() noexcept = 0;
};

struct Response;

/// An answer that is not known yet, and holds no thread until it is.
class DeferredResponse {
 public:
  using Ready = std::move_only_function<void(Response)>;
  virtual ~DeferredResponse() = default;
  /// `ready` is called exactly once, from any thread, perhaps before this returns; with anything but another deferred one.
  virtual void start(Ready ready) = 0;
  /// The client has gone: `ready` is to be called soon. Any thread.
  virtual void cancel() noexcept = 0;
};

struct Response {
  int status = 200;
  Headers headers;
  std::variant<std::string, std::unique_ptr<BodyStream>, std::unique_ptr<DeferredResponse>> body;
};

Response json_response(int status, std::string json);
/// {"error":{…}} in OpenAI's shape, for faults found before any handler runs.
Response plain_error(int status, std::string_view type, std::string_view code, std::string_view message);
/// One server-sent event: "data: …\n\n".
std::string sse_event(std::string_view data);

/// Splits a server-sent event stream into the `data` of its events. Not thread-safe.
class SseParser {
 public:
  /// Appends bytes and returns the events they complete. An event over 8 MiB is an error.
  Result<std::vector<std::string>> feed(std::string_view bytes);

 private:
  std::string line_;
  std::string data_;
  bool has_data_ = false;
};

/// One part of a multipart/form-data body.
struct FormPart {
  std::string name;
  std::string filename;  ///< empty: a plain field
  std::uint64_t begin = 0;  ///< byte range in the body
  std::uint64_t end = 0;
};
constexpr std::size_t kMaxFormParts = 2000;

/// Finds the parts of a whole body (in memory, or a mapped file). Refuses more than kMaxFormParts parts.
Result<std::vector<FormPart>> parse_form(std::string_view content_type, std::string_view body);

}  // namespace siyu::net
