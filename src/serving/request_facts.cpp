#include "serving/request_facts.h"

#include <algorithm>
#include <string_view>

#include "serving/hash_ring.h"

namespace siyu::serving {
namespace {

constexpr std::size_t kPrefixBytes = 1024;      // about 256 tokens: enough to tell system prompts apart, little enough to be shared
constexpr std::size_t kPictureBytes = 4096;     // of a picture's file, to tell it from others
constexpr std::int64_t kTokensPerPicture = 512;
constexpr std::int64_t kBytesPerToken = 4;      // English; Chinese text has nearer 3, which does not matter for a comparison
constexpr std::int64_t kUsualAnswer = 256;      // tokens, when the request allows more or does not say

/// Everything up to the first user message: the same for each turn of a conversation.
std::size_t opening_messages(const std::vector<engine::Message>& messages) {
  const auto user = std::ranges::find(messages, engine::Role::kUser, &engine::Message::role);
  return user == messages.end() ? messages.size() : static_cast<std::size_t>(user - messages.begin()) + 1;
}

class PrefixHash {
 public:
  void add(std::string_view text) {
    whole_ = stable_hash(text, whole_);
    if (left_ == 0) return;
    const auto part = text.substr(0, left_);
    prefix_ = stable_hash(part, prefix_);
    left_ -= part.size();
  }
  std::uint64_t prefix() const { return prefix_; }
  std::uint64_t whole() const { return whole_; }

 private:
  std::uint64_t prefix_ = 1, whole_ = 2;
  std::size_t left_ = kPrefixBytes;
};

std::int64_t prompt_bytes(const engine::GenerateRequest& request) {
  if (request.prompt_kind == engine::PromptKind::kTokens) return static_cast<std::int64_t>(request.prompt_tokens.size()) * kBytesPerToken;
  std::size_t bytes = request.prompt.size();
  for (const auto& message : request.messages) bytes += message.content.size() + message.reasoning_content.size();
  for (const auto& tool : request.tools) bytes += tool.description.size() + tool.parameters.size();
  return static_cast<std::int64_t>(bytes);
}

}  // namespace

RequestFacts facts_of(const engine::GenerateRequest& request) {
  PrefixHash hash;
  switch (request.prompt_kind) {
    case engine::PromptKind::kChat:
      for (const auto& tool : request.tools) hash.add(tool.name);
      for (std::size_t i = 0; i < opening_messages(request.messages); ++i) {
        hash.add(request.messages[i].content);
        for (const auto& picture : request.messages[i].images) hash.add(std::string_view(picture.file).substr(0, kPictureBytes));
      }
      break;
    case engine::PromptKind::kText: hash.add(request.prompt); break;
    case engine::PromptKind::kTokens:
      hash.add({reinterpret_cast<const char*>(request.prompt_tokens.data()), request.prompt_tokens.size() * sizeof(engine::Token)});
      break;
  }
  RequestFacts facts{.prefix = hash.prefix(), .conversation = stable_hash(request.tenant, hash.whole())};
  facts.prompt_work = 1 + prompt_bytes(request) / kBytesPerToken + kTokensPerPicture * static_cast<std::int64_t>(engine::picture_count(request));
  facts.answer_work = std::clamp<std::int64_t>(request.max_tokens.value_or(kUsualAnswer), 1, kUsualAnswer);
  return facts;
}

}  // namespace siyu::serving
