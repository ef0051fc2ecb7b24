// Networks by scenario: what moves, and how long it takes on the least and on the recommended network.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "planner/advise/facts.h"

namespace siyu::planner {
namespace {

constexpr double kValueBytes = 2;       ///< of an activation in 16 bits
constexpr double kReadingSpeed = 50;    ///< tokens a second of one stream, faster than people read
constexpr double kEventBytes = 250;     ///< of one streamed token with its JSON and HTTP/1.1 envelope
constexpr double kAdapterShare = 0.01;  ///< as of storage
constexpr double kDispatchBytes = 3;    ///< of one value to an expert and back: one byte there (FP8), two back (BF16)
constexpr const char* kGuidance = "guidance of this project";

struct Plan {
  const Facts* facts = nullptr;
  const TierAdvice* tier = nullptr;
  AdviceSheet* sheet = nullptr;
  double per_server = 8;        ///< cards
  double group = 1;             ///< servers of one replica
  std::optional<double> batch;  ///< requests in flight at one replica
};

struct Pair {
  const Network* minimum = nullptr;  ///< null: none needed
  const Network* recommended = nullptr;
};

std::string unknown(const Plan& plan, std::string id, Words label, std::string unit, Words lacking) {
  return plan.sheet->add({.id = std::move(id), .label = std::move(label), .value = {}, .unit = std::move(unit), .note = std::move(lacking)});
}

/// Two figures: seconds of `messages` messages of `bytes` (a figure) in all on both networks.
void transfer(const Plan& plan, NetworkNeed& need, const Pair& networks, const std::string& prefix, const Words& what, const std::string& bytes, double messages) {
  need.figures.push_back(bytes);
  const auto size = plan.sheet->value(bytes);
  if (!size) return;  // The figure of the bytes says what it lacks.
  const auto on = [&](const Network* network, const char* which, const Words& name) {
    if (network == nullptr) return;
    const auto seconds = *size / (network->gb_per_s * 1e9 * network->usable) + messages * network->latency_us * 1e-6;
    need.figures.push_back(plan.sheet->add(
        {.id = prefix + "." + which,
         .label = {fmt::format("{} on the {} network ({})", what.en, name.en, network->name), fmt::format("{}（{}网络 {}）", what.zh, name.zh, network->name)},
         .value = seconds,
         .unit = "s",
         .formula = "bytes / (gb_per_s × 1e9 × usable) + messages × latency",
         .inputs = {plan.sheet->sheet().input(bytes, "bytes"),
                    {.name = "gb_per_s", .value = network->gb_per_s, .unit = "GB/s", .source = network->source},
                    {.name = "usable", .value = network->usable, .source = network->source},
                    {.name = "messages", .value = messages, .source = "of the transfer"},
                    {.name = "latency", .value = network->latency_us * 1e-6, .unit = "s", .source = network->source}}}));
  };
  on(networks.minimum, "minimum", {"least", "最低"});
  on(networks.recommended, "recommended", {"recommended", "推荐"});
}

void users(const Plan& plan, NetworkNeed& need, const Pair& networks) {
  const Words label{"All answers together, streaming", "全部回答流式输出的总流量"};
  need.needed = true;
  if (!plan.facts->concurrency) {
    need.figures.push_back(unknown(plan, "network.users.bytes", label, "B/s", {"The number of requests in flight was not given.", "未给出并发请求数。"}));
    return;
  }
  need.figures.push_back(plan.sheet->add({.id = "network.users.bytes",
                                          .label = label,
                                          .value = *plan.facts->concurrency * kReadingSpeed * kEventBytes,
                                          .unit = "B/s",
                                          .formula = "streams × tokens × event",
                                          .inputs = {{.name = "streams", .value = *plan.facts->concurrency, .source = "load"},
                                                     {.name = "tokens", .value = kReadingSpeed, .unit = "tokens/s", .source = kGuidance},
                                                     {.name = "event", .value = kEventBytes, .unit = "B", .source = kGuidance}}}));
  for (const auto& [network, which] : {std::pair(networks.minimum, "minimum"), std::pair(networks.recommended, "recommended")})
    if (network != nullptr)
      need.figures.push_back(plan.sheet->add({.id = fmt::format("network.users.{}", which),
                                              .label = {"Share of " + network->name, "占 " + network->name + " 的份额"},
                                              .value = 100 * *plan.sheet->value("network.users.bytes") / (network->gb_per_s * 1e9 * network->usable),
                                              .unit = "%",
                                              .formula = "100 × bytes / (gb_per_s × 1e9 × usable)",
                                              .inputs = {plan.sheet->sheet().input("network.users.bytes", "bytes"),
                                                         {.name = "gb_per_s", .value = network->gb_per_s, .unit = "GB/s", .source = network->source},
                                                         {.name = "usable", .value = network->usable, .source = network->source}}}));
}

void several_servers(const Plan& plan, NetworkNeed& need, const Pair& networks) {
  need.needed = plan.group > 1;
  const auto n = std::max(plan.group, 2.0);
  const Words tensor{"Activations of one decoding step, tensor parallel", "单个解码步的激活值传输（张量并行）"},
      stages{"Activations of one decoding step, pipeline", "单个解码步的激活值传输（流水线并行）"};
  if (!plan.facts->layers || !plan.facts->hidden_size || !plan.batch) {
    need.figures.push_back(unknown(plan, "network.tensor.bytes", tensor, "B",
                                   {"Layers, hidden size or requests in flight at one replica are not known.", "层数、隐藏维度或单副本并发未知。"}));
    return;
  }
  const std::vector<Input> shape{{.name = "layers", .value = *plan.facts->layers, .source = "model"},
                                 {.name = "hidden", .value = *plan.facts->hidden_size, .source = "model"},
                                 {.name = "batch", .value = *plan.batch, .source = "load"},
                                 {.name = "value", .value = kValueBytes, .unit = "B", .source = kGuidance},
                                 {.name = "n", .value = n, .unit = "servers", .source = "sizing"}};
  const auto one = *plan.facts->hidden_size * *plan.batch * kValueBytes;
  transfer(plan, need, networks, "network.tensor", tensor,
           plan.sheet->add({.id = "network.tensor.bytes",
                            .label = tensor,
                            .value = 2 * *plan.facts->layers * one * 2 * (n - 1) / n,
                            .unit = "B",
                            .formula = "2 × layers × hidden × batch × value × 2 × (n − 1) / n",
                            .inputs = shape}),
           2 * *plan.facts->layers * 2 * (n - 1));
  transfer(plan, need, networks, "network.pipeline", stages,
           plan.sheet->add({.id = "network.pipeline.bytes",
                            .label = stages,
                            .value = one * (n - 1),
                            .unit = "B",
                            .formula = "hidden × batch × value × (n − 1)",
                            .inputs = {shape.begin() + 1, shape.end()}}),
           n - 1);
}

void prefill_decode(const Plan& plan, NetworkNeed& need, const Pair& networks) {
  need.needed = plan.facts->user_class != nullptr && !plan.facts->user_class->daily_active_below;  // The largest class of users.
  const Words label{"Cache of one prompt, from prefill to decode", "单个提示词的 KV 缓存（预填充至解码）"};
  const auto& tokens = plan.facts->question->scenario.tokens;
  const auto prompt = tokens ? tokens->prompt : std::nullopt;
  const auto each = plan.facts->question->kv_bytes_per_token;
  if (!prompt || !each) {
    need.figures.push_back(unknown(plan, "network.kv.bytes", label, "B",
                                   {"The prompt's length or the cache's bytes per token were not given.", "未给出提示词长度或每词元 KV 缓存字节数。"}));
    return;
  }
  transfer(plan, need, networks, "network.kv", {"More time to the first token", "首词元时延增加量"},
           plan.sheet->add({.id = "network.kv.bytes",
                            .label = label,
                            .value = *each * *prompt,
                            .unit = "B",
                            .formula = "kv × prompt",
                            .inputs = {{.name = "kv", .value = *each, .unit = "B", .source = "sizing"},
                                       {.name = "prompt", .value = *prompt, .unit = "tokens", .source = "scenario"}}}),
           1);
}

void experts(const Plan& plan, NetworkNeed& need, const Pair& networks) {
  const auto* model = plan.facts->model;
  const auto mixture = model != nullptr && model->experts && model->experts_used;
  need.needed = mixture && plan.group > 1;
  const Words label{"Tokens to experts and back, one decoding step", "单个解码步的专家分发与汇聚"};
  if (!mixture || !plan.batch) {
    need.figures.push_back(unknown(plan, "network.experts.bytes", label, "B",
                                   mixture ? Words{"Requests in flight at one replica are not known.", "单副本并发未知。"}
                                           : Words{"The model is not known to be a mixture of experts.", "所选模型不是（或未知是否为）混合专家模型。"}));
    return;
  }
  const auto n = std::max(plan.group, 2.0);
  const double layers = model->layers - model->dense_layers.value_or(0);
  transfer(plan, need, networks, "network.experts", label,
           plan.sheet->add({.id = "network.experts.bytes",
                            .label = label,
                            .value = layers * *plan.batch * *model->experts_used * model->hidden_size * kDispatchBytes * (n - 1) / n,
                            .unit = "B",
                            .formula = "layers × batch × experts × hidden × value × (n − 1) / n",
                            .inputs = {{.name = "layers", .value = layers, .source = "model, dense layers aside"},
                                       {.name = "batch", .value = *plan.batch, .source = "load"},
                                       {.name = "experts", .value = static_cast<double>(*model->experts_used), .source = "model"},
                                       {.name = "hidden", .value = static_cast<double>(model->hidden_size), .source = "model"},
                                       {.name = "value", .value = kDispatchBytes, .unit = "B", .source = kGuidance},
                                       {.name = "n", .value = n, .unit = "servers", .source = "sizing"}}}),
           2 * layers);
}

void gradients(const Plan& plan, NetworkNeed& need, const Pair& networks, const NetworkScenario& scenario, bool all) {
  need.needed = plan.facts->training == (all ? Training::kAll : Training::kAdapters) && plan.tier->servers > 1;
  const auto prefix = std::string(all ? "network.training" : "network.adapters");
  const Words label{"Gradients of one step, ring all-reduce", "每步梯度同步（环形 all-reduce）"};
  if (!plan.facts->parameters || !scenario.gradient_bytes_per_parameter) {
    need.figures.push_back(unknown(plan, prefix + ".bytes", label, "B", {"The number of parameters was not given.", "未给出参数量。"}));
    return;
  }
  const auto n = std::max(plan.tier->servers, 2.0);
  const auto trained = *plan.facts->parameters * (all ? 1 : kAdapterShare);
  transfer(
      plan, need, networks, prefix, label,
      plan.sheet->add({.id = prefix + ".bytes",
                       .label = label,
                       .value = *scenario.gradient_bytes_per_parameter * trained * 2 * (n - 1) / n,
                       .unit = "B",
                       .formula = "gradient × trained × 2 × (n − 1) / n",
                       .inputs = {{.name = "gradient", .value = *scenario.gradient_bytes_per_parameter, .unit = "B", .source = scenario.source},
                                  {.name = "trained", .value = trained, .unit = "parameters", .source = all ? "all parameters" : "adapters: 1 % of the parameters"},
                                  {.name = "n", .value = n, .unit = "servers", .source = "advice on the appliance"}}}),
      2 * (n - 1));
}

void reckon(const Plan& plan, NetworkNeed& need, const Pair& networks, const NetworkScenario& scenario) {
  if (scenario.name == "users to the appliance") users(plan, need, networks);
  else if (scenario.name == "one server, one to eight cards") need.needed = plan.group <= 1;
  else if (scenario.name == "one model over several servers") several_servers(plan, need, networks);
  else if (scenario.name == "prefill and decode on different servers") prefill_decode(plan, need, networks);
  else if (scenario.name == "expert parallelism over several servers") experts(plan, need, networks);
  else if (scenario.name == "data-parallel fine-tuning with adapters") gradients(plan, need, networks, scenario, false);
  else if (scenario.name == "data-parallel training of all parameters") gradients(plan, need, networks, scenario, true);
  // Others are a user's own; they are listed with their networks.
}

Result<const Network*> named(const Catalogue& catalogue, const std::string& name) {
  if (name == "none") return nullptr;
  return catalogue.network(name);
}

Words tail_of(double links) {
  const auto share = plain_number(std::round((1 - std::pow(0.99, links)) * 1000) / 10);
  return {fmt::format("A step waits for the slowest of its links. With {} of them, each slower than its 99th percentile once in a hundred times, {} % of the steps "
                      "meet a slow one: judge fabrics by their tail under load, "
                      "not by their mean; loss-free Ethernet (RoCE) needs PFC and ECN set up and watched.",
                      plain_number(links), share),
          fmt::format("每一步都要等待最慢的链路。{} 条链路各有 1% 的概率超过自身 P99，则 {}% 的步会遇到慢链路：评估网络应看带载尾时延而非均值；RoCE "
                      "无损网络须配置并监控 PFC 与 ECN。",
                      plain_number(links), share)};
}

}  // namespace

Result<NetworkPlan> advise_network(const Facts& facts, const TierAdvice& tier, AdviceSheet& sheet) {
  Plan plan{.facts = &facts, .tier = &tier, .sheet = &sheet};
  for (const auto& one : facts.catalogue->appliances)
    if (one.name == tier.appliance) plan.per_server = one.cards.per_server ? *one.cards.per_server : one.cards.maximum.value_or(8);
  if (facts.question->cards_per_replica && plan.per_server > 0) plan.group = std::max(1.0, std::ceil(*facts.question->cards_per_replica / plan.per_server));
  if (facts.concurrency) plan.batch = std::max(1.0, std::ceil(*facts.concurrency / std::max(facts.question->replicas.value_or(1), 1.0)));
  NetworkPlan out;
  for (const auto& scenario : facts.catalogue->network_scenarios) {
    NetworkNeed need{.scenario = scenario.name,
                     .name = {scenario.name, scenario.name_zh.value_or(scenario.name)},
                     .minimum = scenario.minimum,
                     .recommended = scenario.recommended,
                     .reason = {scenario.reason, scenario.reason_zh.value_or(scenario.reason)}};
    Pair networks;
    ASSIGN_OR_RETURN(networks.minimum, named(*facts.catalogue, scenario.minimum));
    ASSIGN_OR_RETURN(networks.recommended, named(*facts.catalogue, scenario.recommended));
    reckon(plan, need, networks, scenario);
    out.needs.push_back(std::move(need));
  }
  out.tail = tail_of(std::max({2.0, tier.servers, plan.group}));
  return out;
}

}  // namespace siyu::planner
