// The JSON that OpenAI-compatible servers speak: requests out, events in. No network here.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace siyu::engine {

/// Bodies of POST /chat/completions and /completions, streamed and with usage. Fields that are unset are left out: clouds refuse
/// what they do not know.
std::string chat_body(const GenerateRequest& request, const std::string& model);
std::string completion_body(const GenerateRequest& request, const std::string& model);
std::string embedding_body(std::span<const std::string> texts, const std::string& model);
std::string embedding_body(std::span<const std::vector<Token>> tokens, const std::string& model);
/// The messages and tools of a chat, as templates take them (vLLM's /tokenize, llama-server's /apply-template).
std::string template_body(const GenerateRequest& request, const std::string& model);

/// Reads the chunks of one streamed answer; a whole answer is read as one chunk. Not thread-safe.
class ChunkReader {
 public:
  /// The delta of one chunk, or nothing. Errors: the server's own in the stream (kUnavailable), or no chunk at all.
  Result<std::optional<Delta>> read(std::string_view data);
  /// Empty until the server has named a finish reason.
  std::optional<Finish> finish() const;

 private:
  Finish finish_;
  bool finished_ = false;
};

/// Vectors in the order of the texts, scaled to length 1.
Result<EmbedResult> read_embeddings(std::string_view body, std::size_t expected);

/// Body and answer of POST /rerank, as vLLM, llama-server, Jina and Cohere know it.
std::string rerank_body(const RerankRequest& request, const std::string& model);
Result<RerankResult> read_scores(std::string_view body, std::size_t expected);

/// A multipart body of POST /audio/transcriptions.
struct Form {
  std::string content_type, body;
};
Form transcription_form(const TranscribeRequest& request, const std::string& model);

/// What a server says of a fault in its body; empty where it says nothing.
struct PeerFault {
  std::string message;
  bool too_long = false;  ///< the prompt does not fit into the context
};
PeerFault read_fault(std::string_view body);

/// One row of GET /models. Numbers are 0 where the server does not tell.
struct PeerModel {
  std::string id;
  std::string owner;  ///< "vllm", "llamacpp", "sglang", …
  std::int32_t context_tokens = 0;
  std::int32_t embedding_dimensions = 0;
  std::int64_t parameters = 0;
};
Result<std::vector<PeerModel>> read_models(std::string_view body);

/// `tokens` of a /tokenize answer.
Result<std::vector<Token>> read_tokens(std::string_view body);
/// `prompt` of an /apply-template answer.
Result<std::string> read_prompt(std::string_view body);
/// Bodies of llama-server's and vLLM's /tokenize for a text.
std::string tokenize_body(const std::string& text, const std::string& model, bool special);

}  // namespace siyu::engine
