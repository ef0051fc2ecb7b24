#include "draft.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "attention.h"
#include "prefix_cache.h"

namespace siyu::worker {
namespace {

constexpr std::size_t kMostRounds = 12;       // guesses ahead for one answer
constexpr std::uint64_t kProbeEvery = 64;      // steps in which guesses seemed not worth their time
constexpr std::size_t kProbeRounds = 4;
constexpr double kCatchUpMs = 100;            // a step waits so long for the draft model to read what it has not seen yet
constexpr std::size_t kSmallestCatchUp = 16;
constexpr std::size_t kWorthKeeping = 32;     // tokens in common with which a free place is taken over for what it holds
constexpr std::int32_t kPadding = 128;        // vocabularies of one family are filled up to different sizes
constexpr Token kFirstCompared = 5;           // marks before it may be named otherwise

using Clock = std::chrono::steady_clock;

Status vocabularies_agree(const Model& draft, const Model& model) {
  const auto other = [&](const std::string& what) {
    return invalid("The draft model " + draft.info().name + " has another vocabulary than " + model.info().name + " (" + what +
                   "); choose a smaller model of the same family");
  };
  const auto* a = draft.vocab();
  const auto* b = model.vocab();
  if (llama_vocab_type(a) != llama_vocab_type(b)) return other("it is of another type");
  if (llama_vocab_get_add_bos(a) != llama_vocab_get_add_bos(b) || (llama_vocab_get_add_bos(a) && llama_vocab_bos(a) != llama_vocab_bos(b)))
    return other("texts begin with another token");
  const std::int32_t sizes[] = {draft.info().vocabulary, model.info().vocabulary};
  if (std::abs(sizes[0] - sizes[1]) > kPadding) return other("it has " + std::to_string(sizes[0]) + " tokens, not " + std::to_string(sizes[1]));
  for (Token token = kFirstCompared; token < std::min(sizes[0], sizes[1]); ++token)
    if (std::strcmp(llama_vocab_get_text(a, token), llama_vocab_get_text(b, token)) != 0) return other("token " + std::to_string(token) + " is another one");
  return {};
}

}  // namespace

Drafter::Drafter(const Model& draft, const Model& model)
    : draft_(draft), vocabulary_(std::min(draft.info().vocabulary, model.info().vocabulary)), places_(static_cast<std::size_t>(draft.limits().parallel)) {}

Drafter::~Drafter() {
  if (batch_.token != nullptr) llama_batch_free(batch_);
}

Result<std::unique_ptr<Drafter>> Drafter::create(const Model& draft, const Model& model) {
  if (draft.embeds_only()) return invalid("The model " + draft.info().name + " writes no text and cannot guess for " + model.info().name);
  if (model.embeds_only()) return invalid("The model " + model.info().name + " writes no text; it needs no draft model");
  // Wrong guesses are taken out of memory again.
  for (const auto* one : {&draft, &model})
    if (!one->shares_prefixes())
      return invalid("The model " + one->info().name + " keeps a running state instead of a KV cache; guesses cannot be taken back from it, so load " +
                     model.info().name + " without a draft model");
  RETURN_IF_ERROR(vocabularies_agree(draft, model));
  auto drafter = std::unique_ptr<Drafter>(new Drafter(draft, model));
  ASSIGN_OR_RETURN(drafter->context_, draft.generation_context());
  drafter->batch_ = llama_batch_init(draft.limits().batch_tokens, 0, 1);
  RETURN_IF_ERROR(drafter->learn_its_pace());
  return drafter;
}

/// What its steps cost must be known before the first guess is paid for.
Status Drafter::learn_its_pace() {
  const auto run = [&](int tokens) {
    for (int i = 0; i < tokens; ++i) put(places_.front(), 0, i + 1 == tokens);
    return decode();
  };
  bool works = run(16);
  cost_ = {};  // that one read the weights from the disk
  works = works && run(1) && run(16);
  if (!works) return fail(ErrorCode::kInternal, "The draft model " + draft_.info().name + " cannot compute; load the model without it", last_llama_errors());
  cut(places_.front(), 0);
  return {};
}

void Drafter::guess(std::span<Wish> wishes, std::size_t step_tokens, const StepCost& cost, std::size_t most) {
  const auto began = Clock::now();
  if (try_to_guess(wishes, step_tokens, cost, most)) spent_ms_ += std::chrono::duration<double, std::milli>(Clock::now() - began).count();
}

/// False when the draft model was not asked.
bool Drafter::try_to_guess(std::span<Wish> wishes, std::size_t step_tokens, const StepCost& cost, std::size_t most) {
  ++calls_;
  value_ms_ = cost.ms(step_tokens) / static_cast<double>(step_tokens);
  DraftJudge::Step step{.model = cost, .draft = cost_, .tokens = step_tokens, .value_ms = value_ms_};
  const auto number = std::min(wishes.size(), places_.size());
  // Two tokens are new to the draft model after a step whose guesses were all right.
  const auto rounds = judge_.worth(step, number, static_cast<double>(number), std::min(kMostRounds, most / std::max<std::size_t>(number, 1)), cost_.ms(2 * number));
  // What was once measured in a bad moment must not keep guesses away for ever: now and then some are made all the same.
  const bool probing = rounds == 0 && number > 0 && ++declined_ % kProbeEvery == 0;
  if (rounds == 0 && !probing) return false;
  auto all = choose(wishes, probing ? kProbeRounds : rounds);
  if (all.empty()) return false;
  if (!read_what_is_new(all)) return true;
  for (auto& one : all) take_guess(one);
  while (guess_further(all, step, most, probing)) continue;
  if (probing) return true;
  // What is too unlikely after all is not worth the check.
  for (auto& one : all) drop_unlikely(one, step);
  return true;
}

/// Those for whom there is a place, and time to read what the draft model has not seen of them: those who need the least first.
std::vector<Drafter::Guessing> Drafter::choose(std::span<Wish> wishes, std::size_t rounds) {
  std::vector<Guessing> all;
  for (auto& wish : wishes) {
    if (wish.most == 0 || wish.tokens.size() + kMostRounds > static_cast<std::size_t>(draft_.limits().context_tokens)) continue;
    auto* place = place_of(wish);
    if (place == nullptr) continue;
    const auto known = std::min(common_prefix(place->held, wish.tokens), wish.tokens.size() - 1);
    if (std::ranges::any_of(wish.tokens.subspan(known), [&](Token token) { return token < 0 || token >= vocabulary_; })) continue;
    all.push_back({.wish = &wish, .place = place, .known = known});
  }
  std::ranges::sort(all, {}, &Guessing::missing);
  std::size_t count = 0, tokens = 0;
  for (auto& one : all) {
    if (!judge_.affords(cost_.ms(tokens + one.missing()) + static_cast<double>(rounds - 1) * cost_.ms(count + 1))) break;
    cut(*one.place, one.known);
    if (!make_room(tokens + one.missing() + (count + 1) * kMostRounds)) break;
    tokens += one.missing();
    ++count;
  }
  all.resize(count);
  return all;
}

/// One step of the draft model for all that is new to it, or as much as there is time for. False when none was read to its end.
bool Drafter::read_what_is_new(std::vector<Guessing>& all) {
  std::size_t wanted = 0;
  for (const auto& one : all) wanted += one.missing();
  std::size_t room = std::min(wanted, static_cast<std::size_t>(draft_.limits().batch_tokens));
  room = std::min(room, std::max(cost_.fits(0, room, kCatchUpMs), kSmallestCatchUp));
  for (auto& one : all) {
    const auto missing = one.wish->tokens.subspan(one.known);
    const auto count = std::min(room, missing.size());
    for (std::size_t i = 0; i < count; ++i) put(*one.place, missing[i], i + 1 == missing.size());
    one.row = count == missing.size() ? batch_.n_tokens - 1 : -1;
    room -= count;
  }
  std::erase_if(all, [](const Guessing& one) { return one.row < 0; });
  return decode() && !all.empty();
}

/// One more guess for each whose guesses may still be right. False when that does not pay any more.
bool Drafter::guess_further(std::vector<Guessing>& all, const DraftJudge::Step& step, std::size_t most, bool probing) {
  std::size_t guessed = 0, going = 0, longest = 0;
  double reach = 0;
  for (const auto& one : all) {
    guessed += one.wish->guesses.size();
    longest = std::max(longest, one.wish->guesses.size());
    if (one.row < 0) continue;
    ++going;
    reach += one.reach;
  }
  if (going == 0 || guessed + going > most || longest >= kMostRounds) return false;
  auto now = step;
  now.tokens += guessed;
  const auto left = std::min(kMostRounds - longest, (most - guessed) / going);
  if (probing ? longest >= kProbeRounds : judge_.worth(now, going, reach, left, cost_.ms(going)) == 0) return false;
  for (auto& one : all) {
    if (one.row < 0) continue;
    put(*one.place, one.wish->guesses.back(), true);
    one.row = batch_.n_tokens - 1;
  }
  if (!decode()) return false;
  for (auto& one : all)
    if (one.row >= 0) take_guess(one);
  return true;
}

/// The draft model's likeliest token; an end of the answer is no guess, since nothing comes after it.
void Drafter::take_guess(Guessing& one) {
  const float* logits = llama_get_logits_ith(context_.get(), one.row);
  const auto best = static_cast<Token>(std::max_element(logits, logits + vocabulary_) - logits);
  const float second = std::max(best == 0 ? -INFINITY : *std::max_element(logits, logits + best),
                                best + 1 == vocabulary_ ? -INFINITY : *std::max_element(logits + best + 1, logits + vocabulary_));
  if (draft_.is_end(best)) {
    one.row = -1;
    return;
  }
  const auto sureness = DraftJudge::sureness(logits[best] - second);
  one.reach *= judge_.chance(sureness);
  one.chances.push_back(one.reach);
  one.wish->guesses.push_back(best);
  one.place->surenesses.push_back(sureness);
  if (one.wish->guesses.size() >= std::min(one.wish->most, kMostRounds)) one.row = -1;
}

void Drafter::drop_unlikely(Guessing& one, const DraftJudge::Step& step) {
  auto& guesses = one.wish->guesses;
  while (!guesses.empty()) {
    const auto tokens = step.tokens + guesses.size();
    if (one.chances[guesses.size() - 1] * step.value_ms > step.model.ms(tokens) - step.model.ms(tokens - 1)) return;
    guesses.pop_back();
    one.place->surenesses.pop_back();
  }
}

/// The place the answer has, or a free one that holds most of its beginning, or else the one free for the longest time.
Drafter::Place* Drafter::place_of(const Wish& wish) {
  auto found = std::ranges::find(places_, wish.stream, &Place::stream);
  if (found == places_.end()) {
    std::size_t most = 0;
    for (auto one = places_.begin(); one != places_.end(); ++one) {
      if (one->stream != 0) continue;
      const auto same = common_prefix(one->held, wish.tokens);
      const auto worth = same < kWorthKeeping ? 0 : same;
      if (found != places_.end() && (worth < most || (worth == most && one->last_used >= found->last_used))) continue;
      found = one;
      most = worth;
    }
    if (found == places_.end()) return nullptr;
    found->stream = wish.stream;
  }
  found->last_used = calls_;
  found->surenesses.clear();
  return &*found;
}

void Drafter::cut(Place& place, std::size_t count) {
  if (place.held.size() <= count) return;
  llama_memory_seq_rm(llama_get_memory(context_.get()), id_of(place), static_cast<llama_pos>(count), -1);
  place.held.resize(count);
}

/// Free places give up what they hold, the one unused for the longest time first.
bool Drafter::make_room(std::size_t count) {
  for (;;) {
    std::size_t used = 0;
    Place* oldest = nullptr;
    for (auto& place : places_) {
      used += place.held.size();
      if (place.stream == 0 && !place.held.empty() && (oldest == nullptr || place.last_used < oldest->last_used)) oldest = &place;
    }
    if (used + count <= llama_n_ctx(context_.get())) return true;
    if (oldest == nullptr) return false;
    cut(*oldest, 0);
  }
}

void Drafter::put(Place& place, Token token, bool wants_logits) {
  const auto at = batch_.n_tokens++;
  batch_.token[at] = token;
  batch_.pos[at] = static_cast<llama_pos>(place.held.size());
  batch_.n_seq_id[at] = 1;
  batch_.seq_id[at][0] = id_of(place);
  batch_.logits[at] = wants_logits ? 1 : 0;
  place.held.push_back(token);
}

bool Drafter::decode() {
  const auto began = Clock::now();
  begin_attention_step();
  const auto result = llama_decode(context_.get(), batch_);
  const auto tokens = static_cast<std::size_t>(std::exchange(batch_.n_tokens, 0));
  if (result == 0) {
    llama_synchronize(context_.get());
    cost_.learn(tokens, std::chrono::duration<double, std::milli>(Clock::now() - began).count());
    return true;
  }
  // What the failed step left behind is unknown; the answers go on without guesses.
  llama_memory_clear(llama_get_memory(context_.get()), true);
  for (auto& place : places_) place.held.clear();
  return false;
}

void Drafter::learn(std::uint32_t stream, std::size_t right, bool judged) {
  const auto place = std::ranges::find(places_, stream, &Place::stream);
  if (place == places_.end()) return;
  const auto& surenesses = place->surenesses;
  for (std::size_t i = 0; i < surenesses.size() && i <= right; ++i)
    if (i < right || judged) judge_.learn(surenesses[i], i < right);
}

void Drafter::settle(double step_ms, double checking_ms, std::size_t right) {
  if (spent_ms_ == 0) judge_.rest();
  const double drafting = std::exchange(spent_ms_, 0);
  judge_.settle(step_ms + drafting, checking_ms + drafting, static_cast<double>(right) * value_ms_);
}

void Drafter::leave(std::uint32_t stream) {
  const auto place = std::ranges::find(places_, stream, &Place::stream);
  if (place != places_.end()) place->stream = 0;
}

}  // namespace siyu::worker
