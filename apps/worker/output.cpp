#include "output.h"

#include <algorithm>
#include <utility>

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
  const auto piece = model.piece(token, rules_.preserved_tokens.contains(token));
  if (rules_.parser) undecided_.push_back(text_.size());
  take(filter_.push(piece), false);
}

void Output::finish() {
  take(filter_.finish(), true);
  if (reasons_) reasoning_tokens_ += static_cast<std::int32_t>(undecided_.size());  // marks, or what a stop string cut
  undecided_.clear();
}

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
  std::size_t reasoning = 0, answer = 0;
  for (const auto& diff : common_chat_msg_diff::compute_diffs(seen_, now)) {
    reasoning += diff.reasoning_content_delta.size();
    answer += diff.content_delta.size() + diff.tool_call_delta.name.size() + diff.tool_call_delta.arguments.size();
    pending_.content += diff.content_delta;
    pending_.reasoning += diff.reasoning_content_delta;
    if (diff.tool_call_index == std::string::npos) continue;
    if (rules_.one_call && diff.tool_call_index > 0) {
      second_call_ = true;
      continue;
    }
    const auto& call = diff.tool_call_delta;
    pending_.tool_calls.push_back({static_cast<std::int32_t>(diff.tool_call_index), call.id, call.name, call.arguments});
  }
  seen_ = std::move(now);
  share_out(reasoning, answer);
}

/// Decides what the tokens are that made the text grow by so many bytes of reasoning and of the rest. Marks make nothing grow:
/// they belong to the reasoning beside them.
void Output::share_out(std::size_t reasoning, std::size_t answer) {
  if (reasoning == 0 && answer == 0) return;
  auto decided = std::ranges::lower_bound(undecided_, text_.size());  // later ones are still in the stop filter
  const bool reasoned = reasoning > 0 || reasons_;
  const auto mark = reasoned ? end_of_reasoning() : std::nullopt;
  if (reasoned) {
    const auto last = std::min(decided, std::ranges::lower_bound(undecided_, mark.value_or(text_.size() - std::min(answer, text_.size()))));
    reasoning_tokens_ += static_cast<std::int32_t>(last - undecided_.begin());
    if (answer == 0) decided = last;  // the parser may hold the answer's first characters back
  }
  undecided_.erase(undecided_.begin(), decided);
  reasons_ = answer == 0 && !mark;
}

/// Where in the text the mark ends that is the last of the reasoning, if it has come.
std::optional<std::size_t> Output::end_of_reasoning() const {
  const std::size_t from = undecided_.empty() ? text_.size() : undecided_.front();
  for (const auto& mark : rules_.reasoning_ends) {
    const auto at = mark.empty() ? std::string::npos : text_.find(mark, from - std::min(from, mark.size() - 1));  // one that ends before has been seen
    if (at != std::string::npos) return at + mark.size();
  }
  return std::nullopt;
}

}  // namespace siyu::worker
