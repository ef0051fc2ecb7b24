#include "scheduler.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "attention.h"
#include "base/random.h"

namespace siyu::worker {
namespace {

// Cache places a request must find free beyond its prompt, so that it is not admitted only to be preempted at once.
constexpr std::size_t kHeadroom = 32;
// A request waits for another that computes the same beginning when that saves it at least this many tokens.
constexpr std::size_t kWorthFollowing = 32;
// Beginnings come back from host memory for at most so long between two steps, so that text keeps flowing.
constexpr double kRestoreMs = 100;
constexpr std::uint64_t kWarmUpSteps = 2;  // they touch memory for the first time, and tell nothing of later ones
constexpr double kGeneratedWeight = 2;  // of a generated token beside one of a prompt, in what a tenant has got

std::int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now().time_since_epoch()).count();
}

}  // namespace

Scheduler::Scheduler(const Model& model, Channel& channel) : model_(model), channel_(channel), embedder_(model) {}

Scheduler::~Scheduler() {
  if (batch_.token != nullptr) llama_batch_free(batch_);
}

Result<std::unique_ptr<Scheduler>> Scheduler::create(const Model& model, const Model* draft, Channel& channel) {
  auto scheduler = std::unique_ptr<Scheduler>(new Scheduler(model, channel));
  if (model.embeds_only()) {
    RETURN_IF_ERROR(scheduler->embedder_.make_ready());
    return scheduler;
  }
  ASSIGN_OR_RETURN(scheduler->context_, model.generation_context());
  scheduler->kv_bytes_ = model.kv_bytes_per_token() * llama_n_ctx(scheduler->context_.get());
  scheduler->batch_ = llama_batch_init(model.limits().batch_tokens, 0, 1);
  scheduler->memory_.emplace(scheduler->context_.get());
  scheduler->store_.emplace(static_cast<std::size_t>(model.limits().spill_bytes), OsRandom().next_u64());
  const bool spills = scheduler->store_->on();
  scheduler->cache_.emplace(*scheduler->memory_, llama_n_ctx(scheduler->context_.get()), model.sequence_ids(), model.shares_prefixes(),
                            spills ? &*scheduler->store_ : nullptr, spills ? LlamaKvMemory::kMover + 1 : 0);
  if (draft != nullptr) {
    ASSIGN_OR_RETURN(scheduler->drafter_, Drafter::create(*draft, model));
  }
  return scheduler;
}

bool Scheduler::announce(std::uint32_t stream) {
  const std::lock_guard lock(mu_);
  if (queued_ >= model_.limits().queue_limit) return false;
  ++queued_;
  preparing_.insert(stream);
  return true;
}

void Scheduler::submit(std::unique_ptr<Sequence> sequence) {
  const std::lock_guard lock(mu_);
  if (preparing_.erase(sequence->stream()) == 0) {  // cancelled meanwhile
    --queued_;
    return;
  }
  new_sequences_.push_back(std::move(sequence));
  arrived_.notify_one();
}

void Scheduler::submit(EmbedJob job) {
  const std::lock_guard lock(mu_);
  --queued_;
  if (preparing_.erase(job.stream) == 0) return;
  new_embeds_.push_back(std::move(job));
  arrived_.notify_one();
}

void Scheduler::withdraw(std::uint32_t stream) {
  const std::lock_guard lock(mu_);
  preparing_.erase(stream);
  --queued_;
}

void Scheduler::control(engine::Control control) {
  const std::lock_guard lock(mu_);
  if (control.control == engine::StreamControl::kCancel) preparing_.erase(control.stream);
  controls_.push_back(control);
  arrived_.notify_one();
}

void Scheduler::stop() {
  const std::lock_guard lock(mu_);
  stopping_ = true;
  arrived_.notify_one();
}

engine::WorkerStats Scheduler::stats() const {
  engine::WorkerStats stats;
  stats.active_sequences = active_count_;
  stats.waiting_requests = queued_;
  stats.kv_bytes = kv_bytes_;
  stats.kv_used_tokens = kv_used_;
  stats.kv_kept_tokens = kv_kept_;
  stats.kv_total_tokens = context_ ? static_cast<std::int32_t>(llama_n_ctx(context_.get())) : 0;
  stats.generated_tokens = generated_;
  stats.prefilled_tokens = prefilled_;
  stats.preemptions = preemptions_;
  stats.prefix_queried_tokens = prefix_queried_;
  stats.prefix_hit_tokens = prefix_hit_;
  stats.guessed_tokens = guessed_;
  stats.guessed_right_tokens = guessed_right_;
  stats.drafted_tokens = drafted_;
  stats.drafted_right_tokens = drafted_right_;
  stats.spilled_tokens = spilled_;
  stats.restored_tokens = restored_;
  stats.spill_bytes = spill_bytes_;
  if (const auto began = step_began_.load(); began != 0) stats.busy_ms = static_cast<double>(steady_ms() - began);
  return stats;
}

void Scheduler::run() {
  for (;;) {
    end_late_ones();
    admit();
    take_inbox(!has_runnable() && embed_jobs_.empty());
    {
      const std::lock_guard lock(mu_);
      if (stopping_) return;
    }
    admit();
    step_began_ = steady_ms();
    step();
    embed_step();
    step_began_ = 0;
    publish();
    flush();
    if (!channel_.wait_for_room()) return;
  }
}

void Scheduler::take_inbox(bool may_wait) {
  Sequences sequences;
  std::vector<EmbedJob> embeds;
  std::vector<engine::Control> controls;
  {
    std::unique_lock lock(mu_);
    const auto something = [&] { return stopping_ || !new_sequences_.empty() || !new_embeds_.empty() || !controls_.empty(); };
    if (may_wait) {
      auto deadline = waiting_.earliest_deadline();
      for (const auto& one : active_)
        if (one->deadline() && (!deadline || *one->deadline() < *deadline)) deadline = one->deadline();
      if (deadline) arrived_.wait_until(lock, *deadline, something);
      else arrived_.wait(lock, something);
    }
    sequences.swap(new_sequences_);
    embeds.swap(new_embeds_);
    controls.swap(controls_);
  }
  for (auto& sequence : sequences) {
    sequence->tenant = tenants_.enter(sequence->tenant_name());
    waiting_.add(std::move(sequence));
    admission_waits_ = false;  // it may be more deserving than those that run
  }
  for (auto& job : embeds) embed_jobs_.push_back(std::move(job));
  for (const auto control : controls) apply(control);
}

void Scheduler::apply(engine::Control control) {
  const auto is_it = [&](const auto& sequence) { return sequence->stream() == control.stream; };
  const auto running = std::ranges::find_if(active_, is_it);
  if (control.control != engine::StreamControl::kCancel) {
    if (running != active_.end()) (*running)->paused = control.control == engine::StreamControl::kPause;
    return;
  }
  std::erase_if(embed_jobs_, [&](const EmbedJob& job) { return job.stream == control.stream; });
  if (running != active_.end()) leave(**running);
  for (const auto& sequence : waiting_.take_all([&](const Sequence& one) { return one.stream() == control.stream; })) {
    --queued_;
    depart(*sequence);
  }
  publish();
}

bool Scheduler::has_runnable() const {
  return std::ranges::any_of(active_, [](const auto& sequence) { return !sequence->paused; });
}

void Scheduler::end_late_ones() {
  const auto now = SteadyClock::now();
  const auto tell = [&](const Sequence& sequence) {
    say(engine::ErrorMessage{sequence.stream(), {ErrorCode::kDeadlineExceeded, "The answer was not complete within the request's time limit; ask for fewer tokens or allow more time"}});
  };
  for (const auto& sequence : waiting_.take_all([&](const Sequence& one) { return one.late(now); })) {
    tell(*sequence);
    --queued_;
    depart(*sequence);
  }
  for (std::size_t i = active_.size(); i-- > 0;) {
    if (!active_[i]->late(now)) continue;
    tell(*active_[i]);
    leave(*active_[i]);
  }
  if (!active_.empty()) return;  // else the step does what follows
  publish();
  flush();
}

void Scheduler::admit() {
  while (Sequence* first = waiting_.first()) {
    const auto victim = who_gives_way_to(*first);
    if (admission_waits_ && victim == active_.end()) return;
    // First come, first served among equals: a long prompt is not overtaken for ever by short ones.
    const bool has_place = active_.size() < places();
    if (!has_place || !lease_for(*first)) {
      if (victim == active_.end()) {
        admission_waits_ = true;
        return;
      }
      put_back(victim);
      continue;
    }
    auto next = waiting_.take(*first);
    --queued_;
    ++next->tenant->running;
    next->admitted_at(SteadyClock::now());
    prefix_queried_ += static_cast<std::int64_t>(next->tokens().size());
    prefix_hit_ += static_cast<std::int64_t>(next->lease.computed);
    follow_one_ahead(*next);
    active_.push_back(std::move(next));
  }
}

bool Scheduler::lease_for(Sequence& sequence) {
  sequence.lease = cache_->lease(sequence.tokens(), sequence.adapter());
  const std::size_t wanted = sequence.remaining() + kHeadroom + active_.size();
  if (sequence.lease && (active_.empty() || cache_->used() - cache_->reclaimable() + wanted <= cache_->capacity())) return true;
  release(sequence);
  return false;
}

/// A running answer gives its place up for a more urgent request, or for one of a tenant that holds less than its share. The
/// newcomer must come before it in the line too, or the two would take the place from each other for ever. Asked anew in each step,
/// since what the tenants got changes with each.
Scheduler::Sequences::iterator Scheduler::who_gives_way_to(const Sequence& newcomer) {
  const auto victim = least_deserving();
  if (victim == active_.end()) return victim;
  const std::size_t share = tenants_.share_of(places());
  const bool less_urgent = (*victim)->priority() > newcomer.priority();
  const bool over_its_share = (*victim)->priority() == newcomer.priority() && (*victim)->tenant->running > share && newcomer.tenant->running < share &&
                              newcomer.tenant->got < (*victim)->tenant->got;
  return less_urgent || over_its_share ? victim : active_.end();
}

/// The least urgent, of the tenant that holds most, the last admitted.
Scheduler::Sequences::iterator Scheduler::least_deserving() {
  auto least = active_.begin();
  for (auto one = active_.begin(); one != active_.end(); ++one)
    if (std::tuple((*one)->priority(), (*one)->tenant->running) >= std::tuple((*least)->priority(), (*least)->tenant->running)) least = one;
  return least;
}

void Scheduler::put_back(Sequences::iterator victim) {
  auto sequence = std::move(*victim);
  active_.erase(victim);
  --sequence->tenant->running;
  release(*sequence);
  waiting_.add(std::move(sequence));
  ++queued_;
  ++preemptions_;
}

bool Scheduler::preempt() {
  if (active_.size() < 2) return false;
  put_back(least_deserving());
  admission_waits_ = true;  // until somebody ends
  return true;
}

/// Of requests that arrive together with the same beginning, the first computes it for all.
void Scheduler::follow_one_ahead(Sequence& sequence) {
  if (!model_.shares_prefixes()) return;
  sequence.follows = 0;
  sequence.follow_until = sequence.lease.computed + kWorthFollowing;
  for (const auto& other : active_) {
    if (other->decoding() || other->adapter() != sequence.adapter()) continue;
    const auto& theirs = other->tokens();
    const std::size_t most = std::min(theirs.size(), sequence.tokens().size() - 1);
    const auto differ = std::mismatch(theirs.begin(), theirs.begin() + static_cast<std::ptrdiff_t>(most), sequence.tokens().begin());
    const auto same = static_cast<std::size_t>(differ.first - theirs.begin());
    if (same < sequence.follow_until) continue;
    sequence.follows = other->stream();
    sequence.follow_until = same;
  }
}

/// False also when the one ahead is not served in this step: nobody waits for those whose turn it is not.
bool Scheduler::waits(Sequence& sequence, const std::unordered_set<std::uint32_t>& served) {
  if (sequence.follows == 0) return false;
  for (const auto& other : active_)
    if (other->stream() == sequence.follows && served.contains(other->stream()) && other->lease.computed < sequence.follow_until) return true;
  sequence.follows = 0;
  const std::size_t before = sequence.lease.computed;
  cache_->catch_up(sequence.lease, sequence.tokens());
  prefix_hit_ += static_cast<std::int64_t>(sequence.lease.computed - before);
  return false;
}

/// Computing the tokens in a large step would take longer.
bool Scheduler::worth_moving(std::size_t tokens, double milliseconds) const {
  const auto whole = static_cast<std::size_t>(model_.limits().batch_tokens);
  return milliseconds < cost_.ms(whole) / static_cast<double>(whole) * static_cast<double>(tokens);
}

/// What host memory holds of the prompts that come next is not computed again.
void Scheduler::restore_beginnings() {
  if (!store_->on()) return;
  const bool worth = worth_moving(HostStore::kBlock, memory_->save_ms() + memory_->restore_ms());
  cache_->spill_evicted(worth);
  if (!worth) return memory_->forget_a_little();
  const auto until = SteadyClock::now() + std::chrono::duration<double, std::milli>(kRestoreMs);
  for (const auto& sequence : active_) {
    if (sequence->paused || sequence->decoding() || sequence->follows != 0) continue;
    for (const auto& block : cache_->held_beyond(sequence->lease, sequence->tokens())) {
      const auto gain = PrefixCache::gain_of_block(sequence->lease, sequence->tokens());
      if (SteadyClock::now() > until || !worth_moving(gain, memory_->restore_ms()) || !cache_->make_room(HostStore::kBlock)) break;
      if (cache_->restore(sequence->lease, sequence->tokens(), block) == 0) break;
      prefix_hit_ += static_cast<std::int64_t>(gain);
      sequence->had_more_cached();
    }
    cache_->publish(sequence->lease, sequence->tokens());
  }
}

void Scheduler::step() {
  if (active_.empty()) return;
  ++steps_;
  restore_beginnings();
  if (model_.eyes() != nullptr) picture_step();
  bool may_guess = true;
  const double credit = neighbour_credit_ms_;
  for (;;) {
    neighbour_credit_ms_ = credit;  // a batch that is filled again earns no second time
    auto pieces = fill_batch(may_guess);
    if (pieces.empty()) return;
    if (!cache_->make_room(static_cast<std::size_t>(batch_.n_tokens))) {
      if (std::exchange(may_guess, false)) continue;  // guesses are the first to go
      if (preempt()) continue;
    }
    const auto began = SteadyClock::now();
    begin_attention_step();
    const std::int32_t result = llama_decode(context_.get(), batch_);
    if (result == 0) {
      after_decode(pieces, std::chrono::duration<double, std::milli>(SteadyClock::now() - began).count());
      return;
    }
    if (result == 1 && preempt()) continue;  // no room in the cache after all
    fail_all({ErrorCode::kInternal, "The model failed while computing; the request can be sent again",
              "llama_decode " + std::to_string(result) + " " + last_llama_errors()});
    return;
  }
}

void Scheduler::after_decode(std::vector<Piece>& pieces, double milliseconds) {
  if (steps_ > kWarmUpSteps) cost_.learn(static_cast<std::size_t>(batch_.n_tokens), milliseconds);
  std::size_t drafted = 0;
  for (const auto& piece : pieces) drafted += piece.drafted ? piece.guesses.size() : 0;
  const std::int64_t right_before = drafted_right_;
  for (auto& piece : pieces) {
    Sequence& sequence = *piece.sequence;
    sequence.last_step = steps_;
    cache_->advance(sequence.lease, piece.count);
    if (!sequence.decoding()) {
      prefilled_ += static_cast<std::int64_t>(piece.count);
      tenants_.charge(*sequence.tenant, static_cast<double>(piece.count), places());
      cache_->publish(sequence.lease, sequence.tokens());
    }
    if (piece.logits_at >= 0) choose_tokens(piece);
  }
  if (!drafter_) return;
  const auto tokens = static_cast<std::size_t>(batch_.n_tokens);
  drafter_->settle(milliseconds, cost_.ms(tokens) - cost_.ms(tokens - drafted), static_cast<std::size_t>(drafted_right_ - right_before));
}

/// The next token, and those after it as long as they were guessed.
void Scheduler::choose_tokens(Piece& piece) {
  Sequence& sequence = *piece.sequence;
  std::size_t right = 0;
  bool complete = false;
  for (std::int32_t at = piece.logits_at;; ++at) {
    complete = sequence.take_next(model_, context_.get(), at);
    ++generated_;
    tenants_.charge(*sequence.tenant, kGeneratedWeight, places());
    if (complete || right == piece.guesses.size() || sequence.tokens().back() != piece.guesses[right]) break;
    ++right;
  }
  if (!piece.guesses.empty()) {
    cache_->advance(sequence.lease, right);
    cache_->forget_beyond(sequence.lease);
    (piece.drafted ? drafted_ : guessed_) += static_cast<std::int64_t>(piece.guesses.size());
    (piece.drafted ? drafted_right_ : guessed_right_) += static_cast<std::int64_t>(right);
  }
  if (piece.drafted) drafter_->learn(sequence.stream(), right, !complete);
  else sequence.learn_guesses(piece.guesses.size(), right, complete);
  if (sequence.output().has_pending()) say(engine::DeltaMessage{sequence.stream(), sequence.take_delta()});
  if (complete) retire(sequence, engine::FinishMessage{sequence.stream(), sequence.finish()});
}

void Scheduler::retire(Sequence& sequence, const engine::WorkerMessage& last_word) {
  say(last_word);
  leave(sequence);
}

void Scheduler::leave(Sequence& sequence) {
  --sequence.tenant->running;
  release(sequence);
  depart(sequence);
  std::erase_if(active_, [&](const auto& one) { return one.get() == &sequence; });
}

void Scheduler::release(Sequence& sequence) {
  cache_->release(sequence.lease, sequence.tokens());
  if (drafter_) drafter_->leave(sequence.stream());
  admission_waits_ = false;
}

void Scheduler::fail_all(const Error& error) {
  while (!active_.empty()) retire(*active_.back(), engine::ErrorMessage{active_.back()->stream(), error});
  // What the failed step left behind is unknown.
  llama_memory_clear(llama_get_memory(context_.get()), true);
  memory_->forget_folds();
  cache_->clear();
}

void Scheduler::embed_step() {
  if (embed_jobs_.empty()) return;
  const auto step = embedder_.step(embed_jobs_);
  prefilled_ += step.tokens;
  for (const auto& message : step.messages) say(message);
}

void Scheduler::publish() {
  active_count_ = static_cast<std::int32_t>(active_.size() + embed_jobs_.size());
  if (!cache_) return;
  const std::size_t kept = cache_->reclaimable();
  kv_used_ = static_cast<std::int32_t>(cache_->used() - kept);
  kv_kept_ = static_cast<std::int32_t>(kept);
  spilled_ = cache_->spilled();
  restored_ = cache_->restored();
  spill_bytes_ = static_cast<std::int64_t>(store_->bytes());
}

void Scheduler::flush() {
  if (frames_.empty()) return;
  channel_.send_frames(std::exchange(frames_, {}));
}

}  // namespace siyu::worker
