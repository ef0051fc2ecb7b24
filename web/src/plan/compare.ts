import { type Language, translator, type Word } from "../i18n";
import { cardBytes } from "./figures";
import type { Plan } from "./types";
import { currency, human, monthWord } from "./units";

export interface Row {
  word: Word;
  figure?: string;
  texts: (string | undefined)[];
  differs: boolean;
  best: number[];
}
export interface Group {
  word: Word;
  rows: Row[];
}

interface Line {
  word: Word;
  figure?: string;
  of(plan: Plan): number | string | undefined;
  show?(value: number, plan: Plan): string;
  better?: "less" | "more";
}

/** Places of the best values, when they are not all the same; a plan without a value takes no part. */
function bestOf(values: (number | string | undefined)[], better: Line["better"]): number[] {
  const numbers = values.filter((value): value is number => typeof value === "number");
  if (!better || numbers.length < 2 || numbers.every((value) => value === numbers[0])) return [];
  const best = better === "less" ? Math.min(...numbers) : Math.max(...numbers);
  return values.flatMap((value, index) => (value === best ? [index] : []));
}

/** Plans side by side. Amounts in different currencies are shown and not compared. */
export function compared(plans: Plan[], language: Language): Group[] {
  const t = translator(language);
  const sameMoney = new Set(plans.map((plan) => plan.cost.currency)).size <= 1;
  const money = (word: Word, figure: string, of: Line["of"]): Line => ({
    word,
    figure,
    of,
    show: (value, plan) => currency(value, plan.cost.currency, language),
    better: sameMoney ? "less" : undefined,
  });
  const plain = (unit: string) => (value: number) => human(value, unit, language);
  const today = (plan: Plan) => plan.fleet.years[0]?.at_peak;
  const chosen = (plan: Plan) => plan.hardware.find((option) => option.chosen);
  const groups: [Word, Line[]][] = [
    [
      "planScenario",
      [
        { word: "planModel", of: (plan) => plan.model },
        { word: "planWeights", of: (plan) => plan.weights },
        { word: "planDaily", of: (plan) => plan.scenario.users?.daily_active, show: plain("") },
        { word: "planPeakRate", figure: "fleet.year0.rate", of: (plan) => plan.fleet.peak_requests_per_s, show: plain("requests/s") },
        { word: "planTokensPer", of: (plan) => `${Math.round(plan.fleet.mean_prompt)} → ${Math.round(plan.fleet.mean_output)}` },
      ],
    ],
    [
      "planHardware",
      [
        { word: "planCard", of: (plan) => plan.accelerator },
        { word: "planCardsPerReplica", figure: "plan.cards_per_replica", of: (plan) => plan.split.tensor * plan.split.pipeline, show: plain("") },
        { word: "replicas", figure: "plan.replicas", of: (plan) => plan.replicas, show: plain(""), better: "less" },
        { word: "planCards", figure: "plan.cards", of: (plan) => plan.cards, show: plain(""), better: "less" },
        { word: "planServers", figure: "fleet.year0.servers", of: (plan) => plan.servers, show: plain(""), better: "less" },
        { word: "planPower", of: (plan) => chosen(plan)?.power_w || undefined, show: plain("W"), better: "less" },
        { word: "planMemoryOfCard", figure: "memory.total", of: (plan) => plan.memory.total, show: plain("B") },
        {
          word: "planOfCard",
          figure: "plan.memory_share",
          of: (plan) => {
            const room = cardBytes(plan);
            return room && Math.round((1000 * plan.memory.total) / room) / 10;
          },
          show: (value) => `${value}%`,
        },
      ],
    ],
    [
      "planSpeed",
      [
        { word: "planFirstTokenP95", figure: "plan.ttft", of: (plan) => today(plan)?.ttft_p95_s, show: plain("s"), better: "less" },
        {
          word: "planPerTokenP95",
          figure: "plan.tpot",
          of: (plan) => {
            const peak = today(plan);
            return peak && peak.tpot_p95_ms / 1000;
          },
          show: plain("s"),
          better: "less",
        },
        { word: "planOneAnswer", figure: "speed.decode", of: (plan) => plan.speed.decode_tokens_per_s, show: plain("tokens/s"), better: "more" },
        { word: "planReplicaMost", figure: "speed.saturated", of: (plan) => plan.speed.saturated.output_tokens_per_s, show: plain("tokens/s"), better: "more" },
      ],
    ],
    [
      "planCost",
      [
        money("planOwn", "on_premise.total", (plan) => plan.cost.on_premise.total.base),
        money("planCloud", "cloud.total", (plan) => plan.cost.cloud.total.base),
        money("planHybrid", "hybrid.total", (plan) => plan.cost.hybrid.total.base),
        money("planPerMillion", "on_premise.per_million_tokens", (plan) => plan.cost.on_premise.per_million_tokens),
        {
          word: "planBreakEven",
          figure: "break_even_month",
          of: (plan) => plan.cost.break_even_month ?? (plan.cost.advantage === undefined ? undefined : t("planNever")),
          show: (value) => monthWord(value, t),
          better: "less",
        },
        { word: "planOpenPrices", of: (plan) => plan.cost.missing.length, show: plain(""), better: "less" },
      ],
    ],
    [
      "planAdvice",
      [
        { word: "planAdvisedMode", of: (plan) => plan.advice.mode.ranking.find((one) => one.mode === plan.advice.mode.mode)?.name[language] },
        { word: "planAppliance", of: (plan) => plan.advice.tier.tier_name[language] || undefined },
        { word: "planHighRisks", of: (plan) => plan.advice.risks.filter((risk) => risk.severity === "high").length, show: plain(""), better: "less" },
      ],
    ],
  ];
  return groups.map(([word, lines]) => ({
    word,
    rows: lines.map((line) => {
      const values = plans.map((plan) => line.of(plan));
      const texts = values.map((value, index) => (typeof value === "number" ? (line.show?.(value, plans[index]) ?? String(value)) : value));
      return { word: line.word, figure: line.figure, texts, differs: new Set(texts).size > 1, best: bestOf(values, line.better) };
    }),
  }));
}
