#include "output.h"

#include "base/bytes.h"
#include "base/random.h"

namespace siyu::worker {
namespace {

// The parser reads the whole answer every time. Small answers are parsed at every token; long ones only when they have
// grown by a 64th, which keeps the sum of all work near linear.
constexpr std::size_t kParseEveryTokenBelow = 2048;
constexpr std::size_t kParseGrowth = 64;

std::string new_call_id() {
  std::array<std::byte, 12> bytes{};
  OsRandom().fill(bytes);
  return "call_" + to_hex(bytes);
}

}  // namespace

Output::Output(OutputRules rules) : rules_(std::move(rules)), filter_(std::move(rules_.stops)) { seen_.role = "assistant"; }

void Output::push(const Model& model, Token token) {
  take(filter_.push(model.piece(token, rules_.preserved_tokens.contains(token))), false);
}

void Output::finish() { take(filter_.finish(), true); }

void Output::take(const std::string& text, bool last) {
  if (!rules_.parser) {
    pending_.content += text;
    return;
  }
  text_ += text;
  const std::size_t grown = text_.size() - parsed_bytes_;
  if (last || (grown > 0 && (text_.size() < kParseEveryTokenBelow || grown > text_.size() / kParseGrowth))) parse(last);
}

void Output::parse(bool last) {
  parsed_bytes_ = text_.size();
  try {
    emit_difference(common_chat_parse(text_, !last, *rules_.parser));
    return;
  } catch (const std::exception&) {
    if (!last) return;  // not yet readable; the next tokens may make it so
  }
  // The answer does not follow the template's own form, as with a cut answer: keep what can be read of it.
  try {
    emit_difference(common_chat_parse(text_, true, *rules_.parser));
  } catch (const std::exception&) {
  }
  if (seen_.content.empty() && seen_.reasoning_content.empty() && seen_.tool_calls.empty()) pending_.content += text_;
}

void Output::emit_difference(const common_chat_msg& parsed) {
  if (parsed.empty()) return;
  common_chat_msg now = parsed;
  now.set_tool_call_ids(call_ids_, new_call_id);
  for (const auto& diff : common_chat_msg_diff::compute_diffs(seen_, now)) {
    pending_.content += diff.content_delta;
    pending_.reasoning += diff.reasoning_content_delta;
    if (diff.tool_call_index == std::string::npos) continue;
    const auto& call = diff.tool_call_delta;
    pending_.tool_calls.push_back({static_cast<std::int32_t>(diff.tool_call_index), call.id, call.name, call.arguments});
  }
  seen_ = std::move(now);
}

}  // namespace siyu::worker
