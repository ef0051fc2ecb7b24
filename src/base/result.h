// Result<T>: a value or an Error that says what failed, on what, and what to do.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace siyu {

/// The kinds of failure a caller can act on. One mapper (api/error_reply.cpp) turns them into HTTP.
enum class ErrorCode {
  kInvalidArgument,    ///< the request itself is wrong; sending it again will not help (400)
  kUnauthenticated,    ///< no valid key or session (401)
  kPermissionDenied,   ///< known, but not allowed (403)
  kNotFound,           ///< the named thing does not exist, or may not be known to the caller (404)
  kAlreadyExists,      ///< the name is taken (409)
  kConflict,           ///< the thing is in a state that forbids this now (409)
  kTooLarge,           ///< over a stated limit (413)
  kUnsupported,        ///< understood but not offered here (422)
  kResourceExhausted,  ///< rate or quota (429)
  kUnavailable,        ///< overloaded, starting or stopping; try again later (503)
  kDeadlineExceeded,   ///< did not finish in its time (504)
  kCancelled,          ///< the caller went away (499)
  kStorageFull,        ///< no room on the data disk (507)
  kCorrupted,          ///< stored data fails its own check (500)
  kInternal,           ///< a bug or an unexpected failure of a part (500)
};

/// Stable snake_case name, as used in logs, audit entries and API error bodies.
std::string_view to_string(ErrorCode code);

constexpr std::int64_t kNeverRetry = -1;

/// `message` is safe to show to any client. `detail` may name internals and goes to the log only. `reason` is a stable
/// snake_case name for programs, where the code alone says too little: context_length_exceeded, model_not_found. `param`
/// is the path of the request's field that is wrong: `messages[0].role`.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::string detail = {};
  std::string reason = {};
  std::string param = {};
  std::int64_t retry_after_ms = 0;  ///< when trying again may help; 0: not known; kNeverRetry: not as things are

  bool operator==(const Error&) const = default;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message, std::string detail = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(detail)});
}
inline std::unexpected<Error> fail_because(ErrorCode code, std::string reason, std::string message) {
  return std::unexpected(Error{code, std::move(message), {}, std::move(reason)});
}
inline std::unexpected<Error> invalid(std::string message) { return fail(ErrorCode::kInvalidArgument, std::move(message)); }
/// `message` without the field's name, which comes before it: invalid_field("top_p", "must be from 0 to 1").
inline std::unexpected<Error> invalid_field(std::string param, std::string_view message) {
  std::string text = "`" + param + "` " + std::string(message);
  return std::unexpected(Error{.code = ErrorCode::kInvalidArgument, .message = std::move(text), .param = std::move(param)});
}
inline std::unexpected<Error> not_found(std::string message) { return fail(ErrorCode::kNotFound, std::move(message)); }
inline std::unexpected<Error> internal(std::string message, std::string detail = {}) {
  return fail(ErrorCode::kInternal, std::move(message), std::move(detail));
}

}  // namespace siyu

#define SIYU_CONCAT_INNER(a, b) a##b
#define SIYU_CONCAT(a, b) SIYU_CONCAT_INNER(a, b)
#define SIYU_ASSIGN_OR_RETURN(temporary, target, ...)                        \
  auto temporary = (__VA_ARGS__);                                            \
  if (!temporary) return std::unexpected(std::move(temporary).error());      \
  target = std::move(*temporary)
/// ASSIGN_OR_RETURN(auto doc, parse(bytes)): takes the value, or returns the error to the caller.
#define ASSIGN_OR_RETURN(target, ...) SIYU_ASSIGN_OR_RETURN(SIYU_CONCAT(siyu_result_, __LINE__), target, __VA_ARGS__)
/// RETURN_IF_ERROR(store.sync()): goes on only when the call succeeded.
#define RETURN_IF_ERROR(...)                                                                     \
  do {                                                                                           \
    if (auto siyu_status = (__VA_ARGS__); !siyu_status) return std::unexpected(std::move(siyu_status).error()); \
  } while (false)
