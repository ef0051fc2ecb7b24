// The events of one streamed answer, kept so that a reader who lost the connection can come back for the rest.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/clock.h"
#include "net/http.h"

namespace siyu::api {

/// Thread-safe. Readers may begin anywhere, at any time, and each gets every event from there on once.
class EventLog {
 public:
  explicit EventLog(const Clock& clock);
  /// Event number n is the n-th that was appended, from 0.
  void append(std::string event);
  /// No more events come.
  void close();
  /// A body that begins with event `first`.
  std::unique_ptr<net::BodyStream> read_from(std::size_t first);

  std::size_t bytes() const;
  std::size_t size() const;
  /// Since when nobody reads; nothing while somebody does, or before the first reader.
  std::optional<SteadyTime> unread_since() const;

 private:
  struct State;
  class Reader;
  const std::shared_ptr<State> state_;  // shared with the readers
};

}  // namespace siyu::api
