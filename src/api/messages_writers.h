// The bodies of Anthropic's Messages API.
#pragma once

#include "api/reply_writer.h"

namespace siyu::api::anthropic {

struct MessageOptions {
  bool show_thinking = false;      ///< without the caller's asking, its code expects text as the first block
  std::int32_t prompt_tokens = 0;  ///< told at the beginning of a stream; 0 where the engine does not count
  std::int32_t max_tokens = 0;     ///< as asked for: an answer cut earlier met the end of the context
};

std::unique_ptr<ReplyWriter> whole_message(ReplyHead head, MessageOptions options);
std::unique_ptr<ReplyWriter> streamed_message(ReplyHead head, MessageOptions options);

}  // namespace siyu::api::anthropic
