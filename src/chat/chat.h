// The request pipeline: finds passages, lets a model write from them or quotes them, and hands the answer on as a stream.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chat/stream.h"
#include "knowledge/knowledge.h"
#include "serving/gateway.h"

namespace siyu::chat {

/// The name under which answers are quoted from documents without any model.
inline constexpr std::string_view kExtractiveModel = "siyu-extractive";
constexpr std::size_t kMaxBases = 16;

enum class Mode {
  kAuto,        ///< a model writes when one is loaded
  kExtractive,
  kGenerative,
};
BOOST_DESCRIBE_ENUM(Mode, kAuto, kExtractive, kGenerative)

struct Request {
  std::string model;                   ///< empty: the only chat model loaded
  engine::GenerateRequest generate;
  std::vector<std::string> knowledge;  ///< bases to answer from; empty: the model alone
  Mode mode = Mode::kAuto;             ///< matters with knowledge only
  serving::CallOptions call = {};
};

struct Answer {
  std::string model;                               ///< what answers
  std::optional<knowledge::AnswerMode> grounding;  ///< present with knowledge
  std::unique_ptr<Stream> stream;
};

/// Thread-safe.
class Chat {
 public:
  Chat(knowledge::KnowledgeService& knowledge, serving::Gateway& gateway, std::size_t passages)
      : knowledge_(knowledge), gateway_(gateway), passages_(passages) {}

  /// Begins the answer. Faults may still come with the stream's first event.
  Result<Answer> answer(const Pass& pass, Request request);

 private:
  Result<Answer> generate(const serving::Served& served, Request request);
  Result<Answer> extract(const Pass& pass, const Request& request, const std::string& question);
  Result<Answer> ground(const Pass& pass, const serving::Served& served, Request request, const std::string& question);
  Result<std::vector<Source>> find(const Pass& pass, const std::vector<std::string>& bases, const std::string& question);

  knowledge::KnowledgeService& knowledge_;
  serving::Gateway& gateway_;
  const std::size_t passages_;  // given to a model at most
};

/// The text a question is asked in: the last message of the user.
Result<std::string> question_of(const std::vector<engine::Message>& messages);

}  // namespace siyu::chat
