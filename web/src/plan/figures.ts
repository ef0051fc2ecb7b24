import type { Figure, HardwareOption, Input, Plan } from "./types";

const words = (zh: string, en: string) => ({ zh, en });

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
      formula: "today",
      inputs: [figureInput("today", today?.replicas ?? 0, "replicas", "fleet.year0.replicas")],
    },
    {
      id: "plan.cards",
      label: words("卡数", "Cards"),
      value: plan.cards,
      unit: "cards",
      formula: "replicas × tensor × pipeline",
      inputs: [
        figureInput("replicas", plan.replicas, "replicas", "plan.replicas"),
        { name: "tensor", value: plan.split.tensor, unit: "cards", source: "fewest cards that hold a replica and meet the goals" },
        { name: "pipeline", value: plan.split.pipeline, unit: "", source: "fewest cards that hold a replica and meet the goals" },
      ],
    },
    {
      id: "plan.cards_per_replica",
      label: words("每副本卡数", "Cards of a replica"),
      value: perReplica,
      unit: "cards",
      formula: "tensor × pipeline",
      inputs: [
        { name: "tensor", value: plan.split.tensor, unit: "", source: "chosen by the planner" },
        { name: "pipeline", value: plan.split.pipeline, unit: "", source: "chosen by the planner" },
      ],
    },
  ];
  const peak = today?.at_peak;
  if (peak) {
    const simulated = (id: string, label: Figure["label"], value: number, unit: string, formula: string, ...more: Input[]): Figure => ({
      id,
      label,
      value,
      unit,
      formula,
      inputs: [
        figureInput("replicas", today.needed, "replicas", "fleet.year0.needed"),
        figureInput("rate", peak.requests_per_s, "requests/s", "fleet.year0.rate"),
        ...more,
      ],
      note: plan.fleet.confidence,
    });
    const percentile = "95th percentile over the simulated requests at the peak";
    all.push(
      simulated("plan.ttft", words("首词元时延 p95（峰值）", "First token, p95 at the peak"), peak.ttft_p95_s, "s", percentile, figureInput("alone", plan.fleet.alone_ttft_p95_s, "s", "fleet.alone_ttft")),
      simulated("plan.tpot", words("每词元时延 p95（峰值）", "Time per token, p95 at the peak"), peak.tpot_p95_ms / 1000, "s", percentile, figureInput("alone", plan.fleet.alone_tpot_p95_ms, "ms", "fleet.alone_tpot")),
      simulated("plan.throughput", words("峰值输出速度", "Output at the peak"), peak.output_tokens_per_s, "tokens/s", "tokens answered / time, simulated at the peak"),
      simulated(
        "plan.utilisation",
        words("峰值利用率", "Utilisation at the peak"),
        peak.utilisation * 100,
        "%",
        "time with a step under way / time, simulated at the peak",
      ),
      simulated(
        "plan.concurrency",
        words("峰值在途请求", "Requests in flight at the peak"),
        peak.concurrency,
        "requests",
        "mean number of requests in the simulated fleet",
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
      formula: "100 × total / memory",
      inputs: [figureInput("total", plan.memory.total, "B", "memory.total"), room],
    });
  for (const option of plan.hardware) if (!option.why_not) all.push(...optionFigures(option, plan.cost.currency));
  const { criteria, ranking } = plan.advice.mode;
  for (const one of ranking)
    all.push({
      id: `mode.${one.mode}`,
      label: words(`${one.name.zh}：得分`, `${one.name.en}: score`),
      value: one.score,
      unit: "",
      formula: "Σ weight × score, over the criteria",
      inputs: criteria.map((each) => ({
        name: each.criterion,
        value: each.contributions[one.mode],
        unit: "",
        source: `${Math.round(each.weight * 100)} % × ${each.scores[one.mode].toFixed(0)}`,
      })),
    });
  return all;
}

const figureInput = (name: string, value: number, unit: string, figure: string): Input => ({ name, value, unit, figure });

function optionFigures(option: HardwareOption, code: string): Figure[] {
  const id = (name: string) => `hardware.${option.accelerator}.${name}`;
  const simulated = "discrete-event simulation of the fleet at its peak (catalogue figures of the card, efficiency fitted to published speeds)";
  const cards = (option.split?.tensor ?? 1) * (option.split?.pipeline ?? 1);
  const label = (zh: string, en: string) => words(`${option.accelerator}：${zh}`, `${option.accelerator}: ${en}`);
  const all: Figure[] = [
    {
      id: id("replicas"),
      label: label("副本数（含冗余）", "replicas, with spare"),
      value: option.replicas,
      unit: "replicas",
      formula: "fewest that meet the goals, and spare",
      inputs: [{ name: "simulation", value: option.replicas, unit: "replicas", source: simulated }],
    },
    {
      id: id("cards"),
      label: label("卡数", "cards"),
      value: option.cards,
      unit: "cards",
      formula: "replicas × cards_per_replica",
      inputs: [
        figureInput("replicas", option.replicas, "replicas", id("replicas")),
        { name: "cards_per_replica", value: cards, unit: "cards", source: "fewest cards that hold the model and meet the goals" },
      ],
    },
    {
      id: id("ttft"),
      label: label("首词元 p95", "first token, p95"),
      value: option.ttft_p95_s,
      unit: "s",
      formula: "95th percentile over the simulated requests",
      inputs: [{ name: "simulation", value: option.ttft_p95_s, unit: "s", source: simulated }],
    },
    {
      id: id("tpot"),
      label: label("每词元 p95", "per token, p95"),
      value: option.tpot_p95_ms / 1000,
      unit: "s",
      formula: "95th percentile over the simulated requests",
      inputs: [{ name: "simulation", value: option.tpot_p95_ms / 1000, unit: "s", source: simulated }],
    },
    {
      id: id("utilisation"),
      label: label("峰值利用率", "utilisation at the peak"),
      value: option.utilisation * 100,
      unit: "%",
      formula: "busy time / time",
      inputs: [{ name: "simulation", value: option.utilisation * 100, unit: "%", source: simulated }],
    },
  ];
  if (option.purchase !== undefined)
    all.push({
      id: id("purchase"),
      label: label("卡价", "price of the cards"),
      value: option.purchase,
      unit: code,
      formula: "cards × price",
      inputs: [
        figureInput("cards", option.cards, "cards", id("cards")),
        { name: "price", value: option.purchase / Math.max(1, option.cards), unit: `${code}/card`, source: "given, or the middle of the catalogue's range" },
      ],
    });
  if (option.power_w > 0)
    all.push({
      id: id("power"),
      label: label("卡额定功耗", "rated power of the cards"),
      value: option.power_w,
      unit: "W",
      formula: "cards × power",
      inputs: [
        figureInput("cards", option.cards, "cards", id("cards")),
        { name: "power", value: option.power_w / Math.max(1, option.cards), unit: "W", source: "catalogue" },
      ],
    });
  return all;
}

/** The memory of one of the chosen cards, as the speed was reckoned with. */
const cardMemory = (plan: Plan) => plan.speed.figures.find((figure) => figure.id === "speed.kv_room")?.inputs.find((input) => input.name === "memory");
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
