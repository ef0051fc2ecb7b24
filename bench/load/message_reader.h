// Just enough HTTP/1.1 for two ends that we write ourselves: where a message ends, and its body. Reads requests and answers.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace siyu::bench {

inline bool starts_like(std::string_view text, std::string_view lower_case) {
  if (text.size() < lower_case.size()) return false;
  for (std::size_t i = 0; i < lower_case.size(); ++i)
    if ((text[i] | 0x20) != (lower_case[i] | 0x20)) return false;
  return true;
}

class MessageReader {
 public:
  enum class Step { kNeedMore, kHead, kPiece, kEnd, kBroken };

  void append(std::string_view bytes) {
    if (at_ > kCompactAt) {
      buffer_.erase(0, at_);
      at_ = 0;
    }
    buffer_ += bytes;
  }
  /// Call until kNeedMore. After kHead `head` and after kPiece `piece` hold until the next append.
  Step next() {
    switch (state_) {
      case State::kHead: return read_head();
      case State::kCounted: return read_counted();
      case State::kChunkSize: return read_chunk_size();
      case State::kChunkEnd: return read_chunk_end();
    }
    return Step::kBroken;
  }

  std::string_view head, piece;
  int status = 0;  ///< of an answer
  bool closes = false;

 private:
  enum class State { kHead, kCounted, kChunkSize, kChunkEnd };
  static constexpr std::size_t kCompactAt = 4096;

  std::string_view rest() const { return std::string_view(buffer_).substr(at_); }

  Step read_head() {
    const auto end = rest().find("\r\n\r\n");
    if (end == std::string_view::npos) return Step::kNeedMore;
    head = rest().substr(0, end + 2);
    at_ += end + 4;
    left_ = 0;
    chunked_ = closes = false;
    status = head.size() > 12 && head.starts_with("HTTP/") ? std::atoi(head.data() + 9) : 0;
    for (auto line = head.find("\r\n") + 2; line < head.size(); line = head.find("\r\n", line) + 2) {
      const auto text = head.substr(line);
      if (starts_like(text, "content-length:")) {
        const auto digits = text.find_first_not_of(' ', 15);
        std::from_chars(text.data() + digits, text.data() + text.size(), left_);
      } else if (starts_like(text, "transfer-encoding: chunked")) {
        chunked_ = true;
      } else if (starts_like(text, "connection: close")) {
        closes = true;
      }
    }
    state_ = chunked_ ? State::kChunkSize : State::kCounted;
    return Step::kHead;
  }

  Step read_counted() {
    if (left_ == 0) {
      state_ = chunked_ ? State::kChunkEnd : State::kHead;
      return chunked_ ? next() : finish();
    }
    if (rest().empty()) return Step::kNeedMore;
    piece = rest().substr(0, left_);
    at_ += piece.size();
    left_ -= piece.size();
    return Step::kPiece;
  }

  Step read_chunk_size() {
    const auto end = rest().find("\r\n");
    if (end == std::string_view::npos) return Step::kNeedMore;
    std::uint64_t size = 0;
    const auto line = rest().substr(0, end);
    if (std::from_chars(line.data(), line.data() + line.size(), size, 16).ec != std::errc()) return Step::kBroken;
    at_ += end + 2;
    left_ = size;
    last_ = size == 0;
    state_ = last_ ? State::kChunkEnd : State::kCounted;
    return next();
  }

  Step read_chunk_end() {
    if (rest().size() < 2) return Step::kNeedMore;
    at_ += 2;
    if (last_) return finish();
    state_ = State::kChunkSize;
    return next();
  }

  Step finish() {
    state_ = State::kHead;
    last_ = false;
    if (at_ == buffer_.size()) {
      buffer_.clear();
      at_ = 0;
    }
    return Step::kEnd;
  }

  std::string buffer_;
  std::size_t at_ = 0;
  State state_ = State::kHead;
  std::uint64_t left_ = 0;
  bool chunked_ = false, last_ = false;
};

}  // namespace siyu::bench
