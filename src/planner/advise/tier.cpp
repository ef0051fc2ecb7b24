// Which appliance: the smallest tier that carries the model, the users and the requests in flight, in the edition that is asked for.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "planner/advise/facts.h"
#include "planner/speed.h"

namespace siyu::planner {
namespace {

int rank_of(const Appliance& one) { return one.tier == "workstation" ? 0 : one.tier == "single server" ? 1 : 2; }
constexpr int kTopRank = 2;
Words tier_name(int rank) {
  static const Words kNames[] = {{"workstation", "工作站级一体机"}, {"single server", "单机级一体机"}, {"rack cluster", "机柜级集群"}};
  return kNames[std::clamp(rank, 0, kTopRank)];
}

bool carries_model(const Appliance& one, double parameters) { return !one.parameters_up_to || parameters <= *one.parameters_up_to; }

/// The least rank at which an appliance of the edition satisfies `holds`; absent when none does.
template <class Holds>
std::optional<int> least_rank(const std::vector<const Appliance*>& appliances, Holds holds) {
  std::optional<int> least;
  for (const auto* one : appliances)
    if (holds(*one)) least = std::min(least.value_or(kTopRank), rank_of(*one));
  return least;
}

/// The engine runs on no card of the domestic edition.
bool only_abroad(const Facts& facts) {
  const auto& engine = facts.question->scenario.engine;
  return engine && std::ranges::none_of(facts.catalogue->accelerators, [&](const auto& card) { return card.edition == "domestic" && runs_on(*engine, card); });
}

std::string edition_of(const Facts& facts) {
  if (facts.edition == Edition::kDomestic) return "domestic";
  if (facts.edition == Edition::kInternational) return "international";
  const auto& chosen = facts.question->scenario.accelerator;
  if (chosen)
    if (const auto card = facts.catalogue->accelerator(*chosen)) return (*card)->edition;
  if (only_abroad(facts)) return "international";
  return "domestic";  // What can be bought on the mainland without a reservation.
}

/// The top rank where no appliance suffices, and then the reasons say so.
int required_rank(const Facts& facts, const std::vector<const Appliance*>& appliances, TierAdvice& advice) {
  int rank = 0;
  const auto need = [&](std::optional<int> least, const Words& what, const Words& more, const Words& why_none) {
    rank = std::max(rank, least.value_or(kTopRank));
    if (least)
      advice.reasons.push_back({fmt::format("{} ask for at least: {}{}.", what.en, tier_name(*least).en, more.en),
                                fmt::format("{}至少需要{}{}。", what.zh, tier_name(*least).zh, more.zh)});
    else
      advice.reasons.push_back({fmt::format("{}: {}. The largest tier is taken, and one of it does not suffice{}.", what.en, why_none.en, more.en),
                                fmt::format("{}：{}；取最大一档，但单套不足以承担{}。", what.zh, why_none.zh, more.zh)});
  };
  const Words edition = advice.edition == "domestic" ? Words{"domestic", "国产"} : Words{"international", "国际"};
  if (facts.parameters) {
    const auto size = parameters_words(*facts.parameters);
    need(least_rank(appliances, [&](const Appliance& appliance) { return carries_model(appliance, *facts.parameters); }), {size.en, size.zh + "的模型"}, {},
         {fmt::format("no appliance of the {} edition carries such a model", edition.en), fmt::format("{}版没有能承载该规模的机型", edition.zh)});
  }
  if (facts.user_class != nullptr) {
    const auto users = plain_number(*facts.daily_active);
    const auto& meant = facts.user_class->name;
    need(least_rank(appliances, [&](const Appliance& appliance) { return std::ranges::find(appliance.users, meant) != appliance.users.end(); }),
         {users + " daily users", "日活 " + users + " 人"}, {"; " + facts.user_class->advice, "；" + facts.user_class->advice_zh.value_or(facts.user_class->advice)},
         {fmt::format("no appliance of the {} edition is meant for so many", edition.en), fmt::format("{}版没有面向该用户规模的机型", edition.zh)});
  }
  if (facts.concurrency) {
    const auto requests = plain_number(std::ceil(*facts.concurrency));
    const auto most = (*std::ranges::max_element(appliances, {}, &Appliance::concurrency_up_to))->concurrency_up_to;
    need(least_rank(appliances, [&](const Appliance& appliance) { return *facts.concurrency <= appliance.concurrency_up_to; }),
         {requests + " requests in flight", requests + " 路并发请求"}, {},
         {fmt::format("an appliance of the {} edition takes up to {}", edition.en, most), fmt::format("{}版单套机型最多支持 {} 路", edition.zh, most)});
  }
  if (advice.reasons.empty())
    advice.reasons.push_back({"Neither the model's size nor the load is known: the smallest tier, to begin with.", "模型规模与负载均未知：先从最小档起步。"});
  return rank;
}

double servers_of(const Facts& facts, const Appliance& appliance, TierAdvice& advice) {
  const auto& question = *facts.question;
  const auto cards = question.replicas && question.cards_per_replica ? std::optional(*question.replicas * *question.cards_per_replica) : std::nullopt;
  const auto of_tier = servers_for(appliance, cards.value_or(0));
  if (question.servers && cards) {
    // The fleet knows the load better than the guidance does, and has the user class's servers already.
    const auto fleet = std::ceil(*question.servers);
    if (of_tier > fleet)
      advice.reasons.push_back({fmt::format("Servers that the load needs: {}. This tier takes at least {} for {} cards; these are ordered and reckoned with.", plain_number(fleet),
                                            plain_number(of_tier), plain_number(*cards)),
                                fmt::format("按负载需 {} 台服务器；该机型承载 {} 张卡至少需 {} 台，采购与成本均按后者计。", plain_number(fleet), plain_number(*cards),
                                            plain_number(of_tier))});
    return std::max(fleet, of_tier);
  }
  double servers = std::max(of_tier, facts.user_class == nullptr ? 1.0 : facts.user_class->minimum_servers);
  if (facts.concurrency && appliance.concurrency_up_to > 0) servers = std::max(servers, std::ceil(*facts.concurrency / appliance.concurrency_up_to));
  if (question.servers) servers = std::max(servers, std::ceil(*question.servers));
  if (!cards)
    advice.reasons.push_back({"The number of replicas and cards was not given: servers follow from users and requests in flight alone.",
                              "未给出副本数与卡数：服务器数仅由用户数与并发推定。"});
  return servers;
}

Words joined(const Strings& keys) {
  Words out;
  for (const auto& key : keys) {
    const auto words = words_of_key(key);
    out.en += (out.en.empty() ? "" : ", ") + words.en;
    out.zh += (out.zh.empty() ? "" : "、") + words.zh;
  }
  return out;
}

/// Whether the figures of these cards can be relied on is said, card by card.
std::vector<Words> doubts_of(const Facts& facts, const std::vector<std::string>& cards) {
  std::vector<Words> out;
  for (const auto& name : cards) {
    const auto card = facts.catalogue->accelerator(name);
    if (!card) continue;
    Words text{name + ": ", name + "："};
    const auto say = [&](const std::string& en, const std::string& zh) {
      text.en += (text.en.ends_with(": ") ? "" : "; ") + en;
      text.zh += (text.zh.ends_with("：") ? "" : "；") + zh;
    };
    if ((*card)->confidence == "disputed") say("sources disagree", "各来源数据不一致");
    if ((*card)->confidence == "unverified") say("no source at hand for its figures", "参数暂无可查来源");
    if ((*card)->unverified) say("unverified: " + joined(*(*card)->unverified).en, "未经核实：" + joined(*(*card)->unverified).zh);
    if ((*card)->unknown) say("unknown: " + joined(*(*card)->unknown).en, "未知：" + joined(*(*card)->unknown).zh);
    if (!text.en.ends_with(": ")) out.push_back(std::move(text));
  }
  return out;
}

/// The catalogue's cards, less those that another edition or the scenario's list leaves out.
Result<std::vector<std::string>> cards_of(const Facts& facts, const Appliance& appliance) {
  std::vector<std::string> cards{appliance.cards.model};
  cards.insert(cards.end(), appliance.cards.alternatives.begin(), appliance.cards.alternatives.end());
  if (facts.edition != Edition::kAny)
    std::erase_if(cards, [&](const std::string& name) {
      const auto card = facts.catalogue->accelerator(name);
      return card && (*card)->edition != appliance.edition;
    });
  const auto& constraints = facts.question->scenario.constraints;
  if (!constraints || !constraints->accelerators || constraints->accelerators->empty()) return cards;
  std::vector<std::string> allowed;
  for (const auto& name : *constraints->accelerators) {
    ASSIGN_OR_RETURN(const auto* card, facts.catalogue->accelerator(name));
    if (facts.edition == Edition::kAny || card->edition == appliance.edition) allowed.push_back(card->name);
  }
  if (allowed.empty())
    return invalid(
        fmt::format("`constraints.accelerators` names no card of the {} edition, which `constraints.edition` asks for; change one of the two", appliance.edition));
  // The tier's own order among the allowed ones; cards that it does not know come last.
  std::vector<std::string> out;
  for (const auto& name : cards)
    if (std::ranges::find(allowed, name) != allowed.end()) out.push_back(name);
  for (const auto& name : allowed)
    if (std::ranges::find(out, name) == out.end()) out.push_back(name);
  return out;
}

Status respect_choice(const Facts& facts, TierAdvice& advice) {
  const auto& chosen = facts.question->scenario.accelerator;
  if (!chosen) return {};
  ASSIGN_OR_RETURN(const auto* card, facts.catalogue->accelerator(*chosen));
  if (facts.edition != Edition::kAny && card->edition != advice.edition)
    return invalid(fmt::format("`accelerator` {} is a card of the {} edition, but `constraints.edition` asks for the {} one; change one of the two", card->name,
                               card->edition, advice.edition));
  std::erase(advice.cards, card->name);
  advice.cards.insert(advice.cards.begin(), card->name);
  advice.reasons.push_back({fmt::format("The card {} was chosen in the scenario.", card->name), fmt::format("加速卡 {} 由方案指定。", card->name)});
  return {};
}

void alternatives(const Facts& facts, const Appliance& chosen, TierAdvice& advice) {
  for (const auto& one : facts.catalogue->appliances) {
    if (one.name == chosen.name) continue;
    const auto same_edition = one.edition == chosen.edition;
    const auto step = rank_of(one) - rank_of(chosen);
    if (same_edition && step == 1)
      advice.alternatives.push_back(
          {one.name, {"More room for growth and larger models; costs and power rise at once.", "为增长与更大模型留出余量；成本与功耗即刻上升。"}});
    if (same_edition && step == -1)
      advice.alternatives.push_back({one.name,
                                     {fmt::format("Cheaper, but up to {} requests in flight{} only.", one.concurrency_up_to,
                                                  one.parameters_up_to ? fmt::format(" and {}", parameters_words(*one.parameters_up_to).en) : ""),
                                      fmt::format("成本更低，但仅支持不超过 {} 路并发{}。", one.concurrency_up_to,
                                                  one.parameters_up_to ? fmt::format("、{}", parameters_words(*one.parameters_up_to).zh) : "")}});
    if (!same_edition && step == 0 && facts.edition == Edition::kAny) {
      Words reason{fmt::format("The {} edition of the same tier: {}.", one.edition, one.cards.model),
                   fmt::format("同档{}版：{}。", one.edition == "domestic" ? "国产" : "国际", one.cards.model)};
      if (one.note) reason.en += " Note: " + *one.note + ".", reason.zh += "注意：" + one.note_zh.value_or(*one.note) + "。";
      advice.alternatives.push_back({one.name, std::move(reason)});
    }
  }
}

}  // namespace

std::uint32_t cards_in_a_server(const Appliance& appliance) { return (appliance.cards.per_server ? appliance.cards.per_server : appliance.cards.maximum).value_or(0); }

double servers_for(const Appliance& appliance, double cards) {
  const double per_server = cards_in_a_server(appliance);
  if (per_server == 0) return 1;
  const double least = appliance.cards.per_server ? appliance.cards.minimum : 1;  // of cards: a tier of several servers begins with so many
  return std::max(1.0, std::ceil(std::max(cards, least) / per_server));
}

Result<TierAdvice> advise_tier(const Facts& facts) {
  TierAdvice advice{.appliance = {}, .tier = {}, .edition = edition_of(facts)};
  std::vector<const Appliance*> appliances;
  for (const auto& one : facts.catalogue->appliances)
    if (one.edition == advice.edition) appliances.push_back(&one);
  if (appliances.empty())
    return not_found(fmt::format("The catalogue has no appliance of the {} edition; appliances.yaml in your catalogue folder adds one", advice.edition));
  const auto rank = required_rank(facts, appliances, advice);
  // The smallest appliance from that rank on: a catalogue without one of a rank gives the next larger, or its largest.
  const auto larger = [&](const Appliance* a, const Appliance* b) { return rank_of(*a) < rank_of(*b); };
  std::ranges::stable_sort(appliances, larger);
  const auto at = std::ranges::find_if(appliances, [&](const Appliance* one) { return rank_of(*one) >= rank; });
  const auto& chosen = at == appliances.end() ? *appliances.back() : **at;
  advice.appliance = chosen.name;
  advice.tier = chosen.tier;
  advice.tier_name = tier_name(rank_of(chosen));
  if (facts.edition == Edition::kAny && !facts.question->scenario.accelerator && only_abroad(facts))
    advice.reasons.push_back({fmt::format("{} runs on no card of the domestic edition: the international one is suggested.", *facts.question->scenario.engine),
                              fmt::format("{} 不支持国产版的任何加速卡：建议国际版。", *facts.question->scenario.engine)});
  else if (facts.edition == Edition::kAny && !facts.question->scenario.accelerator)
    advice.reasons.push_back(
        {"No edition was asked for: the domestic one is suggested, because its cards can be bought on the mainland without restriction; the other one is an "
         "alternative.",
         "未指定版本：建议国产版，其加速卡在境内采购不受限；国际版列为备选。"});
  ASSIGN_OR_RETURN(advice.cards, cards_of(facts, chosen));
  RETURN_IF_ERROR(respect_choice(facts, advice));
  advice.servers = servers_of(facts, chosen, advice);
  alternatives(facts, chosen, advice);
  advice.doubts = doubts_of(facts, advice.cards);
  return advice;
}

}  // namespace siyu::planner
