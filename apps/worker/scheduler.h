// Continuous batching: every step of the model carries one token of each running answer and, in what room is left, pieces
// of the prompts of new ones. One thread runs it; others hand work in.
//
// The KV cache is shared, and beginnings that were computed once are not computed again (prefix_cache.h). A request is
// admitted when its prompt fits; answers grow as they come, and when the cache runs full the youngest gives its place up and
// is computed again later (its text so far stands). So nothing fails for lack of cache, and no cache is held back for
// answers that may never be long.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_set>
#include <variant>
#include <vector>

#include "channel.h"
#include "embedder.h"
#include "kv_memory.h"
#include "sequence.h"

namespace siyu::worker {

class Scheduler {
 public:
  static Result<std::unique_ptr<Scheduler>> create(const Model& model, Channel& channel);

  /// The inference loop; returns after stop().
  void run();
  void stop();

  // --- any thread ---
  /// Reserves a place in the queue for a request that is being prepared. False when the queue is full.
  bool announce(std::uint32_t stream);
  void submit(std::unique_ptr<Sequence> sequence);
  void submit(EmbedJob job);
  /// An announced request came to nothing.
  void withdraw(std::uint32_t stream);
  void control(engine::Control control);
  engine::WorkerStats stats() const;

 private:
  Scheduler(const Model& model, Channel& channel);
  using Sequences = std::vector<std::unique_ptr<Sequence>>;

  // inference thread only
  void take_inbox(bool may_wait);
  void apply(engine::Control control);
  void admit();
  bool lease_for(Sequence& sequence);
  void follow_one_ahead(Sequence& sequence);
  bool waits(Sequence& sequence);
  bool preempt_youngest();
  bool has_runnable() const;
  std::size_t prefill_budget(std::size_t decoders) const;
  struct Piece {
    Sequence* sequence;
    std::size_t count;
    std::int32_t logits_at;  // batch place whose logits choose the next token, or −1
  };
  std::vector<Piece> fill_batch();
  void add_to_batch(Sequence& sequence, std::size_t count, std::vector<Piece>& pieces);
  void step();
  void after_decode(const std::vector<Piece>& pieces, double milliseconds);
  void embed_step();
  void retire(Sequence& sequence, const engine::WorkerMessage& last_word);
  void release(Sequence& sequence);
  void fail_all(const Error& error);
  void say(const engine::WorkerMessage& message) { frames_ += encode_frame(engine::encode(message)); }
  void flush();
  void publish();

  const Model& model_;
  Channel& channel_;
  LlamaContext context_;
  Embedder embedder_;
  std::int64_t kv_bytes_ = 0;

  // inference thread only
  std::optional<LlamaKvMemory> memory_;
  std::optional<PrefixCache> cache_;
  bool admission_waits_ = false;      // for a place: no use to try again before one ends
  llama_batch batch_{};
  std::deque<std::unique_ptr<Sequence>> waiting_;
  Sequences active_;                  // in order of admission
  std::deque<EmbedJob> embed_jobs_;
  std::string frames_;
  double prefill_ms_per_token_ = 1.0; // moving average

  mutable std::mutex mu_;
  std::condition_variable arrived_;
  // guarded by mu_
  std::vector<std::unique_ptr<Sequence>> new_sequences_;
  std::vector<EmbedJob> new_embeds_;
  std::vector<engine::Control> controls_;
  std::unordered_set<std::uint32_t> preparing_;
  bool stopping_ = false;

  std::atomic<std::int32_t> queued_{0};  // announced or waiting, not yet active
  std::atomic<std::int32_t> active_count_{0}, kv_used_{0}, kv_kept_{0};
  std::atomic<std::int64_t> generated_{0}, prefilled_{0}, preemptions_{0}, prefix_queried_{0}, prefix_hit_{0};
  std::atomic<std::int64_t> step_began_{0};  // steady milliseconds; 0 between steps

 public:
  ~Scheduler();
};

}  // namespace siyu::worker
