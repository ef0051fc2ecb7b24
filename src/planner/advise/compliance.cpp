// What the rules ask of this plan. Self-assessed; what the product does not have yet is said to be planned.
#include <fmt/format.h>

#include <algorithm>

#include "planner/advise/facts.h"

namespace siyu::planner {
namespace {

struct Scene {
  const Facts* facts = nullptr;
  const ModeAdvice* mode = nullptr;
  const TierAdvice* tier = nullptr;
  std::vector<ComplianceRisk> risks = {};

  bool industry(std::string_view name) const { return facts->industry != nullptr && facts->industry->name == name; }
  bool regulated() const { return facts->industry != nullptr && facts->industry->regulation.has_value(); }
  bool confidential() const { return facts->data_class >= DataClass::kConfidential; }
  int grade() const { return static_cast<int>(facts->data_class); }  ///< 0 public – 3 core
};

void add(Scene& scene, ComplianceRisk risk) {
  risk.severity = severity_of(risk.probability * risk.impact);
  scene.risks.push_back(std::move(risk));
}

void data(Scene& scene) {
  const auto& constraints = scene.facts->question->scenario.constraints;
  const auto given = constraints && constraints->data_class;
  const auto grade = name_of(scene.facts->data_class);
  add(scene, {.id = "data_grading",
              .probability = given ? 2 : 4,
              .impact = 2 + scene.grade(),
              .title = {"Data is not graded, or not anew", "数据未分类分级或未动态调整"},
              .norm = {"GB/T 43697-2024", "GB/T 43697-2024"},
              .why = {fmt::format("The highest grade is {} \"{}\"; passages, vectors and answers inherit it.", given ? "said to be" : "not stated and was taken as",
                                  grade.en),
                      fmt::format("最高级别{}“{}”；切片、向量与回答继承该级别。", given ? "为" : "未给出，暂按", grade.zh)},
              .mitigation = {"Grade before ingestion and keep each grade in its own knowledge base with its own roles; grading by rules is planned.",
                             "入库前完成分级，不同级别分库管理并按角色授权；按规则自动分级功能在规划中。"},
              .by = Mitigated::kOrganisation,
              .owner = Role::kData});
  if (scene.facts->data_class == DataClass::kCore)
    add(scene, {.id = "core_data",
                .probability = 3,
                .impact = 5,
                .title = {"Duties for core data", "核心数据管理义务"},
                .norm = {"Data Security Law art. 21, 27, 30", "《数据安全法》第二十一、二十七、三十条"},
                .why = {"Core data is among the documents.", "资料中含核心数据。"},
                .mitigation = {"On-premise only, a named person in charge, periodic risk assessment; models run in processes without network (in place).",
                               "仅本地部署，指定数据安全负责人并定期开展风险评估；模型在无网络权限的进程中运行（已具备）。"},
                .by = Mitigated::kOrganisation,
                .owner = Role::kSecurity});
  if (scene.facts->personal_data)
    add(scene, {.id = "personal_information",
                .probability = 4,
                .impact = scene.industry("medical") || scene.confidential() ? 4 : 3,
                .title = {"Personal information in prompts and answers", "提示词与回答中的个人信息"},
                .norm = {"Personal Information Protection Law art. 13, 28-30, 55", "《个人信息保护法》第十三、二十八至三十、五十五条"},
                .why = {"The industry's documents hold personal information, part of it sensitive.", "该行业资料含个人信息，其中部分为敏感个人信息。"},
                .mitigation = {"Impact assessment before the start; local models keep it inside and deletion leaves nothing behind (in place); masking in prompts "
                               "and answers is planned.",
                               "上线前完成个人信息保护影响评估；本地模型不出域、删除不留痕（已具备）；提示词与回答脱敏在规划中。"},
                .by = Mitigated::kPlanned,
                .owner = Role::kCompliance});
  if (scene.industry("education"))
    add(scene, {.id = "minors",
                .probability = 3,
                .impact = 4,
                .title = {"Data of minors", "未成年人个人信息"},
                .norm = {"Personal Information Protection Law art. 31; regulation on minors online", "《个人信息保护法》第三十一条；《未成年人网络保护条例》"},
                .why = {"Pupils are among the users.", "用户包含学生。"},
                .mitigation = {"Consent of guardians, rules of their own for data under 14, no profiles of pupils.",
                               "取得监护人同意，制定不满十四周岁专门处理规则，不做学生画像。"},
                .by = Mitigated::kOrganisation,
                .owner = Role::kCompliance});
}

void outbound(Scene& scene) {
  const auto inside = scene.mode->mode == Mode::kOnPremise;
  add(scene,
      {.id = "outbound",
       .probability = inside ? 1 : 3,
       .impact = 2 + scene.grade(),
       .title = {"Data leaves through a cloud model", "数据经云端模型外流"},
       .norm = {"Data Security Law art. 27; Personal Information Protection Law art. 23, 38", "《数据安全法》第二十七条；《个人信息保护法》第二十三、三十八条"},
       .why = inside ? Words{"On-premise is advised; engines elsewhere could still be added by an administrator.", "建议本地部署；但管理员仍可添加外部引擎。"}
                     : Words{fmt::format("The advice is {}: requests are handed to others.", name_of(scene.mode->mode).en),
                             fmt::format("建议采用{}：部分请求将交由外部处理。", name_of(scene.mode->mode).zh)},
       .mitigation =
           inside ? Words{"Block the way out at the firewall; adding an engine is an audited act of an administrator (in place).",
                          "在防火墙阻断外联；添加外部引擎属管理员操作并留有审计记录（已具备）。"}
                  : Words{"Only public material to the cloud by rule of the house, contract on the handling of data; masking and routing by grade are planned.",
                          "制度上仅公开资料可上云，并签订数据处理协议；脱敏与按级别路由在规划中。"},
       .by = inside ? Mitigated::kProduct : Mitigated::kPlanned,
       .owner = Role::kSecurity});
}

void level_protection(Scene& scene) {
  if (!scene.regulated() && !scene.confidential()) return;
  const Words norm{"GB/T 22239-2019 level 3, 8.1.4", "GB/T 22239-2019 第三级 8.1.4"};
  add(scene, {.id = "two_factors",
              .probability = 4,
              .impact = 3,
              .title = {"One factor at login", "登录仅单因素鉴别"},
              .norm = norm,
              .why = {"Level 3 asks for two factors, one of them cryptographic.", "三级要求双因素鉴别，其中一种须采用密码技术。"},
              .mitigation = {"Let users in through the organisation's gateway or bastion with two factors; two factors in the product are planned.",
                             "先经本机构具备双因素的统一认证网关或堡垒机接入；产品内置双因素在规划中。"},
              .by = Mitigated::kPlanned,
              .owner = Role::kSecurity});
  add(scene, {.id = "audit_retention",
              .probability = 2,
              .impact = 3,
              .title = {"Audit records are not kept or not looked at", "审计记录留存或审阅不足"},
              .norm = norm,
              .why = {"Six months of protected records are asked for.", "要求审计记录受保护且留存不少于六个月。"},
              .mitigation = {"Every access is in a log chained by hash, checked by one command (in place); size the disk for six months and read it monthly.",
                             "每次访问均写入哈希链审计日志，可一条命令校验（已具备）；按六个月规划磁盘并每月审阅。"},
              .by = Mitigated::kProduct,
              .owner = Role::kSecurity});
  add(scene, {.id = "backup",
              .probability = 3,
              .impact = 4,
              .title = {"No copy off site, no restore rehearsed", "无异地备份或未演练恢复"},
              .norm = norm,
              .why = {"Level 3 asks for copies off site and tested restores.", "三级要求异地备份并验证恢复。"},
              .mitigation = {"Copy the data folder to another site nightly and rehearse the restore before acceptance; backup inside the product is planned.",
                             "每日将数据目录备份至异地，验收前完成恢复演练；产品内置备份在规划中。"},
              .by = Mitigated::kPlanned,
              .owner = Role::kOperations});
}

void cryptography(Scene& scene) {
  if (scene.facts->edition != Edition::kDomestic && !scene.industry("government") && !scene.industry("finance") && !scene.industry("energy")) return;
  add(scene, {.id = "cryptography",
              .probability = 4,
              .impact = 3,
              .title = {"Commercial cryptography assessment", "商用密码应用安全性评估（密评）"},
              .norm = {"GB/T 39786-2021 level 3", "GB/T 39786-2021 第三级"},
              .why = {"The system may be assessed: SM2, SM3, SM4, with a certified module.", "系统可能须通过密评：SM2/SM3/SM4 及经认证的密码模块。"},
              .mitigation = {"TLS 1.3 and SHA-256 are in place; national algorithms are planned; until then a certified TLS gateway in front.",
                             "已具备 TLS 1.3 与 SHA-256；国密算法在规划中，过渡期前置经认证的国密网关。"},
              .by = Mitigated::kPlanned,
              .owner = Role::kSecurity});
}

void public_answers(Scene& scene) {
  if (!scene.facts->public_answers) return;
  add(scene, {.id = "labels",
              .probability = 4,
              .impact = 4,
              .title = {"Generated content without labels", "生成内容未加标识"},
              .norm = {"GB 45438-2025 (mandatory since 2025-09-01)", "GB 45438-2025（2025-09-01 起强制实施）"},
              .why = {"Answers reach the public.", "回答面向公众。"},
              .mitigation = {"Explicit label in the calling page from the first day; labels in the product are planned.",
                             "首日即在调用页面添加显式标识；产品内置标识在规划中。"},
              .by = Mitigated::kPlanned,
              .owner = Role::kCompliance});
  add(scene, {.id = "content_safety",
              .probability = 4,
              .impact = 5,
              .title = {"Content safety and registration of a public service", "面向公众服务的内容安全与备案登记"},
              .norm = {"Interim Measures for Generative AI Services; GB/T 45654-2025", "《生成式人工智能服务管理暂行办法》；GB/T 45654-2025"},
              .why = {"Answers reach the public: filing or registration, keyword library, test banks, refusals.",
                      "回答面向公众：须办理备案或登记，并具备关键词库、测试题库与拒答题库。"},
              .mitigation = {"Begin with staff in the loop; answer from documents with citations only (in place); filter of words and test banks are planned; clear "
                             "the filing before opening.",
                             "先仅供工作人员使用并经人工复核；仅依据资料并附引用作答（已具备）；词库过滤与测试题库在规划中；开放前完成备案或登记。"},
              .by = Mitigated::kPlanned,
              .owner = Role::kCompliance});
}

void people_decide(Scene& scene) {
  if (!scene.industry("finance") && !scene.industry("medical") && !scene.industry("government") && !scene.industry("energy")) return;
  add(scene, {.id = "human_review",
              .probability = 3,
              .impact = 5,
              .title = {"The model's word is taken for a decision", "以模型输出代替人工决策"},
              .norm = {"Personal Information Protection Law art. 24; rules of the industry", "《个人信息保护法》第二十四条；行业规定"},
              .why = {"Credit, diagnosis, approval and control stay with people.", "授信、诊疗、审批与控制均须由人决定。"},
              .mitigation = {"A person signs every outcome; citations show where an answer is from (in place); say so in the rules of use.",
                             "每项结果由人签署；回答附引用可溯源（已具备）；写入使用管理办法。"},
              .by = Mitigated::kOrganisation,
              .owner = Role::kBusiness});
}

void supply(Scene& scene) {
  const auto bound = scene.industry("government") || scene.industry("energy");
  const auto international = scene.tier->edition == "international";
  if (bound || scene.facts->edition == Edition::kDomestic || international)
    add(scene,
        {.id = "supply_chain",
         .probability = international ? 4 : 2,
         .impact = bound ? 4 : 3,
         .title = {"Supply chain", "供应链安全"},
         .norm = {"TC260-004 (2025-09); Cybersecurity Review Measures", "TC260-004（2025-09）；《网络安全审查办法》"},
         .why = international ? Words{"Cards of the advised appliance are under export restrictions.", "建议机型的加速卡受出口管制影响。"}
                              : Words{"Domestic hardware and an assessment of the suppliers are asked for.", "要求国产硬件并开展供应商评估。"},
         .mitigation = {"Two suppliers, spare cards with the first order, software without a tie to one vendor: engines are reached by an open protocol (in place).",
                        "双供应商、首批订单含备件；软件不绑定单一厂商，经开放协议接入引擎（已具备）。"},
         .by = Mitigated::kOrganisation,
         .owner = Role::kArchitect});
  add(scene, {.id = "model_integrity",
              .probability = 2,
              .impact = 4,
              .title = {"A changed or unknown model is loaded", "加载被篡改或来源不明的模型"},
              .norm = {"GB/T 22239-2019 8.1.4 trusted verification; TC260-004", "GB/T 22239-2019 8.1.4 可信验证；TC260-004"},
              .why = {"Weights come from outside.", "模型权重来自外部。"},
              .mitigation = {"SHA-256 at import (in place); keep the list of approved sums; signatures over weights are planned.",
                             "导入时校验 SHA-256（已具备）；维护准入清单；权重数字签名在规划中。"},
              .by = Mitigated::kPlanned,
              .owner = Role::kSecurity});
}

void licences(Scene& scene, const ModelAdvice& model) {
  std::vector<std::string> bound;
  for (const auto& one : model.candidates)
    if (one.suggested && one.licence != "MIT" && one.licence != "Apache-2.0") bound.push_back(fmt::format("{} ({})", one.model, one.licence));
  const auto* chosen = scene.facts->model;
  const bool suggested = chosen != nullptr && std::ranges::any_of(model.candidates, [&](const Candidate& one) { return one.suggested && one.model == chosen->name; });
  if (chosen != nullptr && !suggested && chosen->licence != "MIT" && chosen->licence != "Apache-2.0")
    bound.push_back(fmt::format("{} ({})", chosen->name, chosen->licence));
  if (bound.empty()) return;
  add(scene,
      {.id = "licence",
       .probability = 3,
       .impact = 3,
       .title = {"Conditions of a model's licence", "模型许可条件"},
       .norm = {"the licence itself", "该模型许可证"},
       .why = {fmt::format("{}: neither MIT nor Apache-2.0.", fmt::join(bound, ", ")), fmt::format("{}：并非 MIT 或 Apache-2.0 许可。", fmt::join(bound, "、"))},
       .mitigation = {"Have it read; prefer a free licence of the same class.", "交法务审阅；同级别中优先选择宽松许可的模型。"},
       .by = Mitigated::kOrganisation,
       .owner = Role::kCompliance});
}

}  // namespace

Severity severity_of(int product) {
  constexpr int kHigh = 15, kMedium = 8;
  return product >= kHigh ? Severity::kHigh : product >= kMedium ? Severity::kMedium : Severity::kLow;
}

Words name_of(Severity severity) {
  switch (severity) {
    case Severity::kLow: return {"low", "低"};
    case Severity::kMedium: return {"medium", "中"};
    case Severity::kHigh: return {"high", "高"};
  }
  return {};
}

Words name_of(Mitigated by) {
  switch (by) {
    case Mitigated::kProduct: return {"product, in place", "产品已具备"};
    case Mitigated::kPlanned: return {"product, planned", "产品规划中"};
    case Mitigated::kOrganisation: return {"organisation", "组织措施"};
  }
  return {};
}

Words name_of(Role role) {
  switch (role) {
    case Role::kSponsor: return {"Sponsor", "项目发起人"};
    case Role::kBusiness: return {"Business owner", "业务负责人"};
    case Role::kProject: return {"Project manager", "项目经理"};
    case Role::kArchitect: return {"Architect", "架构师"};
    case Role::kSecurity: return {"Security officer", "安全负责人"};
    case Role::kCompliance: return {"Compliance officer", "合规法务"};
    case Role::kData: return {"Data steward", "数据管理员"};
    case Role::kOperations: return {"Operations", "运维团队"};
    case Role::kVendor: return {"Vendor", "供应商"};
  }
  return {};
}

std::vector<ComplianceRisk> advise_compliance(const Facts& facts, const ModeAdvice& mode, const ModelAdvice& model, const TierAdvice& tier) {
  Scene scene{.facts = &facts, .mode = &mode, .tier = &tier};
  data(scene);
  outbound(scene);
  level_protection(scene);
  cryptography(scene);
  public_answers(scene);
  people_decide(scene);
  supply(scene);
  licences(scene, model);
  std::ranges::stable_sort(scene.risks, [](const auto& a, const auto& b) { return a.probability * a.impact > b.probability * b.impact; });
  return std::move(scene.risks);
}

}  // namespace siyu::planner
