#include "planner/phrase.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace siyu::planner {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

/// Names that formulas are made of, and inputs have.
constexpr Pair kNames[] = {
    // Models and memory
    {"KV bytes", "KV 字节数"},
    {"KV bytes of a token on a card", "单卡上每词元的 KV 字节数"},
    {"KV cache", "KV 缓存"},
    {"KV heads", "KV 头数"},
    {"KV tokens", "KV 词元数"},
    {"attention", "注意力"},
    {"batch", "批大小"},
    {"bits", "位数"},
    {"bits per weight", "每权重位数"},
    {"buffers", "缓冲区"},
    {"bytes", "字节数"},
    {"bytes per token", "每词元字节数"},
    {"bytes per word", "每词字节数"},
    {"communication", "通信缓冲"},
    {"context", "上下文长度"},
    {"fill", "平均填充率"},
    {"guesses", "推测词元数"},
    {"headroom", "余量比例"},
    {"heads", "头数"},
    {"hidden", "隐藏维度"},
    {"key width", "键宽"},
    {"kv", "每词元 KV 字节数"},
    {"latent rank", "潜空间秩"},
    {"layers", "层数"},
    {"memory", "显存"},
    {"numbers alive", "存活数值个数"},
    {"output matrix", "输出矩阵"},
    {"parameters", "参数量"},
    {"parameters of the layers", "各层参数量"},
    {"per token", "每词元"},
    {"pipeline", "流水线并行"},
    {"program", "程序"},
    {"rotary width", "旋转位置编码宽度"},
    {"rows", "行数"},
    {"rows of logits", "logits 行"},
    {"runtime", "运行时开销"},
    {"share of the KV heads", "KV 头占比"},
    {"share of the layers", "层占比"},
    {"shared prefix", "公共前缀"},
    {"step tokens", "每步词元数"},
    {"structure", "结构"},
    {"tensor", "张量并行"},
    {"together", "合计"},
    {"token embedding", "词嵌入"},
    {"tokenizer", "分词器"},
    {"tokens", "词元数"},
    {"users", "用户数"},
    {"value", "数值字节数"},
    {"value width", "值宽"},
    {"vocabulary", "词表大小"},
    {"weights", "权重"},
    // Speed
    {"bandwidth", "带宽"},
    {"cached tokens", "已缓存词元数"},
    {"compute", "算力"},
    {"dense peak", "稠密峰值"},
    {"efficiency", "效率系数"},
    {"efficiency of experts", "专家效率系数"},
    {"exchanged bytes", "交换字节数"},
    {"exchanges", "交换次数"},
    {"experts", "专家数"},
    {"experts used", "激活专家数"},
    {"first token", "首词元时间"},
    {"first word", "首词"},
    {"fixed part", "固定部分"},
    {"latency", "时延"},
    {"layer", "每层固定时间"},
    {"limit", "引擎上限"},
    {"link", "互连带宽"},
    {"measured", "实测值"},
    {"next word", "下一词"},
    {"output", "输出词元数"},
    {"peak", "峰值"},
    {"prompt", "提示词词元数"},
    {"sequences", "并发路数"},
    {"step", "每步固定时间"},
    {"time per output token", "每输出词元时间"},
    {"token time", "每词元计算时间"},
    {"weights read", "读取的权重"},
    // Load and fleet
    {"cached", "已缓存词元数"},
    {"cards", "卡数"},
    {"cards_per_replica", "每副本卡数"},
    {"cards_per_server", "每服务器卡数"},
    {"concurrency", "并发数"},
    {"daily_active", "日活用户数"},
    {"dense_s", "稠密权重读取时间"},
    {"expert_share", "单词元激活专家占比"},
    {"experts_s", "全部专家权重读取时间"},
    {"growth", "年增长率"},
    {"growth_per_year", "年增长率"},
    {"kv_token_s", "每缓存词元读取时间"},
    {"kv_tokens", "缓存容量（词元）"},
    {"minimum_servers", "最少服务器数"},
    {"needed", "最少副本数"},
    {"output_s", "每输出词计算时间"},
    {"overhead_s", "每步固定开销"},
    {"peak_factor", "峰值系数"},
    {"peak_hour_share", "高峰小时占比"},
    {"prompt_step_s", "预填充步附加时间"},
    {"rate", "请求速率"},
    {"replica_seconds", "副本占用时间"},
    {"replicas", "副本数"},
    {"request_seconds", "单请求时长"},
    {"requests_per_second", "每秒请求数"},
    {"requests_per_user_and_day", "人均日请求数"},
    {"sequence_s", "每路附加时间"},
    {"servers", "服务器数"},
    {"shared_prefix", "公共前缀词元数"},
    {"spare", "冗余比例"},
    {"step_tokens", "每步词元上限"},
    {"token_s", "每词元计算时间"},
    {"tpot_goal", "每词元时延目标"},
    {"tpot_p95_ms", "每词元时延 p95 目标"},
    {"ttft_goal", "首词元时延目标"},
    {"ttft_p95_s", "首词元时延 p95 目标"},
    {"year", "年数"},
    // Cost and quality
    {"all purchases", "全部采购额"},
    {"all purchases so far", "累计采购额"},
    {"cached_price", "缓存单价"},
    {"card_power_w", "单卡功耗"},
    {"card_price", "单卡价格"},
    {"cards_before", "上年卡数"},
    {"cloud", "云端费用"},
    {"cloud_cached_per_million", "云端每百万缓存词元价"},
    {"cloud_input_per_million", "云端每百万输入词元价"},
    {"cloud_npv", "云端现值"},
    {"cloud_output_per_million", "云端每百万输出词元价"},
    {"depreciation_years", "折旧年限"},
    {"discount_rate", "贴现率"},
    {"input", "输入词元数"},
    {"input_price", "输入单价"},
    {"local_share", "本地占比"},
    {"months", "月数"},
    {"network_price", "每服务器网络费用"},
    {"new cards", "新增卡数"},
    {"new servers", "新增服务器数"},
    {"on_premise_npv", "自建现值"},
    {"output_price", "输出单价"},
    {"power", "电费"},
    {"price", "价格"},
    {"price_per_kwh", "电价"},
    {"pue", "PUE"},
    {"purchase", "采购额"},
    {"quality", "质量"},
    {"quality_before", "前一模型质量"},
    {"rack", "机柜费"},
    {"rack_per_unit_and_month", "每机架单位月租"},
    {"rack_units_per_server", "每服务器机架单位"},
    {"relative_cost", "相对成本"},
    {"relative_cost_before", "前一模型相对成本"},
    {"residual_share", "残值率"},
    {"server_power_w", "服务器功耗"},
    {"server_price", "服务器价格"},
    {"servers_before", "上年服务器数"},
    {"sold", "变卖收入"},
    {"staff", "人力成本"},
    {"staff_per_year", "运维人员年成本"},
    {"staff_share", "运维人数"},
    {"storage_price", "存储总价"},
    {"support", "维保费"},
    {"support_share", "年维保占比"},
    {"tokens.cached", "日均缓存输入词元"},
    {"tokens.input", "日均输入词元"},
    {"tokens.output", "日均输出词元"},
    {"total", "总额"},
    {"utilisation", "平均负载率"},
    {"worth", "单位成本应得质量"},
    // Storage and network
    {"checkpoint_bytes", "每参数检查点字节数"},
    {"copies", "副本份数"},
    {"documents", "文档总量"},
    {"event", "每事件字节数"},
    {"gb_per_s", "网络带宽（GB/s）"},
    {"gradient", "每参数梯度字节数"},
    {"kept", "保留份数"},
    {"load_seconds", "加载时限"},
    {"messages", "消息数"},
    {"n", "节点数"},
    {"read", "读吞吐"},
    {"read_each", "单台读吞吐"},
    {"seconds", "时限"},
    {"streams", "流数"},
    {"trained", "训练参数量"},
    {"usable", "可用比例"},
    {"versions", "版本数"},
    {"write", "写吞吐"},
    {"write_each", "单台写吞吐"},
};

/// Formulas that say more than their names, and sources of the house's own.
constexpr Pair kSentences[] = {
    // Memory
    {"sum of all tensors", "全部张量之和"},
    {"bytes × 8 / parameters, over all tensors with the type of each", "字节数 × 8 / 参数量，按各张量类型累计"},
    {"each tensor / tensor parallelism, the layers of the longest stage", "各张量 / 张量并行度，取层数最多的流水线段"},
    {"layers × KV heads × (key width + value width) × bits / 8; layers with a window count up to their window",
     "层数 × KV 头数 × (键宽 + 值宽) × 位数 / 8；滑动窗口层只计到窗口"},
    {"shared prefix + users × (context × fill − shared prefix), at least one context", "公共前缀 + 用户数 × (上下文长度 × 平均填充率 − 公共前缀)，至少一个完整上下文"},
    {"weights + the output matrix once more, where the processor wants it in an order of its own", "权重 + 处理器要求另行排列时再存一份的输出矩阵"},
    {"tokens, a multiple of 256, × bytes per token; a worker keeps whole beginnings, windows or not", "词元数（256 的整数倍）× 每词元字节数；工作进程保留完整开头，不论有无窗口"},
    {"max(step tokens × (numbers alive × 4 + KV tokens × 3 (2 for latent attention)), rows × vocabulary × 4) + rows × vocabulary × 4; rows: sequences and as many guesses, 64 at most",
     "max(每步词元数 × (存活数值个数 × 4 + KV 词元数 × 3（潜空间注意力为 2）), 行数 × 词表大小 × 4) + 行数 × 词表大小 × 4；行数：并发路数与同样多的推测词元，推测至多 64"},
    {"weights without the token embedding, which stays on the server unless it is the output matrix too", "权重（不含词嵌入；除非兼作输出矩阵，否则词嵌入留在服务器内存）"},
    {"max(step tokens × (numbers alive × 4 + KV tokens × 3 (2 for latent attention)), rows × vocabulary × 4), + step tokens × KV tokens × heads × 6 where attention has no one-pass kernel for its widths; rows: sequences and guesses",
     "max(每步词元数 × (存活数值个数 × 4 + KV 词元数 × 3（潜空间注意力为 2）), 行数 × 词表大小 × 4)；注意力宽度无单趟内核时再加 每步词元数 × KV 词元数 × 头数 × 6；行数：并发路数与推测词元"},
    {"driver context, kernels, libraries", "驱动上下文、内核与运行库"},
    {"tokens × bytes per token × stage share; a latent cache lies on every card of a tensor group", "词元数 × 每词元字节数 × 流水线段占比；潜空间缓存在张量并行组的每张卡上各存一份"},
    {"tokens × bytes per token × share of the KV heads × share of the layers; a head lies whole on a card", "词元数 × 每词元字节数 × KV 头占比 × 层占比；每个头完整落在一张卡上"},
    {"step tokens × numbers alive × 2 bytes / tensor + users × vocabulary × 4 / tensor", "每步词元数 × 存活数值个数 × 2 字节 / 张量并行 + 用户数 × 词表大小 × 4 / 张量并行"},
    {"driver context, libraries and captured graphs + buffers of communication", "驱动上下文、运行库与捕获的计算图 + 通信缓冲"},
    // Speed
    {"weights of all layers and the output, of the experts those it uses", "各层与输出的权重；专家只计激活的"},
    {"min(engine's limit, tokens in the cache / (prompt + output / 2))", "min(引擎上限, 缓存词元数 / (提示词词元数 + 输出词元数 / 2))"},
    {"sum over steps of max(weights / bandwidth, tokens × token time) + fixed part, + attention to what stands before + first word",
     "逐步累加 max(权重 / 带宽, 词元数 × 每词元计算时间) + 固定部分，再加对前文的注意力与首词"},
    {"prompt tokens not cached / time to the first token", "未缓存的提示词词元数 / 首词元时间"},
    {"decoding sequences / step, each step also prefilling prompt / output tokens for each of them", "解码路数 / 每步时间，每步同时为每路预填充 提示词 / 输出 个词元"},
    // Fleet
    {"p95 of simulated requests that never meet", "互不相遇的仿真请求的 p95"},
    {"simulated backlog: requests answered in its middle / their seconds", "积压仿真：中段答完的请求数 / 所用时间"},
    {"fewest n with simulated ttft_p95(n, rate) ≤ ttft_goal and tpot_p95(n, rate) ≤ tpot_goal", "使仿真首词元 p95(n, 请求速率) ≤ 首词元目标 且 每词元 p95(n, 请求速率) ≤ 每词元目标 的最小 n"},
    {"max(⌈needed × (1 + spare)⌉, one on each of minimum_servers)", "max(⌈最少副本数 × (1 + 冗余比例)⌉, 最少服务器数上各一个)"},
    {"the appliance, or 8", "所选机型，未知时取 8"},
    {"(prompt − cached) × step(0, step_tokens) / step_tokens + output × step(batch, 0) / batch", "(提示词 − 已缓存) × 步时(0, 每步词元上限) / 每步词元上限 + 输出 × 步时(批大小, 0) / 批大小"},
    // Cost and quality
    {"new cards × card_price + new servers × (server_price + network_price) + storage_price in the first year", "新增卡数 × 单卡价格 + 新增服务器数 × (服务器价格 + 每服务器网络费用) + 首年存储总价"},
    {"of each purchase: price × (1 − residual_share) × months of its life in this year / (12 × depreciation_years)", "每笔采购：价格 × (1 − 残值率) × 本年内使用月数 / (12 × 折旧年限)"},
    {"residual_share × all purchases, in the last year", "残值率 × 全部采购额，计入最后一年"},
    {"its own hardware's cash + (1 − local_share) × cloud", "自有硬件的现金支出 + (1 − 本地占比) × 云端费用"},
    {"sum of the years' cash", "各年现金支出之和"},
    {"Σ cash of month m / (1 + discount_rate)^(m/12)", "Σ 第 m 月现金支出 / (1 + 贴现率)^(m/12)"},
    {"total / (input + output tokens) × 10^6", "总额 / (输入 + 输出词元数) × 10^6"},
    {"first month from whose end on cumulative on-premise ≤ cumulative cloud, to the horizon's end", "自该月末起至期末，自建累计成本 ≤ 云端累计成本的首个月份"},
    {"the purchase p with on_premise_npv(p) = cloud_npv; later purchases and support in proportion", "使 自建现值(p) = 云端现值 的首次采购额 p；后续采购与维保按比例"},
    {"max of quality − worth × relative_cost", "质量 − 单位成本应得质量 × 相对成本 的最大值"},
    // Sources
    {"1 byte a weight", "每权重 1 字节"},
    {"a lone request, simulated", "单请求仿真"},
    {"adapters: 1 % of the parameters", "适配器：参数量的 1%"},
    {"advice on the appliance", "机型建议"},
    {"all parameters", "全参数"},
    {"as other prompt tokens", "同普通提示词"},
    {"as other prompt tokens: the list has no price for cached ones", "同普通提示词（价目表无缓存价）"},
    {"as stored", "按文件存储"},
    {"assumption", "假设"},
    {"catalogue", "参数库"},
    {"default", "默认值"},
    {"default of vLLM for large cards", "vLLM 大卡默认值"},
    {"given", "方案输入"},
    {"given, or the local share rounded up", "给定值，或按本地占比向上取整"},
    {"load", "负载"},
    {"measured on an H100 with CUDA 13", "在 H100（CUDA 13）上实测"},
    {"model", "模型结构"},
    {"model, dense layers aside", "模型结构（稠密层除外）"},
    {"none was given", "未给出"},
    {"not known", "未知"},
    {"of the transfer", "传输过程"},
    {"offer", "报价"},
    {"scenario", "方案输入"},
    {"sizing", "容量测算"},
    {"tensor types of the file", "文件中的张量类型"},
    {"the fleet", "集群测算"},
    {"the horizon", "测算期"},
    {"the replica's step times", "副本步时模型"},
    {"training plan", "训练计划"},
    {"user class of the catalogue", "参数库用户档位"},
    {"user class of the catalogue; 1 without one", "参数库用户档位，缺省为 1"},
};

constexpr std::string_view kHouse = "guidance of this project", kHouseZh = "本项目经验值";

const Pair* find(const auto& table, std::string_view english) {
  const auto at = std::ranges::find(table, english, &Pair::first);
  return at == std::end(table) ? nullptr : &*at;
}

/// "given; default 0.6, guidance of this project", "default 8 unless given".
std::optional<std::string> defaulted(std::string_view source) {
  constexpr std::string_view kGiven = "given; default ", kUnless = " unless given", kDefault = "default ", kByHouse = ", guidance of this project";
  if (source.starts_with(kGiven)) {
    auto value = source.substr(kGiven.size());
    const bool house = value.ends_with(kByHouse);
    if (house) value.remove_suffix(kByHouse.size());
    return "给定值，默认 " + std::string(value) + (house ? "，" + std::string(kHouseZh) : "");
  }
  if (source.starts_with(kDefault) && source.ends_with(kUnless)) return "给定值，默认 " + std::string(source.substr(kDefault.size(), source.size() - kDefault.size() - kUnless.size()));
  return std::nullopt;
}

bool in_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

/// With each name in Chinese, the longest that fits; nothing when a word is no name.
std::optional<std::string> composed(std::string_view formula) {
  static constexpr std::string_view kAsTheyAre[] = {"max", "min"};
  std::string out;
  while (!formula.empty()) {
    if (!in_word(formula.front()) || (formula.front() >= '0' && formula.front() <= '9')) {
      // Numbers such as 1e9 and 10^6 go on to their end.
      std::size_t end = 1;
      if (in_word(formula.front()))
        while (end < formula.size() && in_word(formula[end])) ++end;
      out += formula.substr(0, end);
      formula.remove_prefix(end);
      continue;
    }
    const auto fits = [&](std::string_view name) { return formula.starts_with(name) && (formula.size() == name.size() || !in_word(formula[name.size()])); };
    const Pair* longest = nullptr;
    for (const auto& one : kNames)
      if (fits(one.first) && (longest == nullptr || one.first.size() > longest->first.size())) longest = &one;
    const auto same = std::ranges::find_if(kAsTheyAre, fits);
    if (longest == nullptr && same == std::end(kAsTheyAre)) return std::nullopt;
    out += longest == nullptr ? *same : longest->second;
    formula.remove_prefix(longest == nullptr ? same->size() : longest->first.size());
  }
  return out;
}

std::string chinese(const std::string& english) {
  if (const auto* sentence = find(kSentences, english)) return std::string(sentence->second);
  if (const auto* name = find(kNames, english)) return std::string(name->second);
  if (auto text = defaulted(english)) return *std::move(text);
  // A remark behind the house's own guidance says no more of where it is from.
  if (english.starts_with(kHouse) && english.find(';') == std::string::npos) return std::string(kHouseZh);
  return composed(english).value_or(english);
}

}  // namespace

Phrase::Phrase(std::string english) : en(std::move(english)), zh(chinese(en)) {}

}  // namespace siyu::planner
