// An Engine behind HTTP(S): vLLM, SGLang, MindIE, llama-server, a cloud, anything that is OpenAI-compatible.
//
// A thread of its own looks at the endpoint from time to time, sooner when a request has failed and rarely while it stays
// down. Requests wait for no look; only an endpoint that could not be connected to at the last one refuses at once.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/log.h"
#include "base/sensitive.h"
#include "engine/engine.h"
#include "engine/remote_peer.h"

namespace siyu::engine {

struct RemoteEngineOptions {
  std::string name;
  std::string url;                ///< as parse_engine_url gives it
  std::string model;              ///< at the endpoint; empty: the only one it lists, else `name`
  bool embeds = false;            ///< it makes vectors and cannot generate
  bool hears = false;             ///< it turns speech into text and can do nothing else
  bool ranks = false;             ///< it scores documents and can do nothing else
  Sensitive<std::string> api_key; ///< empty: none is sent

  Millis request_timeout = std::chrono::minutes(10);
  Millis look_interval = std::chrono::seconds(10);
  Millis look_timeout = std::chrono::seconds(5);
  Millis first_backoff = std::chrono::seconds(1);   ///< after a failed look, doubled with every further one
  Millis longest_backoff = std::chrono::seconds(30);
};

/// Thread-safe.
class RemoteEngine final : public Engine {
 public:
  /// Begins to look at the endpoint and returns. `client` and `log` must outlive the engine and its streams.
  static std::unique_ptr<RemoteEngine> connect(RemoteEngineOptions options, net::StreamClient& client, Logger& log);
  /// Answers under way go on.
  ~RemoteEngine() override;

  /// Waits for the first look's end, however it ends.
  void wait_first_look(Millis limit) { peer_->wait_first_look(limit); }

  Result<std::unique_ptr<GenerationStream>> generate(GenerateRequest request) override;
  bool answers_at_once() const override { return true; }
  Result<EmbedResult> embed(const EmbedRequest& request) override;
  Result<RerankResult> rerank(const RerankRequest& request) override;
  Result<TranscribeResult> transcribe(const TranscribeRequest& request) override;
  Result<std::vector<Token>> tokenize(const std::string& text) override;
  Result<std::int32_t> count_prompt_tokens(const GenerateRequest& request) override;
  ModelInfo info() const override;
  EngineHealth health() const override;

 private:
  RemoteEngine(RemoteEngineOptions options, net::StreamClient& client, Logger& log);
  void keep_looking();
  PeerState look();
  PeerState read_look(const RemotePeer::Answer& answer) const;
  Status check_reachable() const;
  Result<std::string> ask_server(std::string_view path, std::string body) const;
  Result<std::vector<Token>> tokens_of(const std::string& text, const std::string& model, bool special) const;

  const RemoteEngineOptions options_;
  Logger& log_;
  const std::shared_ptr<RemotePeer> peer_;
  std::mutex watch_mu_;
  net::ClientStream* looking_ = nullptr;  // the look under way; guarded by watch_mu_
  std::thread thread_;
};

}  // namespace siyu::engine
