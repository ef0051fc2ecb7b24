// What goes into a step of the model: whose turn it is, their next tokens with guesses at those after, pieces of prompts, and
// what of the others' work fits beside it.
#include <algorithm>
#include <tuple>

#include "scheduler.h"

namespace siyu::worker {
namespace {

// A step takes about so long, so that text keeps flowing and newcomers wait no longer than that. Larger ones gain little: where
// so many tokens take so long, each more costs as much as the last.
constexpr double kStepMs = 120;
// A prompt that is alone may take longer steps: nobody's text stands still meanwhile.
constexpr double kLonePromptStepMs = 400;
constexpr std::size_t kSmallestSlice = 16;
// Those whose turn it is not may make steps longer by this share, saved up until a helping of some size fits: one step of
// many tokens costs less than many of few.
constexpr double kNeighbourShare = 0.2;
constexpr double kNeighbourHelpingMs = 60;

}  // namespace

/// Runnable sequences of one adapter, since a step computes with one.
struct Scheduler::Turn {
  std::int32_t adapter = -1;
  std::vector<Sequence*> served;
  std::vector<Sequence*> neighbours;  // the longest neglected first
};

Scheduler::Turn Scheduler::whose_turn() {
  std::vector<Sequence*> runnable;
  for (const auto& sequence : active_)
    if (!sequence->paused) runnable.push_back(sequence.get());
  Turn turn;
  if (runnable.empty()) return turn;
  turn.adapter = (*std::ranges::min_element(runnable, {}, &Sequence::last_step))->adapter();
  std::erase_if(runnable, [&](const Sequence* one) { return one->adapter() != turn.adapter; });
  const auto most_urgent = std::ranges::min(runnable, {}, &Sequence::priority)->priority();
  double least_got = std::numeric_limits<double>::max();
  for (const auto* one : runnable)
    if (one->priority() == most_urgent) least_got = std::min(least_got, one->tenant->got);
  for (auto* one : runnable) {
    const bool served = one->priority() == most_urgent && one->tenant->got <= least_got + Tenants::kMargin;
    (served ? turn.served : turn.neighbours).push_back(one);
  }
  std::ranges::stable_sort(turn.neighbours, {}, [](const Sequence* one) { return std::tuple(one->priority(), one->last_step); });
  split(turn.served);
  return turn;
}

/// Where one step for all answers would take too long, those that waited longest go first.
void Scheduler::split(std::vector<Sequence*>& served) const {
  std::vector<Sequence*> later;
  std::ranges::copy_if(served, std::back_inserter(later), &Sequence::decoding);
  const std::size_t at_once = cost_.at_once(later.size(), kSmallestSlice, kStepMs);
  std::ranges::stable_sort(later, {}, &Sequence::last_step);
  later.erase(later.begin(), later.begin() + static_cast<std::ptrdiff_t>(at_once));
  std::erase_if(served, [&](Sequence* one) { return std::ranges::find(later, one) != later.end(); });
}

std::vector<Scheduler::Piece> Scheduler::fill_batch(bool may_guess) {
  std::vector<Piece> pieces;
  batch_.n_tokens = 0;
  const Turn turn = whose_turn();
  use_adapter(turn.adapter);
  add_decoders(turn.served, may_guess, pieces);
  const auto decoders = static_cast<std::size_t>(batch_.n_tokens);
  const auto room = static_cast<std::size_t>(model_.limits().batch_tokens) - decoders;
  const double longer = active_.size() == 1 ? kLonePromptStepMs : std::max(kStepMs - (decoders == 0 ? 0 : cost_.ms(decoders)), kStepMs / 2);
  add_prompts(turn.served, std::min(room, std::max(cost_.fits(decoders, room, longer), kSmallestSlice)), pieces);
  add_neighbours(turn, pieces);
  return pieces;
}

void Scheduler::use_adapter(std::int32_t index) {
  if (std::exchange(adapter_in_use_, index) == index) return;
  float scale = 1;
  auto* lora = index < 0 ? nullptr : model_.adapters()[static_cast<std::size_t>(index)].lora;
  llama_set_adapters_lora(context_.get(), &lora, index < 0 ? 0 : 1, &scale);
}

void Scheduler::add_decoders(const std::vector<Sequence*>& sequences, bool may_guess, std::vector<Piece>& pieces) {
  auto tokens = static_cast<std::size_t>(std::ranges::count_if(sequences, &Sequence::decoding));
  auto yield = static_cast<double>(tokens);
  auto guesses_left = may_guess ? static_cast<std::size_t>(model_.limits().guesses) : 0;
  std::vector<Piece> decoders;
  for (auto* sequence : sequences) {
    if (!sequence->decoding()) continue;
    auto guesses = sequence->lookup.guess(sequence->tokens(), std::min(guesses_left, std::max<std::size_t>(sequence->may_generate(), 1) - 1));
    guesses.resize(sequence->lookup.worth(guesses.size(), tokens, yield, cost_));
    tokens += guesses.size();
    yield += static_cast<double>(guesses.size());
    guesses_left -= guesses.size();
    decoders.push_back({sequence, 1, std::move(guesses), -1});
  }
  if (drafter_ && guesses_left > 0) draft_for(decoders, tokens, guesses_left);
  for (auto& one : decoders) {
    add_to_batch(*one.sequence, 1, std::move(one.guesses), pieces);
    pieces.back().drafted = one.drafted;
  }
}

/// The draft model guesses where the text has not run the same way before.
void Scheduler::draft_for(std::vector<Piece>& decoders, std::size_t step_tokens, std::size_t most) {
  std::vector<Drafter::Wish> wishes;
  std::vector<Piece*> wanting;
  for (auto& one : decoders) {
    if (!one.guesses.empty() || one.sequence->may_generate() < 2) continue;
    wishes.push_back({.stream = one.sequence->stream(), .tokens = one.sequence->tokens(), .most = one.sequence->may_generate() - 1});
    wanting.push_back(&one);
  }
  if (wishes.empty()) return;
  drafter_->guess(wishes, step_tokens, cost_, most);
  for (std::size_t i = 0; i < wishes.size(); ++i) {
    wanting[i]->drafted = !wishes[i].guesses.empty();
    wanting[i]->guesses = std::move(wishes[i].guesses);
  }
}

void Scheduler::add_prompts(const std::vector<Sequence*>& sequences, std::size_t budget, std::vector<Piece>& pieces) {
  std::unordered_set<std::uint32_t> served;
  for (const auto* sequence : sequences) served.insert(sequence->stream());
  for (auto* sequence : sequences) {
    if (sequence->decoding() || budget == 0 || waits(*sequence, served)) continue;
    const std::size_t count = std::min(budget, sequence->remaining());
    add_to_batch(*sequence, count, {}, pieces);
    budget -= count;
  }
}

void Scheduler::add_neighbours(const Turn& turn, std::vector<Piece>& pieces) {
  if (turn.neighbours.empty()) {
    neighbour_credit_ms_ = 0;
    return;
  }
  const auto base = static_cast<std::size_t>(batch_.n_tokens);
  neighbour_credit_ms_ = base == 0 ? kNeighbourHelpingMs : std::min(neighbour_credit_ms_ + kNeighbourShare * cost_.ms(base), kNeighbourHelpingMs);
  std::size_t wanted = 0;
  for (const auto* sequence : turn.neighbours) wanted += sequence->remaining();
  wanted = std::min(wanted, static_cast<std::size_t>(model_.limits().batch_tokens) - base);
  std::size_t helping = cost_.fits(base, wanted, neighbour_credit_ms_);
  if (helping < wanted && neighbour_credit_ms_ < kNeighbourHelpingMs) return;  // it is saved up
  helping = std::max<std::size_t>(helping, 1);
  std::vector<Sequence*> beginners;
  for (auto* sequence : turn.neighbours) {
    if (!sequence->decoding()) beginners.push_back(sequence);
    else if (helping > 0) {
      add_to_batch(*sequence, 1, {}, pieces);
      --helping;
    }
  }
  add_prompts(beginners, helping, pieces);
  if (base > 0) neighbour_credit_ms_ -= cost_.ms(static_cast<std::size_t>(batch_.n_tokens)) - cost_.ms(base);
}

void Scheduler::add_to_batch(Sequence& sequence, std::size_t count, std::vector<Token> guesses, std::vector<Piece>& pieces) {
  const auto put = [&](Token token, std::size_t position, bool wants_logits) {
    const auto place = batch_.n_tokens++;
    batch_.token[place] = token;
    batch_.pos[place] = static_cast<llama_pos>(position);
    batch_.n_seq_id[place] = 1;
    batch_.seq_id[place][0] = sequence.lease.id;
    batch_.logits[place] = wants_logits ? 1 : 0;
  };
  const bool to_the_end = count == sequence.remaining();
  std::size_t position = sequence.lease.computed;
  for (std::size_t i = 0; i < count; ++i, ++position) put(sequence.tokens()[position], position, to_the_end && i + 1 == count);
  const auto logits_at = to_the_end ? batch_.n_tokens - 1 : -1;
  for (const Token guess : guesses) put(guess, position++, true);
  pieces.push_back({&sequence, count, std::move(guesses), logits_at});
}

}  // namespace siyu::worker
