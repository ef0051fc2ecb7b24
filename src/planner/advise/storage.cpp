// Storage by stage: class by the size of the model, throughput and capacity reckoned, units counted. An unknown speed stays unknown.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "planner/advise/facts.h"

namespace siyu::planner {
namespace {

constexpr double kGb = 1e9;
constexpr double kAdapterShare = 0.01;  ///< of the parameters, that LoRA adapters of the usual ranks hold
constexpr double kVersionsKept = 2;     ///< of the weights: the present and the one before, for a rollback
constexpr double kCheckpointsKept = 5;
constexpr const char* kGuidance = "guidance of this project";

struct Plan {
  const Facts* facts = nullptr;
  const TierAdvice* tier = nullptr;
  const StorageRule* rule = nullptr;
  AdviceSheet* sheet = nullptr;
};

std::string slug(std::string name) {
  for (auto& c : name)
    if (c == ' ') c = '_';
  return name;
}

const StorageClass* class_named(const Catalogue& catalogue, std::string_view name) {
  const auto at = std::ranges::find(catalogue.storage, name, &StorageClass::name);
  return at == catalogue.storage.end() ? nullptr : &*at;
}

Figure unknown(std::string id, Words label, std::string unit, Words note) {
  return {.id = std::move(id), .label = std::move(label), .value = {}, .unit = std::move(unit), .note = std::move(note)};
}

double trained(const Facts& facts) { return facts.parameters.value_or(0) * (facts.training == Training::kAll ? 1 : kAdapterShare); }

std::string read_of(const Plan& plan, const StorageStage& stage, const std::string& id) {
  const Words label{"Throughput needed, reading", "所需读吞吐"};
  if (stage.load_seconds) {
    const auto weights = plan.facts->question->weights_bytes;
    if (!weights) return plan.sheet->add(unknown(id, label, "GB/s", {"The size of the weights was not given.", "未给出权重大小。"}));
    return plan.sheet->add({.id = id,
                            .label = label,
                            .value = *weights * plan.tier->servers / *stage.load_seconds / kGb,
                            .unit = "GB/s",
                            .formula = "weights × servers / load_seconds / 1e9",
                            .inputs = {{.name = "weights", .value = *weights, .unit = "B", .source = "sizing"},
                                       {.name = "servers", .value = plan.tier->servers, .source = "advice on the appliance"},
                                       {.name = "load_seconds", .value = *stage.load_seconds, .unit = "s", .source = stage.source}}});
  }
  if (!stage.read_gb_per_s) return {};
  return plan.sheet->add({.id = id,
                          .label = label,
                          .value = *stage.read_gb_per_s,
                          .unit = "GB/s",
                          .formula = "read",
                          .inputs = {{.name = "read", .value = *stage.read_gb_per_s, .unit = "GB/s", .source = stage.source}}});
}

std::string write_of(const Plan& plan, const StorageStage& stage, const std::string& id) {
  const Words label{"Throughput needed, writing", "所需写吞吐"};
  if (stage.checkpoint_bytes_per_parameter) {
    if (plan.facts->training == Training::kNone) return plan.sheet->add(unknown(id, label, "GB/s", {"No training is planned.", "未计划训练。"}));
    if (!plan.facts->parameters) return plan.sheet->add(unknown(id, label, "GB/s", {"The number of parameters was not given.", "未给出参数量。"}));
    const auto seconds = stage.checkpoint_seconds.value_or(120);
    const auto parameters = trained(*plan.facts);
    return plan.sheet->add({.id = id,
                            .label = label,
                            .value = *stage.checkpoint_bytes_per_parameter * parameters / seconds / kGb,
                            .unit = "GB/s",
                            .formula = "checkpoint_bytes × trained / seconds / 1e9",
                            .inputs = {{.name = "checkpoint_bytes", .value = *stage.checkpoint_bytes_per_parameter, .unit = "B", .source = stage.source},
                                       {.name = "trained",
                                        .value = parameters,
                                        .unit = "parameters",
                                        .source = plan.facts->training == Training::kAll ? "all parameters" : "adapters: 1 % of the parameters"},
                                       {.name = "seconds", .value = seconds, .unit = "s", .source = stage.source}}});
  }
  if (!stage.write_gb_per_s) return {};
  return plan.sheet->add({.id = id,
                          .label = label,
                          .value = *stage.write_gb_per_s,
                          .unit = "GB/s",
                          .formula = "write",
                          .inputs = {{.name = "write", .value = *stage.write_gb_per_s, .unit = "GB/s", .source = stage.source}}});
}

/// Drives or nodes so that reading and writing are both fast enough.
std::string units_of(const Plan& plan, const StorageClass& one, const StorageNeed& need, const std::string& id) {
  const auto read = need.read ? plan.sheet->value(*need.read) : std::nullopt;
  const auto write = need.write ? plan.sheet->value(*need.write) : std::nullopt;
  const Words label{fmt::format("{}s of class {}", one.unit, one.name),
                    fmt::format("{}的{}数", one.kind_zh.value_or(one.kind), one.unit == "drive" ? "盘" : "存储节点")};
  if (!read && !write) return plan.sheet->add(unknown(id, label, one.unit, {"Neither reading nor writing could be reckoned.", "读写吞吐均无法测算。"}));
  const auto units = [](std::optional<double> needed, std::optional<double> each) {
    return needed && each ? std::optional(std::max(1.0, std::ceil(*needed / *each))) : std::nullopt;
  };
  const auto for_read = units(read, one.read_gb_per_s), for_write = units(write, one.write_gb_per_s);
  if ((write && *write > 0 && !for_write) || (read && !for_read)) {
    const auto known = for_read ? for_read : for_write;
    const bool writing = write && *write > 0 && !for_write;
    return plan.sheet->add(unknown(id, label, one.unit,
                                   {fmt::format("The {} speed of {} is not published{}; ask the vendor.", writing ? "writing" : "reading", one.name,
                                                known ? fmt::format(" (the other side alone needs {})", plain_number(*known)) : ""),
                                    fmt::format("{}的{}速度未公开{}，须向厂商索取。", one.kind_zh.value_or(one.kind), writing ? "写入" : "读取",
                                                known ? fmt::format("（仅另一方向就需 {} 个）", plain_number(*known)) : "")}));
  }
  Figure figure{.id = id,
                .label = label,
                .value = std::max(for_read.value_or(1), for_write.value_or(1)),
                .unit = one.unit,
                .formula = "max(⌈read / read_each⌉, ⌈write / write_each⌉)"};
  if (read)
    figure.inputs.insert(figure.inputs.end(),
                         {plan.sheet->sheet().input(*need.read, "read"), {.name = "read_each", .value = *one.read_gb_per_s, .unit = "GB/s", .source = one.source}});
  if (for_write)
    figure.inputs.insert(figure.inputs.end(), {plan.sheet->sheet().input(*need.write, "write"),
                                               {.name = "write_each", .value = *one.write_gb_per_s, .unit = "GB/s", .source = one.source}});
  return plan.sheet->add(std::move(figure));
}

std::string capacity_of(const Plan& plan, const StorageStage& stage, const std::string& id) {
  const Words label{"Capacity, with copies", "容量（含副本）"};
  const auto& question = *plan.facts->question;
  const double copies = plan.rule->copies;
  const Input copies_input{.name = "copies", .value = copies, .source = plan.rule->source};
  if (stage.load_seconds) {
    if (!question.weights_bytes) return plan.sheet->add(unknown(id, label, "B", {"The size of the weights was not given.", "未给出权重大小。"}));
    return plan.sheet->add({.id = id,
                            .label = label,
                            .value = *question.weights_bytes * kVersionsKept * copies,
                            .unit = "B",
                            .formula = "weights × versions × copies",
                            .inputs = {{.name = "weights", .value = *question.weights_bytes, .unit = "B", .source = "sizing"},
                                       {.name = "versions", .value = kVersionsKept, .source = kGuidance},
                                       copies_input}});
  }
  if (stage.checkpoint_bytes_per_parameter) {
    if (plan.facts->training == Training::kNone || !plan.facts->parameters) return {};
    return plan.sheet->add({.id = id,
                            .label = label,
                            .value = *stage.checkpoint_bytes_per_parameter * trained(*plan.facts) * kCheckpointsKept,
                            .unit = "B",
                            .formula = "checkpoint_bytes × trained × kept",
                            .inputs = {{.name = "checkpoint_bytes", .value = *stage.checkpoint_bytes_per_parameter, .unit = "B", .source = stage.source},
                                       {.name = "trained", .value = trained(*plan.facts), .unit = "parameters", .source = "training plan"},
                                       {.name = "kept", .value = kCheckpointsKept, .source = kGuidance}}});
  }
  if (stage.name == "share") return {};  // Serves the same files as ingest.
  if (!question.documents_bytes) return plan.sheet->add(unknown(id, label, "B", {"The volume of the documents was not given.", "未给出资料总量。"}));
  return plan.sheet->add({.id = id,
                          .label = label,
                          .value = *question.documents_bytes * copies,
                          .unit = "B",
                          .formula = "documents × copies",
                          .inputs = {{.name = "documents", .value = *question.documents_bytes, .unit = "B", .source = "given"}, copies_input}});
}

std::optional<std::string> some(std::string id) { return id.empty() ? std::nullopt : std::optional(std::move(id)); }

const StorageRule* rule_for(const Catalogue& catalogue, double parameters) {
  const StorageRule* top = nullptr;
  for (const auto& rule : catalogue.storage_rules) {
    if (!rule.parameters_below) top = &rule;
    else if (parameters < *rule.parameters_below) return &rule;
  }
  return top;
}

}  // namespace

Result<StoragePlan> advise_storage(const Facts& facts, const TierAdvice& tier, AdviceSheet& sheet) {
  StoragePlan out;
  if (!facts.parameters) {
    out.storage = {"The size of the model is not known, so no class of storage follows.", "模型规模未知，无法推定存储类别。"};
    return out;
  }
  const auto* rule = rule_for(*facts.catalogue, *facts.parameters);
  if (rule == nullptr)
    return not_found("The catalogue has no storage rule for a model of this size; storage.yaml in your catalogue folder adds one without `parameters_below`");
  out.rule = rule->name;
  out.storage = {rule->storage, rule->storage_zh.value_or(rule->storage)};
  const Plan plan{.facts = &facts, .tier = &tier, .rule = rule, .sheet = &sheet};
  for (const auto& stage : facts.catalogue->storage_stages) {
    const auto& name = rule->name == "below_10b" ? stage.classes.below_10b : rule->name == "above_100b" ? stage.classes.above_100b : stage.classes.from_10b_to_100b;
    const auto* one = class_named(*facts.catalogue, name);
    if (one == nullptr) return not_found(fmt::format("storage.yaml: the stage {} asks for the class {}, which is not there", stage.name, name));
    const auto prefix = "storage." + slug(stage.name);
    StorageNeed need{.stage = stage.name,
                     .name = {stage.name, stage.name_zh.value_or(stage.name)},
                     .pattern = {stage.pattern, stage.pattern_zh.value_or(stage.pattern)},
                     .storage_class = name,
                     .class_name = {one->kind, one->kind_zh.value_or(one->kind)},
                     .local_cache = stage.local_cache};
    need.read = some(read_of(plan, stage, prefix + ".read"));
    need.write = some(write_of(plan, stage, prefix + ".write"));
    need.units = some(units_of(plan, *one, need, prefix + ".units"));
    need.capacity = some(capacity_of(plan, stage, prefix + ".capacity"));
    need.reason = {fmt::format("{}; a model of {} asks for: {}.", stage.pattern, parameters_words(*facts.parameters).en, out.storage.en),
                   fmt::format("{}；{}的模型宜用{}。", need.pattern.zh, parameters_words(*facts.parameters).zh, out.storage.zh)};
    out.needs.push_back(std::move(need));
  }
  return out;
}

}  // namespace siyu::planner
