#include "chat/stream.h"

#include <mutex>

namespace siyu::chat {
namespace {

Result<std::optional<Event>> widen(Result<std::optional<engine::Event>> event) {
  if (!event) return std::unexpected(std::move(event).error());
  if (!*event) return std::optional<Event>();
  return std::visit([](auto&& one) { return std::optional<Event>(std::forward<decltype(one)>(one)); }, *std::move(*event));
}

class PlainStream final : public Stream {
 public:
  explicit PlainStream(std::unique_ptr<engine::GenerationStream> generation) : generation_(std::move(generation)) {}
  void pull(Ready ready) override {
    generation_->pull([ready = std::move(ready)](Result<std::optional<engine::Event>> event) mutable { ready(widen(std::move(event))); });
  }
  void cancel() noexcept override { generation_->cancel(); }

 private:
  const std::unique_ptr<engine::GenerationStream> generation_;
};

class ReadyStream final : public Stream {
 public:
  explicit ReadyStream(std::deque<Event> events) : events_(std::move(events)) {}
  void pull(Ready ready) override {
    if (events_.empty()) return ready(std::optional<Event>());
    Event event = std::move(events_.front());
    events_.pop_front();
    ready(std::optional(std::move(event)));
  }
  void cancel() noexcept override {}

 private:
  std::deque<Event> events_;
};

/// Reads the answer sentence by sentence as it grows.
class SentenceReader {
 public:
  /// The sentences that are complete now; with `end` the last one too. Spans are bytes of text().
  std::vector<TextSpan> add(std::string_view more, bool end) {
    text_ += more;
    const auto rest = std::string_view(text_).substr(read_);
    // Sentences are found when one may have ended: looking at every token would be quadratic in a long one.
    if (!end && more.find_first_of(".!?\n") == std::string_view::npos && more.find("。") == std::string_view::npos &&
        more.find("！") == std::string_view::npos && more.find("？") == std::string_view::npos && more.find("；") == std::string_view::npos)
      return {};
    auto spans = split_sentences(rest);
    // The last one may go on, unless the next has begun or nothing more comes.
    if (!end && !spans.empty()) spans.pop_back();
    for (auto& span : spans) {
      span.begin += read_;
      span.end += read_;
    }
    if (!spans.empty()) read_ = spans.back().end;
    return spans;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::size_t read_ = 0;
};

class CitingStream final : public Stream {
 public:
  CitingStream(std::unique_ptr<engine::GenerationStream> generation, std::vector<Source> sources) : generation_(std::move(generation)) {
    for (auto& source : sources) {
      passages_.push_back(std::move(source.passage));
      bases_.push_back(std::move(source.base));
    }
  }

  void pull(Ready ready) override {
    if (!pending_.empty()) {
      Event event = std::move(pending_.front());
      pending_.pop_front();
      return ready(std::optional(std::move(event)));
    }
    // This outlives the call: a stream is dropped only after its pending pull is answered, or cancelled and then answered.
    generation_->pull([this, ready = std::move(ready)](Result<std::optional<engine::Event>> event) mutable {
      if (event && *event) take(**event);
      if (!pending_.empty()) {
        Event first = std::move(pending_.front());
        pending_.pop_front();
        return ready(std::optional(std::move(first)));
      }
      ready(widen(std::move(event)));
    });
  }
  void cancel() noexcept override { generation_->cancel(); }

 private:
  void take(engine::Event& event) {
    if (auto* delta = std::get_if<engine::Delta>(&event)) {
      const std::string content = delta->content;
      pending_.emplace_back(std::move(*delta));
      cite(reader_.add(content, false));
    } else {
      cite(reader_.add("", true));
      pending_.emplace_back(std::get<engine::Finish>(event));
    }
  }

  void cite(const std::vector<TextSpan>& sentences) {
    for (const auto& span : sentences) {
      auto support = knowledge::find_support(std::string_view(reader_.text()).substr(span.begin, span.end - span.begin), passages_);
      if (!support) continue;
      pending_.emplace_back(Cited{.citation = {.number = static_cast<int>(support->passage_index) + 1, .passage = std::move(support->passage),
                                               .answer_start = span.begin, .answer_end = span.end},
                                  .base = bases_[support->passage_index]});
    }
  }

  std::vector<knowledge::Passage> passages_;
  std::vector<std::string> bases_;
  // Touched by one pull at a time only.
  SentenceReader reader_;
  std::deque<Event> pending_;
  const std::unique_ptr<engine::GenerationStream> generation_;  // goes first: its last answer still looks at the others
};

}  // namespace

std::unique_ptr<Stream> plain(std::unique_ptr<engine::GenerationStream> generation) { return std::make_unique<PlainStream>(std::move(generation)); }
std::unique_ptr<Stream> ready(std::deque<Event> events) { return std::make_unique<ReadyStream>(std::move(events)); }
std::unique_ptr<Stream> with_citations(std::unique_ptr<engine::GenerationStream> generation, std::vector<Source> sources) {
  return std::make_unique<CitingStream>(std::move(generation), std::move(sources));
}

}  // namespace siyu::chat
