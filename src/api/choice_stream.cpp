#include "api/choice_stream.h"

#include <mutex>

namespace siyu::api {

using Arrived = Result<std::optional<chat::Event>>;

/// Pending pulls share it, so a choice lives as long as its last pull.
struct ChoiceStream::State : std::enable_shared_from_this<State> {
  struct Choice {
    std::unique_ptr<chat::Stream> stream;
    std::optional<Arrived> arrived;
    bool pulling = false, ended = false;
  };
  std::mutex mu;
  std::vector<Choice> choices;
  std::size_t next = 0;  // the choice looked at first: each gets its turn
  Take take;             // set while events are wanted
  Dry dry;
  bool delivering = false;

  void want(Take wanted, Dry enough) {
    const auto self = shared_from_this();
    {
      const std::lock_guard lock(mu);
      take = std::move(wanted);
      dry = std::move(enough);
    }
    deliver();
  }

  /// Starts the pulls that are missing. Called by the one who delivers.
  void arm() {
    for (std::size_t i = 0; i < choices.size(); ++i) {
      {
        const std::lock_guard lock(mu);
        auto& choice = choices[i];
        if (choice.pulling || choice.ended || choice.arrived) continue;
        choice.pulling = true;
      }
      choices[i].stream->pull([self = shared_from_this(), i](Arrived event) {
        {
          const std::lock_guard lock(self->mu);
          self->choices[i].pulling = false;
          self->choices[i].arrived = std::move(event);
        }
        self->deliver();
      });
    }
  }

  /// What has arrived first; an empty optional: nothing has, and something still may.
  std::optional<Result<std::optional<Event>>> next_event() {
    const std::lock_guard lock(mu);
    bool all_ended = true;
    for (std::size_t turn = 0; turn < choices.size(); ++turn) {
      const std::size_t i = (next + turn) % choices.size();
      auto& choice = choices[i];
      if (choice.arrived && choice.arrived->has_value() && !choice.arrived->value()) {
        choice.arrived.reset();
        choice.ended = true;
      }
      all_ended = all_ended && choice.ended;
      if (!choice.arrived) continue;
      Arrived event = *std::exchange(choice.arrived, std::nullopt);
      next = i + 1;
      if (!event) {
        choice.ended = true;
        return std::unexpected(std::move(event).error());
      }
      return std::optional(Event{.choice = i, .event = **std::move(event)});
    }
    if (all_ended) return std::optional<Event>();
    return std::nullopt;
  }

  /// One thread at a time hands out events; a pull that answers at once comes back here and leaves it to the loop.
  void deliver() {
    {
      const std::lock_guard lock(mu);
      if (delivering || !take) return;
      delivering = true;
    }
    bool said_dry = false;
    for (;;) {
      arm();
      auto event = next_event();
      if (!event && said_dry) {
        const std::lock_guard lock(mu);
        if (has_arrived()) continue;  // it came between the two looks
        delivering = false;
        return;
      }
      // Both are out of the way while they are called: they may ask for more by a new each().
      Take taker;
      Dry drier;
      {
        const std::lock_guard lock(mu);
        if (!event && has_arrived()) continue;
        taker = std::exchange(take, nullptr);
        drier = std::exchange(dry, nullptr);
      }
      bool more = false;
      if (event) {
        const bool last = !*event || !**event;
        more = taker(*std::move(event)) && !last;
        said_dry = false;
      } else {
        more = !drier || !drier();
        said_dry = true;
      }
      const std::lock_guard lock(mu);
      if (more) {
        take = std::move(taker);
        dry = std::move(drier);
      } else {
        said_dry = false;  // whoever asks next has not been told
      }
      if (!take) {
        delivering = false;
        return;
      }
    }
  }

  bool has_arrived() const {
    for (const auto& choice : choices)
      if (choice.arrived) return true;
    return false;
  }
};

ChoiceStream::ChoiceStream(std::vector<std::unique_ptr<chat::Stream>> choices) : state_(std::make_shared<State>()) {
  for (auto& choice : choices) state_->choices.push_back({.stream = std::move(choice), .arrived = {}});
}
ChoiceStream::~ChoiceStream() { cancel(); }
std::size_t ChoiceStream::size() const { return state_->choices.size(); }
void ChoiceStream::each(Take take, Dry dry) { state_->want(std::move(take), std::move(dry)); }

void ChoiceStream::cancel() noexcept {
  for (auto& choice : state_->choices) choice.stream->cancel();
}

}  // namespace siyu::api
