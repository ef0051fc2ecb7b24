// Which class of model, by industry and use, or by use and size where no industry is given.
#include <fmt/format.h>

#include <algorithm>

#include "planner/advise/facts.h"

namespace siyu::planner {
namespace {

constexpr double kSmallClass = 5e9, kMiddleClass = 5e10;  ///< upper ends of the classes 1B and 10B
constexpr std::size_t kOthers = 4;                        ///< candidates beside those the catalogue suggests

Words ability_name(const std::string& id) {
  static const std::pair<std::string_view, Words> kNames[] = {{"chat", {"dialogue", "多轮对话"}},
                                                              {"retrieval", {"retrieval", "检索增强"}},
                                                              {"citation", {"citation of sources", "引用溯源"}},
                                                              {"classification", {"classification", "分类"}},
                                                              {"code", {"code", "代码生成"}},
                                                              {"extraction", {"extraction of fields", "信息抽取"}},
                                                              {"long_context", {"long context", "长上下文"}},
                                                              {"math", {"mathematics", "数学"}},
                                                              {"ocr", {"text recognition", "文字识别"}},
                                                              {"reasoning", {"reasoning", "推理"}},
                                                              {"rules", {"rules of the house", "规则执行"}},
                                                              {"speech", {"speech", "语音"}},
                                                              {"sql", {"queries to databases", "数据库查询"}},
                                                              {"summarisation", {"summarisation", "摘要"}},
                                                              {"tables", {"tables", "表格理解"}},
                                                              {"tools", {"use of tools", "工具调用"}},
                                                              {"translation", {"translation", "翻译"}},
                                                              {"vision", {"vision", "图像理解"}},
                                                              {"writing", {"writing", "写作"}}};
  for (const auto& [name, words] : kNames)
    if (name == id) return words;
  return {id, id};  // A user's own ability, in the user's own word.
}

bool asks_for(const IndustryScenario* use, std::string_view ability) { return use != nullptr && std::ranges::find(use->abilities, ability) != use->abilities.end(); }
bool is_aide(const ModelEntry& model) { return model.kind == "embedding" || model.kind == "rerank"; }

/// Models of these families come from Chinese makers; a domestic edition is asked to prefer them.
bool domestic_family(const ModelEntry& model) {
  static constexpr std::string_view kFamilies[] = {"deepseek", "qwen", "glm", "kimi", "internvl", "bge"};
  return std::ranges::any_of(kFamilies, [&](std::string_view one) { return model.family.starts_with(one); });
}

Words licence_note(const std::string& licence) {
  if (licence == "MIT" || licence == "Apache-2.0")
    return {fmt::format("Licence {}: commercial use and changes are free.", licence), fmt::format("许可证 {}：可商用、可修改。", licence)};
  return {fmt::format("Licence {}: has conditions of its own; have it read before the purchase.", licence),
          fmt::format("许可证 {}：另有附加条件，采购前须经法务审阅。", licence)};
}

Candidate candidate(const ModelEntry& model, const ModelAdvice& advice, bool suggested) {
  Candidate out{.model = model.name,
                .kind = model.kind,
                .licence = model.licence,
                .parameters = static_cast<double>(model.parameters),
                .active_parameters = {},
                .suggested = suggested};
  if (model.active_parameters) out.active_parameters = static_cast<double>(*model.active_parameters);
  out.fits_class = is_aide(model) || model_class_of(out.parameters) == advice.model_class;
  const auto licence = licence_note(model.licence);
  const Words size = is_aide(model)   ? Words{"Serves retrieval beside a chat model. ", "与对话模型配合，用于检索。"}
                     : out.fits_class ? Words{}
                                      : Words{fmt::format("Outside the class {}. ", advice.model_class), fmt::format("不在 {} 级别内。", advice.model_class)};
  const Words native = model.active_parameters ? Words{fmt::format("A mixture of experts: {} are read for a token. ", parameters_words(*out.active_parameters).en),
                                                       fmt::format("混合专家模型：每个词元激活 {}。", parameters_words(*out.active_parameters).zh)}
                                               : Words{};
  out.note = {size.en + native.en + licence.en, size.zh + native.zh + licence.zh};
  return out;
}

bool suits(const ModelEntry& model, const Facts& facts, const std::string& model_class) {
  const auto vision = asks_for(facts.use, "vision") || asks_for(facts.use, "ocr");
  if (is_aide(model) || model_class_of(static_cast<double>(model.parameters)) != model_class) return false;
  if (facts.edition == Edition::kDomestic && !domestic_family(model)) return false;
  return vision ? model.kind == "vision" : model.kind == "chat";
}

void candidates(const Facts& facts, ModelAdvice& advice) {
  const auto known = [&](const ModelEntry& model) { return std::ranges::any_of(advice.candidates, [&](const Candidate& one) { return one.model == model.name; }); };
  if (facts.use != nullptr)
    for (const auto& name : facts.use->models)
      if (const auto model = facts.catalogue->model(name); model && !known(**model)) advice.candidates.push_back(candidate(**model, advice, true));
  std::vector<const ModelEntry*> others;
  for (const auto& model : facts.catalogue->models)
    if (suits(model, facts, advice.model_class) && !known(model)) others.push_back(&model);
  // Free licences first, then the newest: the catalogue is read by date.
  std::ranges::stable_sort(others, [](const ModelEntry* a, const ModelEntry* b) {
    const auto free = [](const ModelEntry* one) { return one->licence == "MIT" || one->licence == "Apache-2.0"; };
    return free(a) != free(b) ? free(a) : a->date > b->date;
  });
  for (std::size_t i = 0; i < std::min(others.size(), kOthers); ++i) advice.candidates.push_back(candidate(*others[i], advice, false));
  if (asks_for(facts.use, "retrieval") || facts.use == nullptr)
    for (const auto* name : {"Qwen3-Embedding-0.6B", "bge-reranker-v2-m3"})
      if (const auto model = facts.catalogue->model(name); model && !known(**model)) advice.candidates.push_back(candidate(**model, advice, false));
}

void class_of(const Facts& facts, ModelAdvice& advice) {
  if (facts.use != nullptr) {
    advice.model_class = facts.use->model_class;
    Words abilities;
    for (const auto& id : facts.use->abilities) {
      abilities.en += (abilities.en.empty() ? "" : ", ") + ability_name(id).en;
      abilities.zh += (abilities.zh.empty() ? "" : "、") + ability_name(id).zh;
    }
    advice.class_reason = {
        fmt::format("The use \"{}\" needs {}; the class {} is where to begin, and the organisation's own test set decides.", facts.use->name, abilities.en, advice.model_class),
        fmt::format("“{}”需要{}；建议从 {} 级模型起步，以自有测试集的结果为准。", facts.use->name_zh, abilities.zh, advice.model_class)};
  } else if (facts.parameters) {
    advice.model_class = model_class_of(*facts.parameters);
    advice.class_reason = {fmt::format("No industry was given; the class is that of the scenario's model ({}).", parameters_words(*facts.parameters).en),
                           fmt::format("未给出行业，级别取自方案所选模型（{}）。", parameters_words(*facts.parameters).zh)};
  } else {
    const auto many = facts.daily_active.value_or(0) >= 10000;
    advice.model_class = "10B";
    advice.class_reason = {many ? "Neither industry nor size was given; 10B answers most questions on documents and serves many users at a bearable cost."
                                : "Neither industry nor size was given; 10B answers most questions on documents on one appliance.",
                           many ? "行业与模型规模均未给出；10B 级可胜任大多数文档问答，并能以可承受的成本服务大量用户。"
                                : "行业与模型规模均未给出；10B 级可在单台一体机上胜任大多数文档问答。"};
  }
}

void openness(const Facts& facts, ModelAdvice& advice) {
  const auto bound = facts.air_gapped || !facts.cloud_allowed || facts.data_class >= DataClass::kConfidential;
  const auto closed_possible = !bound && (facts.industry == nullptr || facts.industry->open_or_closed == "both");
  advice.openness = closed_possible ? "both" : "open";
  if (bound)
    advice.openness_reason = {"Open weights: closed models are reached over a public network, which the data grade or the network's rules forbid here.",
                              "选用开源权重：闭源模型须经公网访问，数据级别或网络规定不允许。"};
  else if (facts.industry != nullptr) advice.openness_reason = {facts.industry->reason, facts.industry->reason_zh.value_or(facts.industry->reason)};
  else
    advice.openness_reason = {"Both: open weights for documents of the house, closed models for what may be published.",
                              "二者皆可：内部资料用开源权重，可公开内容可用闭源模型。"};
}

}  // namespace

std::string model_class_of(double parameters) { return parameters < kSmallClass ? "1B" : parameters < kMiddleClass ? "10B" : "100B"; }

Result<ModelAdvice> advise_model(const Facts& facts) {
  ModelAdvice advice;
  if (facts.industry != nullptr) {
    advice.industry = facts.industry->name;
    advice.industry_name = {facts.industry->name, facts.industry->name_zh};
  }
  if (facts.use != nullptr) {
    advice.use = facts.use->name;
    advice.use_name = {facts.use->name, facts.use->name_zh};
    for (const auto& id : facts.use->abilities) advice.abilities.push_back({id, ability_name(id)});
    for (const auto& metric : facts.use->metrics)
      advice.goals.push_back({{metric.name, metric.name_zh.value_or(metric.name)}, metric.at_least, metric.at_most, metric.unit});
    if (facts.use->note) advice.note = Words{*facts.use->note, facts.use->note_zh.value_or(*facts.use->note)};
  }
  class_of(facts, advice);
  openness(facts, advice);
  candidates(facts, advice);
  return advice;
}

}  // namespace siyu::planner
