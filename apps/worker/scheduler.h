// Continuous batching: every step of the model carries one token of each running answer and, in what room is left, pieces
// of the prompts of new ones. One thread runs it; others hand work in.
//
// The KV cache is shared, and beginnings that were computed once are not computed again (prefix_cache.h). A request is
// admitted when its prompt fits; answers grow as they come, and when the cache runs full one gives its place up and is
// computed again later (its text so far stands). So nothing fails for lack of cache, and no cache is held back for answers
// that may never be long.
//
// Whom a step serves: the most urgent requests of the tenants that have got least (tenants.h). The others are added while they
// slow those by a small share only, which is measured (step_cost.h): on a machine where a fuller step takes no longer, all
// run always; on one where it does, a modest tenant hardly feels a greedy one.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "channel.h"
#include "draft.h"
#include "embedder.h"
#include "kv_memory.h"
#include "sequence.h"
#include "step_cost.h"
#include "tenants.h"
#include "waiting_line.h"

namespace siyu::worker {

class Scheduler {
 public:
  /// `draft`, which may be null, guesses for the model. Both must outlive the scheduler.
  static Result<std::unique_ptr<Scheduler>> create(const Model& model, const Model* draft, Channel& channel);

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
  void end_late_ones();
  void admit();
  bool lease_for(Sequence& sequence);
  void follow_one_ahead(Sequence& sequence);
  bool waits(Sequence& sequence, const std::unordered_set<std::uint32_t>& served);
  Sequences::iterator who_gives_way_to(const Sequence& newcomer);
  Sequences::iterator least_deserving();
  bool preempt();
  void put_back(Sequences::iterator victim);
  bool has_runnable() const;
  std::size_t places() const { return static_cast<std::size_t>(model_.limits().parallel); }
  /// What a step computes of one sequence.
  struct Piece {
    Sequence* sequence;
    std::size_t count;            // of its own tokens
    std::vector<Token> guesses;   // after them
    std::int32_t logits_at;       // batch place of the last of its own tokens, or −1 when the prompt is not at its end
    bool drafted = false;         // the guesses are the draft model's
  };
  struct Turn;
  Turn whose_turn();
  void split(std::vector<Sequence*>& served) const;
  void use_adapter(std::int32_t index);
  std::vector<Piece> fill_batch(bool may_guess);
  void add_decoders(const std::vector<Sequence*>& sequences, bool may_guess, std::vector<Piece>& pieces);
  void draft_for(std::vector<Piece>& decoders, std::size_t step_tokens, std::size_t most);
  std::size_t worth_checking(const Sequence& sequence, std::size_t available, std::size_t step_tokens, double step_yield);
  void add_prompts(const std::vector<Sequence*>& sequences, std::size_t budget, std::vector<Piece>& pieces);
  void add_neighbours(const Turn& turn, std::vector<Piece>& pieces);
  void add_to_batch(Sequence& sequence, std::size_t count, std::vector<Token> guesses, std::vector<Piece>& pieces);
  bool worth_moving(std::size_t tokens, double milliseconds) const;
  void restore_beginnings();
  void step();
  void picture_step();
  std::int32_t decode_picture(const Sequence& sequence, const PictureRun& picture, std::span<const float> vectors);
  void after_decode(std::vector<Piece>& pieces, double milliseconds);
  void choose_tokens(Piece& piece);
  void embed_step();
  void retire(Sequence& sequence, const engine::WorkerMessage& last_word);
  void leave(Sequence& sequence);
  void release(Sequence& sequence);
  void depart(Sequence& sequence) { tenants_.leave(std::exchange(sequence.tenant, nullptr)); }
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
  std::optional<HostStore> store_;
  std::optional<PrefixCache> cache_;
  std::unique_ptr<Drafter> drafter_;  // null without a draft model
  bool admission_waits_ = false;      // for a place: no use to try again before one ends or is to give way
  llama_batch batch_{};
  Tenants tenants_;
  WaitingLine waiting_;
  Sequences active_;                  // in order of admission
  std::deque<EmbedJob> embed_jobs_;
  std::string frames_;
  std::int32_t adapter_in_use_ = -1;
  StepCost cost_;
  double neighbour_credit_ms_ = 0;    // by which the next step may be longer for those whose turn it is not
  std::size_t declined_ = 0;          // times that guesses were there and not worth checking
  std::uint64_t steps_ = 0;

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
  std::atomic<std::int64_t> generated_{0}, prefilled_{0}, preemptions_{0}, prefix_queried_{0}, prefix_hit_{0}, guessed_{0}, guessed_right_{0};
  std::atomic<std::int64_t> drafted_{0}, drafted_right_{0};
  std::atomic<std::int64_t> spilled_{0}, restored_{0}, spill_bytes_{0};
  std::atomic<std::int64_t> step_began_{0};  // steady milliseconds; 0 between steps

 public:
  ~Scheduler();
};

}  // namespace siyu::worker
