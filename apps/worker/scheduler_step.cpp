// What goes into a step of the model: whose turn it is, their next tokens with guesses at those after, pieces of prompts, and
// what of the others' work fits beside it.
#include <algorithm>
#include <tuple>

#include "attention.h"
#include "scheduler.h"

namespace siyu::worker {
namespace {

// A step takes about so long, so that text keeps flowing and newcomers wait no longer than that. Larger ones gain little: where
// so many tokens take so long, each more costs as much as the last.
constexpr double kStepMs = 120;
// A prompt that is alone may take longer steps: nobody's text stands still meanwhile.
constexpr double kLonePromptStepMs = 400;
constexpr std::size_t kSmallestSlice = 16;
constexpr std::size_t kProbeEvery = 128;  // steps in which guesses seemed not worth their time
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
    guesses.erase(std::ranges::find_if_not(guesses, is_text), guesses.end());  // a picture is nothing a model says
    guesses.resize(worth_checking(*sequence, guesses.size(), tokens, yield));
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

/// What was once measured in a bad moment must not keep guesses away for ever: now and then some are checked all the same.
std::size_t Scheduler::worth_checking(const Sequence& sequence, std::size_t available, std::size_t step_tokens, double step_yield) {
  const auto worth = sequence.lookup.worth(available, step_tokens, step_yield, cost_);
  if (worth > 0 || available == 0 || ++declined_ % kProbeEvery != 0) return worth;
  return 1 + declined_ / kProbeEvery % available;
}

/// The draft model guesses where the text has not run the same way before.
void Scheduler::draft_for(std::vector<Piece>& decoders, std::size_t step_tokens, std::size_t most) {
  std::vector<Drafter::Wish> wishes;
  std::vector<Piece*> wanting;
  for (auto& one : decoders) {
    if (!one.guesses.empty() || one.sequence->may_generate() < 2 || one.sequence->has_pictures()) continue;  // it has no eyes
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
    const std::size_t count = std::min(budget, sequence->text_ahead());
    if (count == 0) continue;  // a picture comes first
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
  const std::size_t folded = sequence.lease.computed - sequence.position_of(sequence.lease.computed);
  const auto put = [&](Token token, std::size_t position, bool wants_logits) {
    const auto place = batch_.n_tokens++;
    batch_.token[place] = token;
    batch_.pos[place] = static_cast<llama_pos>(position - folded);
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

/// The next picture of one of those whose turn it is, by itself: it comes as vectors, and in some models its places see each other.
/// At most one a step, so that answers which are under way go on in between.
void Scheduler::picture_step() {
  const Turn turn = whose_turn();
  std::unordered_set<std::uint32_t> served;
  for (const auto* sequence : turn.served) served.insert(sequence->stream());
  const auto comes_next = [&](Sequence* one) { return one->picture_ahead() != nullptr && !waits(*one, served) && one->picture_ahead() != nullptr; };
  const auto found = std::ranges::find_if(turn.served, comes_next);
  if (found == turn.served.end()) return;
  Sequence& sequence = **found;
  const PictureRun& picture = *sequence.picture_ahead();
  if (!cache_->make_room(picture.tokens) && preempt()) return;  // perhaps of this one's place
  use_adapter(turn.adapter);
  step_began_ = 0;  // a large picture takes minutes on a slow machine, which is no hang
  const auto vectors = model_.eyes()->encode(picture);
  step_began_ = std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now().time_since_epoch()).count();
  if (!vectors) return retire(sequence, engine::ErrorMessage{sequence.stream(), vectors.error()});
  const auto result = decode_picture(sequence, picture, *vectors);
  if (result != 0) {
    cache_->forget_beyond(sequence.lease);
    if (result == 1 && preempt()) return;
    return fail_all({ErrorCode::kInternal, "The model failed while computing; the request can be sent again",
                     "llama_decode of a picture " + std::to_string(result) + " " + last_llama_errors()});
  }
  memory_->fold(sequence.lease.id, picture.begin, picture.tokens, static_cast<std::size_t>(picture.positions));
  sequence.last_step = steps_;
  cache_->advance(sequence.lease, picture.tokens);
  prefilled_ += static_cast<std::int64_t>(picture.tokens);
  tenants_.charge(*sequence.tenant, static_cast<double>(picture.tokens), places());
  cache_->publish(sequence.lease, sequence.tokens());
}

/// What llama_decode says. A picture that need not be seen whole goes through in several batches.
std::int32_t Scheduler::decode_picture(const Sequence& sequence, const PictureRun& picture, std::span<const float> vectors) {
  const bool two_dimensional = model_.eyes()->two_dimensional();
  const std::size_t dimensions = two_dimensional ? 4 : 1, width = vectors.size() / picture.tokens;
  const auto first = static_cast<llama_pos>(sequence.position_of(picture.begin));
  const auto* image = mtmd_input_chunk_get_tokens_image(picture.chunk);
  if (model_.eyes()->sees_whole()) llama_set_causal_attn(context_.get(), false);
  std::int32_t result = 0;
  for (std::size_t done = 0; done < picture.tokens && result == 0;) {
    const std::size_t count = std::min(picture.tokens - done, static_cast<std::size_t>(model_.limits().batch_tokens));
    std::vector<llama_pos> positions(count * dimensions);
    for (std::size_t i = 0; i < count; ++i) {
      const auto at = mtmd_image_tokens_get_decoder_pos(image, first, done + i);
      positions[i] = two_dimensional ? static_cast<llama_pos>(at.t) : first + static_cast<llama_pos>(done + i);
      if (!two_dimensional) continue;
      positions[count + i] = static_cast<llama_pos>(at.y);
      positions[2 * count + i] = static_cast<llama_pos>(at.x);
      positions[3 * count + i] = static_cast<llama_pos>(at.z);
    }
    std::vector<std::int32_t> ids(count, 1);
    llama_seq_id id = sequence.lease.id;
    std::vector<llama_seq_id*> id_of(count, &id);
    std::vector<std::int8_t> logits(count, 0);
    const llama_batch batch{.n_tokens = static_cast<std::int32_t>(count), .token = nullptr, .embd = const_cast<float*>(vectors.data() + done * width),
                            .pos = positions.data(), .n_seq_id = ids.data(), .seq_id = id_of.data(), .logits = logits.data()};
    begin_attention_step();
    result = llama_decode(context_.get(), batch);
    done += count;
  }
  if (model_.eyes()->sees_whole()) llama_set_causal_attn(context_.get(), true);
  return result;
}

}  // namespace siyu::worker
