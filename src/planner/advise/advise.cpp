#include "planner/advise.h"

#include <algorithm>

#include "planner/advise/facts.h"

namespace siyu::planner {
namespace {

std::vector<Words> missing_of(const AdviceQuestion& question, const Facts& facts) {
  std::vector<Words> out;
  const auto lacks = [&](bool absent, Words words) {
    if (absent) out.push_back(std::move(words));
  };
  lacks(!facts.parameters, {"The number of parameters: the tier and the storage class rest on users alone.", "参数量：机型档位仅由用户数推定，存储类别无法推定。"});
  lacks(!question.weights_bytes, {"The size of the weights: the time to load them and their capacity are not reckoned.", "权重大小：加载时间与容量未测算。"});
  lacks(!question.kv_bytes_per_token,
        {"The cache's bytes per token: the transfer from prefill to decode is not reckoned.", "每词元 KV 缓存字节数：预填充至解码的传输未测算。"});
  lacks(!facts.concurrency, {"Requests in flight: tier and networks rest on users alone.", "并发请求数：机型与网络仅由用户数推定。"});
  lacks(!question.replicas || !question.cards_per_replica,
        {"Replicas and cards: the number of servers follows from guidance.", "副本数与卡数：服务器数按经验值推定。"});
  lacks(!question.local_cost || !question.cloud_cost,
        {"A cost comparison: the criterion cost follows from the number of users.", "成本测算：成本准则仅由用户数推定。"});
  lacks(!question.documents_bytes, {"The volume of the documents: capacities of originals and archive are not reckoned.", "资料总量：原始资料与归档容量未测算。"});
  lacks(facts.industry == nullptr,
        {"The industry: abilities, target metrics and the industry's rules are not applied.", "行业：能力要求、目标指标与行业规定未纳入。"});
  return out;
}

}  // namespace

const Figure* Advice::figure(std::string_view id) const {
  const auto at = std::ranges::find(figures, id, &Figure::id);
  return at == figures.end() ? nullptr : &*at;
}

Result<Advice> advise(const AdviceQuestion& question, const Catalogue& catalogue) {
  ASSIGN_OR_RETURN(const auto facts, facts_of(question, catalogue));
  Advice advice;
  AdviceSheet sheet;
  ASSIGN_OR_RETURN(advice.mode, advise_mode(facts));
  ASSIGN_OR_RETURN(advice.model, advise_model(facts));
  ASSIGN_OR_RETURN(advice.tier, advise_tier(facts));
  ASSIGN_OR_RETURN(advice.storage, advise_storage(facts, advice.tier, sheet));
  ASSIGN_OR_RETURN(advice.network, advise_network(facts, advice.tier, sheet));
  advice.risks = advise_compliance(facts, advice.mode, advice.model, advice.tier);
  if (facts.industry != nullptr)
    for (std::size_t i = 0; i < facts.industry->compliance.size(); ++i) {
      const auto& zh = facts.industry->compliance_zh;
      advice.reminders.push_back({facts.industry->compliance[i], zh && i < zh->size() ? (*zh)[i] : facts.industry->compliance[i]});
    }
  advice.training = facts.training;
  advice.figures = sheet.take();
  advice.missing = missing_of(question, facts);
  return advice;
}

}  // namespace siyu::planner
