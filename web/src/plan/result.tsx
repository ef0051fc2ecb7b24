import { Segmented } from "antd";
import { useState } from "react";
import { useSetting, type Word } from "../i18n";
import { AdvicePart } from "./advice";
import { CostChart, LatencyCharts, LoadCharts, MemoryChart, ReplicasChart, Tornado } from "./charts";
import { CostTable } from "./cost";
import { type Sheet, sheetsOf } from "./figures";
import { HardwarePart } from "./hardware";
import { Num } from "./number";
import type { Plan } from "./types";
import { currency, human, monthWord, unitWord } from "./units";

type Part = "overview" | "hardware" | "speed" | "cost" | "advice" | "basis";
const partWords: [Part, Word][] = [
  ["overview", "planOverview"],
  ["hardware", "planHardware"],
  ["speed", "planSpeed"],
  ["cost", "planCost"],
  ["advice", "planAdvice"],
  ["basis", "planBasis"],
];

function Headline({ plan, give }: { plan: Plan; give(step: number): void }) {
  const { t, language } = useSetting();
  const today = plan.fleet.years[0];
  const { cost } = plan;
  const perMillion = cost.on_premise.per_million_tokens;
  const seconds = (value: number) => human(value, "s", language);
  const goal = plan.fleet.goals.ttft_p95_s;
  const ask = (
    <button type="button" className="text-button" onClick={() => give(4)}>
      {t("planGivePrices")}
    </button>
  );
  const cards: { name: string; value: React.ReactNode; more: React.ReactNode }[] = [
    {
      name: t("planSize"),
      value: (
        <>
          <Num id="plan.replicas">{plan.replicas}</Num> × <Num id="plan.cards_per_replica">{plan.split.tensor * plan.split.pipeline}</Num>
        </>
      ),
      more: t("planSizeMore", { cards: plan.cards, card: plan.accelerator, servers: plan.servers }),
    },
    { name: t("planMemoryOfCard"), value: <Num id="memory.total" />, more: <Num id="plan.memory_share" /> },
    {
      name: t("planFirstTokenP95"),
      value: <Num id="plan.ttft">{today && seconds(today.at_peak.ttft_p95_s)}</Num>,
      more: goal !== undefined && t("planGoalIs", { goal: seconds(goal) }),
    },
    {
      name: t("planOutputSpeed"),
      value: <Num id="plan.throughput">{today && human(today.at_peak.output_tokens_per_s, "", language)}</Num>,
      more: (
        <>
          {unitWord("tokens/s", language)} · {t("planOneAnswer")} <Num id="speed.decode" />
        </>
      ),
    },
    {
      name: t("planPerMillion"),
      value: <Num id="on_premise.per_million_tokens">{perMillion === undefined ? t("planUnknown") : currency(perMillion, cost.currency, language)}</Num>,
      more:
        perMillion === undefined ? (
          ask
        ) : (
          <>
            {t("planCloud")}{" "}
            <Num id="cloud.per_million_tokens">
              {cost.cloud.per_million_tokens === undefined ? t("planUnknown") : currency(cost.cloud.per_million_tokens, cost.currency, language)}
            </Num>
          </>
        ),
    },
    {
      name: t("planBreakEven"),
      value: (
        <Num id="break_even_month">
          {cost.break_even_month === undefined ? (cost.advantage === undefined ? t("planUnknown") : t("planNever")) : monthWord(cost.break_even_month, t)}
        </Num>
      ),
      more: cost.break_even[language],
    },
  ];
  return (
    <div className="grid figures headline">
      {cards.map((card) => (
        <div className="figure" key={card.name}>
          <span className="soft">{card.name}</span>
          <b>{card.value}</b>
          <small className="soft">{card.more}</small>
        </div>
      ))}
    </div>
  );
}

/** What was not given and what stands in its place, and what is not known at all. */
function Open({ plan, give }: { plan: Plan; give(step: number): void }) {
  const { t, language } = useSetting();
  const assumptions = [...plan.assumptions, ...plan.advice.mode.assumptions];
  const missing = plan.cost.missing.filter((one, index, all) => all.findIndex((each) => each.what.en === one.what.en) === index); // one price for input and output is asked for once
  const doubts = plan.hardware.filter((option) => option.chosen).flatMap((option) => option.doubts);
  return (
    <section className="sheet open-points">
      <h3>{t("planOpenPoints")}</h3>
      {missing.length > 0 && (
        <div>
          <h4>
            <span className="tag unknown">{t("planUnknown")}</span>
          </h4>
          <ul>
            {missing.map((one) => (
              <li key={one.input}>
                <button type="button" className="text-button" onClick={() => give(4)}>
                  {one.what[language]}
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
      {assumptions.length > 0 && (
        <div>
          <h4>
            <span className="tag">{t("planAssumed")}</span>
          </h4>
          <ul>
            {assumptions.map((one) => (
              <li key={one.en}>{one[language]}</li>
            ))}
          </ul>
        </div>
      )}
      {doubts.length > 0 && (
        <div>
          <h4>
            <span className="tag doubt">{t("planDoubtful")}</span>
          </h4>
          <ul>
            {doubts.map((one) => (
              <li key={one.en}>{one[language]}</li>
            ))}
          </ul>
        </div>
      )}
      {plan.advice.missing.length > 0 && (
        <div>
          <h4>
            <span className="tag">{t("planPoorer")}</span>
          </h4>
          <ul>
            {plan.advice.missing.map((one) => (
              <li key={one.en}>{one[language]}</li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}

function Notes({ plan }: { plan: Plan }) {
  const { language } = useSetting();
  const all = [...plan.fleet.warnings, ...plan.speed.notes, ...plan.cost.notes];
  return all.length === 0 ? null : (
    <ul className="sheet notes">
      {all.map((one) => (
        <li key={one.en}>{one[language]}</li>
      ))}
    </ul>
  );
}

const sheetWords: Record<Sheet["name"], Word> = {
  plan: "planTitle",
  memory: "planCardMemory",
  speed: "planSpeed",
  fleet: "planFleet",
  cost: "planCost",
  advice: "planAdvice",
  quality: "planQuality",
};

/** All figures of the plan, to look through. */
function Basis({ plan }: { plan: Plan }) {
  const { t, language } = useSetting();
  const seen = new Set<string>(); // what the speed was reckoned with stands under memory already
  const sheets = sheetsOf(plan).map((sheet) => ({ ...sheet, figures: sheet.figures.filter((figure) => !seen.has(figure.id) && seen.add(figure.id)) }));
  return sheets.map((sheet) => (
    <details key={sheet.name} className="sheet basis" open={sheet.name === "memory"}>
      <summary>
        <b>{t(sheetWords[sheet.name])}</b> <span className="soft digits">{sheet.figures.length}</span>
      </summary>
      <div className="wide-table">
        <table>
          <thead>
            <tr>
              <th>{t("name")}</th>
              <th>{t("planValue")}</th>
              <th>{t("planFormula")}</th>
            </tr>
          </thead>
          <tbody>
            {sheet.figures.map((figure) => (
              <tr key={figure.id} className={figure.value === undefined ? "not-known" : ""}>
                <td>{figure.label[language]}</td>
                <td className="value">
                  <Num id={figure.id}>{figure.value === undefined ? t("planUnknown") : human(figure.value, figure.unit, language)}</Num>
                </td>
                <td>
                  <code>{figure.formula[language]}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  ));
}

export function Result({ plan, give }: { plan: Plan; give(step: number): void }) {
  const { t, language } = useSetting();
  const [part, setPart] = useState<Part>("overview");
  return (
    <>
      <Headline plan={plan} give={give} />
      <div className="strip">
        <Segmented<Part> value={part} onChange={setPart} options={partWords.map(([value, word]) => ({ value, label: t(word) }))} />
      </div>
      {part === "overview" && (
        <>
          <div className="charts">
            <MemoryChart plan={plan} />
            <ReplicasChart plan={plan} />
            <LatencyCharts plan={plan} />
          </div>
          <div className="gap">
            <CostChart plan={plan} />
          </div>
          <Open plan={plan} give={give} />
          <Notes plan={plan} />
        </>
      )}
      {part === "hardware" && <HardwarePart plan={plan} />}
      {part === "speed" && (
        <>
          <p className="soft">{plan.fleet.confidence[language]}</p>
          <div className="charts">
            <LatencyCharts plan={plan} />
            <LoadCharts plan={plan} />
          </div>
        </>
      )}
      {part === "cost" && (
        <>
          <div className="stacked">
            <CostChart plan={plan} />
            {plan.cost.advantage !== undefined && <Tornado sensitivities={plan.cost.sensitivities} base={plan.cost.advantage} code={plan.cost.currency} />}
          </div>
          <CostTable plan={plan} />
          <Open plan={plan} give={give} />
        </>
      )}
      {part === "advice" && <AdvicePart plan={plan} />}
      {part === "basis" && <Basis plan={plan} />}
    </>
  );
}
