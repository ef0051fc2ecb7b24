// The choices of one answer (`n`, or several prompts) as one stream of events, in the order in which they come.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "chat/stream.h"

namespace siyu::api {

/// Thread-safe, but only one call of each() may be under way. Destroying it cancels all choices.
class ChoiceStream {
 public:
  struct Event {
    std::size_t choice = 0;
    chat::Event event;
  };
  /// nullopt: all choices have ended. After an error or the end it is not called again.
  using Take = std::function<bool(Result<std::optional<Event>>)>;
  /// Nothing more is there at the moment. True: that is enough, and `take` is not called again.
  using Dry = std::function<bool()>;

  explicit ChoiceStream(std::vector<std::unique_ptr<chat::Stream>> choices);
  ~ChoiceStream();
  ChoiceStream(const ChoiceStream&) = delete;
  ChoiceStream& operator=(const ChoiceStream&) = delete;

  std::size_t size() const;
  /// Hands events to `take`, on whichever thread they come, until it returns false or `dry` returns true.
  void each(Take take, Dry dry = {});
  /// The client has gone; what is under way fails soon with kCancelled.
  void cancel() noexcept;

 private:
  struct State;
  const std::shared_ptr<State> state_;
};

}  // namespace siyu::api
