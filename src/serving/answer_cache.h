// Answers that were given before. Off unless a model is named in the configuration or a request asks for it.
//
// Who gets what: a kept answer is given only for a request whose whole prompt is the same. The prompt of an answer from documents
// holds the passages that were just found for its own reader, so a reader who may not see them has another prompt; the
// knowledge bases and their versions are part of the key besides, so a changed or deleted document ends the answers made from its base.
// A question in other words gets an answer that was made for the same user, from the same passages, unless it may be shared.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/config.h"
#include "serving/call_options.h"
#include "serving/meter.h"
#include "serving/semantic_index.h"
#include "store/cache.h"

namespace siyu::serving {

/// The vector of a text, of length 1; nothing when no embedding model can make it now.
using EmbedQuestion = std::function<std::optional<std::vector<float>>(const std::string& text)>;

struct CachedModel {
  std::string name;
  std::string version;  ///< its file's hash
};

/// Thread-safe.
class AnswerCache {
 public:
  AnswerCache(const CacheConfig& config, std::unique_ptr<store::Cache> store, EmbedQuestion embed);

  /// Where an answer would be kept.
  struct Ticket {
    std::string key;
    std::string partition;             ///< empty: no question is compared
    std::optional<Question> question;
    std::vector<std::string> tags;
    bool keep = false;
    bool whole_if_long = false;        ///< an answer that ends at its limit is whole: the caller named the limit
  };
  struct Lookup {
    std::optional<engine::Generation> answer;
    CacheUse use = CacheUse::kNone;
    std::optional<Ticket> ticket;  ///< present when an answer may be kept
  };
  /// Whether look_up() would look anywhere at all; does not wait.
  bool concerns(const CachedModel& model, const engine::GenerateRequest& request, const CallOptions& options) const {
    return mode_for(model, request, options.cache) != CacheMode::kOff;
  }
  /// May wait for the store, and for an embedding model when questions are compared.
  Lookup look_up(const Caller& caller, const CachedModel& model, const engine::GenerateRequest& request, const CallOptions& options);
  /// Does not wait.
  void keep(const Ticket& ticket, const engine::Generation& answer);

  /// Deleted: whatever was made by this user, or from this knowledge base, goes.
  Status forget_user(const UserId& user);
  Status forget_base(const std::string& base);
  bool up() const { return store_ != nullptr && store_->up(); }

 private:
  CacheMode mode_for(const CachedModel& model, const engine::GenerateRequest& request, const CacheControl& control) const;
  std::optional<engine::Generation> fetch(const std::string& key);

  const CacheConfig config_;
  const std::unique_ptr<store::Cache> store_;  // none: no answers are kept
  const EmbedQuestion embed_;
  SemanticIndex questions_;
};

/// A kept answer as a stream: pieces of its text, then its Finish.
std::unique_ptr<engine::GenerationStream> replay(engine::Generation answer);

}  // namespace siyu::serving
