import type { Figure, HardwareOption, Input, Plan, Words } from "./types";

const words = (zh: string, en: string): Words => ({ zh, en });
const same = (text: string) => words(text, text);

const kToday = words("当前", "today");
const kReplicas = words("副本数", "replicas");
const kTensor = words("张量并行", "tensor");
const kPipeline = words("流水线并行", "pipeline");
const kFewest = words("能容纳一个副本并满足目标的最少卡数", "fewest cards that hold a replica and meet the goals");

/** Numbers of a plan that are made of other figures here, so that they too can be asked where they come from. */
function derived(plan: Plan): Figure[] {
  const today = plan.fleet.years[0];
  const perReplica = plan.split.tensor * plan.split.pipeline;
  const all: Figure[] = [
    {
      id: "plan.replicas",
      label: words("副本数（含冗余）", "Replicas, with spare"),
      value: plan.replicas,
      unit: "replicas",
      formula: kToday,
      inputs: [figureInput(kToday, today?.replicas ?? 0, "replicas", "fleet.year0.replicas")],
    },
    {
      id: "plan.cards",
      label: words("卡数", "Cards"),
      value: plan.cards,
      unit: "cards",
      formula: words("副本数 × 张量并行 × 流水线并行", "replicas × tensor × pipeline"),
      inputs: [
        figureInput(kReplicas, plan.replicas, "replicas", "plan.replicas"),
        { name: kTensor, value: plan.split.tensor, unit: "cards", source: kFewest },
        { name: kPipeline, value: plan.split.pipeline, unit: "", source: kFewest },
      ],
    },
    {
      id: "plan.cards_per_replica",
      label: words("每副本卡数", "Cards of a replica"),
      value: perReplica,
      unit: "cards",
      formula: words("张量并行 × 流水线并行", "tensor × pipeline"),
      inputs: [
        { name: kTensor, value: plan.split.tensor, unit: "", source: words("由规划选定", "chosen by the planner") },
        { name: kPipeline, value: plan.split.pipeline, unit: "", source: words("由规划选定", "chosen by the planner") },
      ],
    },
  ];
  const peak = today?.at_peak;
  if (peak) {
    const simulated = (id: string, label: Figure["label"], value: number, unit: string, formula: Words, ...more: Input[]): Figure => ({
      id,
      label,
      value,
      unit,
      formula,
      inputs: [
        figureInput(kReplicas, today.needed, "replicas", "fleet.year0.needed"),
        figureInput(words("请求速率", "rate"), peak.requests_per_s, "requests/s", "fleet.year0.rate"),
        ...more,
      ],
      note: plan.fleet.confidence,
    });
    const percentile = words("峰值仿真请求的第 95 百分位", "95th percentile over the simulated requests at the peak");
    all.push(
      simulated("plan.ttft", words("首词元时延 p95（峰值）", "First token, p95 at the peak"), peak.ttft_p95_s, "s", percentile, figureInput(words("单请求", "alone"), plan.fleet.alone_ttft_p95_s, "s", "fleet.alone_ttft")),
      simulated("plan.tpot", words("每词元时延 p95（峰值）", "Time per token, p95 at the peak"), peak.tpot_p95_ms / 1000, "s", percentile, figureInput(words("单请求", "alone"), plan.fleet.alone_tpot_p95_ms, "ms", "fleet.alone_tpot")),
      simulated("plan.throughput", words("峰值输出速度", "Output at the peak"), peak.output_tokens_per_s, "tokens/s", words("峰值仿真：输出词元数 / 时间", "tokens answered / time, simulated at the peak")),
      simulated(
        "plan.utilisation",
        words("峰值利用率", "Utilisation at the peak"),
        peak.utilisation * 100,
        "%",
        words("峰值仿真：计算中的时间 / 总时间", "time with a step under way / time, simulated at the peak"),
      ),
      simulated(
        "plan.concurrency",
        words("峰值在途请求", "Requests in flight at the peak"),
        peak.concurrency,
        "requests",
        words("仿真集群中的平均请求数", "mean number of requests in the simulated fleet"),
      ),
    );
  }
  const room = cardMemory(plan);
  if (room?.value)
    all.push({
      id: "plan.memory_share",
      label: words("单卡显存占用率", "Share of a card's memory"),
      value: (100 * plan.memory.total) / room.value,
      unit: "%",
      formula: words("100 × 合计 / 显存", "100 × total / memory"),
      inputs: [figureInput(words("合计", "total"), plan.memory.total, "B", "memory.total"), room],
    });
  for (const option of plan.hardware) if (!option.why_not) all.push(...optionFigures(option, plan.cost.currency));
  const { criteria, ranking } = plan.advice.mode;
  for (const one of ranking)
    all.push({
      id: `mode.${one.mode}`,
      label: words(`${one.name.zh}：得分`, `${one.name.en}: score`),
      value: one.score,
      unit: "",
      formula: words("Σ 权重 × 得分（各准则）", "Σ weight × score, over the criteria"),
      inputs: criteria.map((each) => ({
        name: each.name,
        value: each.contributions[one.mode],
        unit: "",
        source: same(`${Math.round(each.weight * 100)} % × ${each.scores[one.mode].toFixed(0)}`),
      })),
    });
  return all;
}

const figureInput = (name: Words, value: number, unit: string, figure: string): Input => ({ name, value, unit, figure });

function optionFigures(option: HardwareOption, code: string): Figure[] {
  const id = (name: string) => `hardware.${option.accelerator}.${name}`;
  const simulated = words("集群峰值离散事件仿真（卡的参数取自目录，效率系数见“速度”各数据的出处）", "discrete-event simulation of the fleet at its peak (catalogue figures of the card, for the shares that are reached see where the speeds are from)");
  const cards = (option.split?.tensor ?? 1) * (option.split?.pipeline ?? 1);
  const label = (zh: string, en: string) => words(`${option.accelerator}：${zh}`, `${option.accelerator}: ${en}`);
  const all: Figure[] = [
    {
      id: id("replicas"),
      label: label("副本数（含冗余）", "replicas, with spare"),
      value: option.replicas,
      unit: "replicas",
      formula: words("满足目标的最少副本数加冗余", "fewest that meet the goals, and spare"),
      inputs: [{ name: words("仿真", "simulation"), value: option.replicas, unit: "replicas", source: simulated }],
    },
    {
      id: id("cards"),
      label: label("卡数", "cards"),
      value: option.cards,
      unit: "cards",
      formula: words("副本数 × 每副本卡数", "replicas × cards_per_replica"),
      inputs: [
        figureInput(kReplicas, option.replicas, "replicas", id("replicas")),
        { name: words("每副本卡数", "cards_per_replica"), value: cards, unit: "cards", source: kFewest },
      ],
    },
    {
      id: id("ttft"),
      label: label("首词元 p95", "first token, p95"),
      value: option.ttft_p95_s,
      unit: "s",
      formula: words("仿真请求的第 95 百分位", "95th percentile over the simulated requests"),
      inputs: [{ name: words("仿真", "simulation"), value: option.ttft_p95_s, unit: "s", source: simulated }],
    },
    {
      id: id("tpot"),
      label: label("每词元 p95", "per token, p95"),
      value: option.tpot_p95_ms / 1000,
      unit: "s",
      formula: words("仿真请求的第 95 百分位", "95th percentile over the simulated requests"),
      inputs: [{ name: words("仿真", "simulation"), value: option.tpot_p95_ms / 1000, unit: "s", source: simulated }],
    },
    {
      id: id("utilisation"),
      label: label("峰值利用率", "utilisation at the peak"),
      value: option.utilisation * 100,
      unit: "%",
      formula: words("忙碌时间 / 总时间", "busy time / time"),
      inputs: [{ name: words("仿真", "simulation"), value: option.utilisation * 100, unit: "%", source: simulated }],
    },
  ];
  if (option.purchase !== undefined)
    all.push({
      id: id("purchase"),
      label: label("卡价", "price of the cards"),
      value: option.purchase,
      unit: code,
      formula: words("卡数 × 单价", "cards × price"),
      inputs: [
        figureInput(words("卡数", "cards"), option.cards, "cards", id("cards")),
        { name: words("单价", "price"), value: option.purchase / Math.max(1, option.cards), unit: `${code}/card`, source: words("给定值，或目录价格区间的中值", "given, or the middle of the catalogue's range") },
      ],
    });
  if (option.power_w > 0)
    all.push({
      id: id("power"),
      label: label("卡额定功耗", "rated power of the cards"),
      value: option.power_w,
      unit: "W",
      formula: words("卡数 × 单卡功耗", "cards × power"),
      inputs: [
        figureInput(words("卡数", "cards"), option.cards, "cards", id("cards")),
        { name: words("单卡功耗", "power"), value: option.power_w / Math.max(1, option.cards), unit: "W", source: words("参数库", "catalogue") },
      ],
    });
  return all;
}

/** The memory of one of the chosen cards, as the speed was reckoned with. */
const cardMemory = (plan: Plan) => plan.speed.figures.find((figure) => figure.id === "speed.kv_room")?.inputs.find((input) => input.name.en === "memory");
export const cardBytes = (plan: Plan) => cardMemory(plan)?.value;

export interface Sheet {
  name: "memory" | "speed" | "fleet" | "cost" | "advice" | "quality" | "plan";
  figures: Figure[];
}

export function sheetsOf(plan: Plan): Sheet[] {
  return [
    { name: "plan", figures: derived(plan) },
    { name: "memory", figures: plan.memory.figures },
    { name: "speed", figures: plan.speed.figures },
    { name: "fleet", figures: plan.fleet.figures },
    { name: "cost", figures: plan.cost.figures },
    { name: "advice", figures: plan.advice.figures },
    { name: "quality", figures: plan.quality.figures },
  ];
}

/** Every figure under its id; where a later sheet has another value under it, that one stands under the sheet's name too. */
export function indexOf(sheets: Sheet[]): Map<string, Figure> {
  const index = new Map<string, Figure>();
  for (const sheet of sheets) {
    // The speed was reckoned with a memory of its own: one request at once.
    const own = new Set(sheet.figures.filter((figure) => index.has(figure.id) && index.get(figure.id)!.value !== figure.value).map((figure) => figure.id));
    const key = (id: string) => (own.has(id) ? `${sheet.name}:${id}` : id);
    for (const figure of sheet.figures) {
      if (index.has(key(figure.id))) continue;
      const inputs = own.size === 0 ? figure.inputs : figure.inputs.map((input) => (input.figure === undefined ? input : { ...input, figure: key(input.figure) }));
      index.set(key(figure.id), { ...figure, id: key(figure.id), inputs });
    }
  }
  return index;
}

/** A plan's figures among those of others: under a number and a bar, labelled with the plan's name. */
export function among(plan: Plan, place: number, name: string): Sheet {
  const id = (own: string) => `${place}|${own}`;
  const figures = [...indexOf(sheetsOf(plan)).values()].map((figure) => ({
    ...figure,
    id: id(figure.id),
    label: words(`${figure.label.zh} · ${name}`, `${figure.label.en} · ${name}`),
    inputs: figure.inputs.map((input) => (input.figure === undefined ? input : { ...input, figure: id(input.figure) })),
  }));
  return { name: "plan", figures };
}
