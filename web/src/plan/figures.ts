import type { Figure, HardwareOption, Input, Plan } from "./types";

const words = (zh: string, en: string) => ({ zh, en });

/** Numbers of a plan that are made of other figures here, so that they too can be asked where they come from. */
function derived(plan: Plan): Figure[] {
  const today = plan.fleet.years[0];
  const perReplica = plan.split.tensor * plan.split.pipeline;
  const all: Figure[] = [
    { id: "plan.replicas", label: words("副本数（含冗余）", "Replicas, with spare"), value: plan.replicas, unit: "replicas", formula: "max(needed + spare, failover)", inputs: [figureInput("needed", today?.needed ?? 0, "replicas", "fleet.year0.needed")] },
    {
      id: "plan.cards", label: words("卡数", "Cards"), value: plan.cards, unit: "cards", formula: "replicas × tensor × pipeline",
      inputs: [figureInput("replicas", plan.replicas, "replicas", "plan.replicas"), { name: "tensor", value: plan.split.tensor, unit: "cards", source: "fewest cards that hold a replica and meet the goals" }, { name: "pipeline", value: plan.split.pipeline, unit: "", source: "fewest cards that hold a replica and meet the goals" }],
    },
    { id: "plan.cards_per_replica", label: words("每副本卡数", "Cards of a replica"), value: perReplica, unit: "cards", formula: "tensor × pipeline", inputs: [{ name: "tensor", value: plan.split.tensor, unit: "", source: "chosen by the planner" }, { name: "pipeline", value: plan.split.pipeline, unit: "", source: "chosen by the planner" }] },
  ];
  const room = cardBytes(plan);
  if (room !== undefined)
    all.push({ id: "plan.memory_share", label: words("单卡显存占用率", "Share of a card's memory"), value: plan.memory.total / room, unit: "", formula: "total / memory", inputs: [figureInput("total", plan.memory.total, "B", "memory.total"), figureInput("memory", room, "B", "speed.kv_room")] });
  for (const option of plan.hardware) if (!option.why_not) all.push(...optionFigures(option));
  return all;
}

const figureInput = (name: string, value: number, unit: string, figure: string): Input => ({ name, value, unit, figure });

function optionFigures(option: HardwareOption): Figure[] {
  const id = (name: string) => `hardware.${option.accelerator}.${name}`;
  const simulated = "discrete-event simulation of the fleet at its peak (catalogue figures of the card, efficiency fitted to published speeds)";
  const cards = (option.split?.tensor ?? 1) * (option.split?.pipeline ?? 1);
  const label = (zh: string, en: string) => words(`${option.accelerator}：${zh}`, `${option.accelerator}: ${en}`);
  const all: Figure[] = [
    { id: id("replicas"), label: label("副本数（含冗余）", "replicas, with spare"), value: option.replicas, unit: "replicas", formula: "fewest that meet the goals, and spare", inputs: [{ name: "simulation", value: option.replicas, unit: "replicas", source: simulated }] },
    { id: id("cards"), label: label("卡数", "cards"), value: option.cards, unit: "cards", formula: "replicas × cards_per_replica", inputs: [figureInput("replicas", option.replicas, "replicas", id("replicas")), { name: "cards_per_replica", value: cards, unit: "cards", source: "fewest cards that hold the model and meet the goals" }] },
    { id: id("ttft"), label: label("首词元 p95", "first token, p95"), value: option.ttft_p95_s, unit: "s", formula: "95th percentile over the simulated requests", inputs: [{ name: "simulation", value: option.ttft_p95_s, unit: "s", source: simulated }] },
    { id: id("tpot"), label: label("每词元 p95", "per token, p95"), value: option.tpot_p95_ms / 1000, unit: "s", formula: "95th percentile over the simulated requests", inputs: [{ name: "simulation", value: option.tpot_p95_ms / 1000, unit: "s", source: simulated }] },
    { id: id("utilisation"), label: label("峰值利用率", "utilisation at the peak"), value: option.utilisation * 100, unit: "%", formula: "busy time / time", inputs: [{ name: "simulation", value: option.utilisation * 100, unit: "%", source: simulated }] },
  ];
  if (option.power_w > 0) all.push({ id: id("power"), label: label("卡额定功耗", "rated power of the cards"), value: option.power_w, unit: "W", formula: "cards × power", inputs: [figureInput("cards", option.cards, "cards", id("cards")), { name: "power", value: option.power_w / Math.max(1, option.cards), unit: "W", source: "catalogue" }] });
  return all;
}

/** The memory of one of the chosen cards, as the speed was reckoned with. */
export const cardBytes = (plan: Plan) => plan.speed.figures.find((figure) => figure.id === "speed.kv_room")?.inputs.find((input) => input.name === "memory")?.value;

export interface Sheet { name: "memory" | "speed" | "fleet" | "cost" | "advice" | "plan"; figures: Figure[] }

export function sheetsOf(plan: Plan): Sheet[] {
  return [
    { name: "plan", figures: derived(plan) }, { name: "memory", figures: plan.memory.figures }, { name: "speed", figures: plan.speed.figures },
    { name: "fleet", figures: plan.fleet.figures }, { name: "cost", figures: plan.cost.figures }, { name: "advice", figures: plan.advice.figures },
  ];
}

/** Every figure under its id; where two sheets have the same, the first one's stands. */
export function indexOf(sheets: Sheet[]): Map<string, Figure> {
  const index = new Map<string, Figure>();
  for (const sheet of sheets) for (const figure of sheet.figures) if (!index.has(figure.id)) index.set(figure.id, figure);
  return index;
}

/** The ids that a figure rests on, nearest first, each once: what a chain can be followed down to. */
export function chain(index: Map<string, Figure>, id: string): string[] {
  const found: string[] = [];
  const queue = [id];
  while (queue.length > 0) {
    const next = queue.shift()!;
    for (const input of index.get(next)?.inputs ?? []) {
      if (input.figure === undefined || input.figure === id || found.includes(input.figure) || !index.has(input.figure)) continue;
      found.push(input.figure);
      queue.push(input.figure);
    }
  }
  return found;
}
