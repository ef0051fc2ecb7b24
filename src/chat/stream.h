// An answer on its way: what a model writes, and the sources of what it wrote.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "engine/engine.h"
#include "knowledge/knowledge.h"

namespace siyu::chat {

/// The source of the part of the answer that has just ended; answer_start and answer_end are bytes of the answer's text.
struct Cited {
  knowledge::Citation citation;
  std::string base;
};

/// Deltas and their sources, one Finish, then the end.
using Event = std::variant<engine::Delta, Cited, engine::Finish>;

/// Thread-safe, but only one pull may be pending. Destroying it cancels the answer.
class Stream {
 public:
  using Ready = std::move_only_function<void(Result<std::optional<Event>>)>;
  virtual ~Stream() = default;
  /// `ready` is called exactly once, from any thread, perhaps before this returns. It must not block.
  virtual void pull(Ready ready) = 0;
  virtual void cancel() noexcept = 0;
};

/// What a model writes, as it is.
std::unique_ptr<Stream> plain(std::unique_ptr<engine::GenerationStream> generation);
/// An answer that is there already.
std::unique_ptr<Stream> ready(std::deque<Event> events);

/// A passage and the knowledge base it comes from.
struct Source {
  knowledge::Passage passage;
  std::string base;
};
/// What a model writes; each of its sentences is followed by the passage that supports it, where one does.
std::unique_ptr<Stream> with_citations(std::unique_ptr<engine::GenerationStream> generation, std::vector<Source> sources);

}  // namespace siyu::chat
