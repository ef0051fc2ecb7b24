import { Chart, type Series } from "../chart/chart";
import { useSetting } from "../i18n";
import { numbersOf } from "../numbers";
import { cardBytes } from "./figures";
import { Num, useFigure } from "./number";
import type { Plan, Sensitivity } from "./types";
import { currency, human, monthWord } from "./units";

const parts = [
  ["weights", "planWeightsPart", 1],
  ["kv", "planKvPart", 2],
  ["activations", "planBuffersPart", 3],
  ["runtime", "planRuntimePart", 4],
] as const;

/** One card's memory: what lies in it, against what it has. */
export function MemoryBar({
  memory,
  room,
}: {
  memory: { weights: number; kv: number; activations: number; runtime: number; total: number; with_headroom: number };
  room?: number;
}) {
  const { t, language } = useSetting();
  const whole = Math.max(room ?? 0, memory.with_headroom);
  const share = (bytes: number) => `${(100 * bytes) / whole}%`;
  const text = parts.map(([key, word]) => `${t(word)} ${human(memory[key], "B", language)}`).join(", ");
  return (
    <div className="memory-bar">
      <div className="stack" role="img" aria-label={text}>
        {parts.map(([key, , colour]) => (
          <i key={key} className={`c${colour}`} style={{ width: share(memory[key]) }} />
        ))}
        {room !== undefined && room < whole && <u style={{ left: share(room) }} />}
      </div>
      <dl>
        {parts.map(([key, word, colour]) => (
          <div key={key}>
            <dt>
              <i className={`key c${colour}`} />
              {t(word)}
            </dt>
            <dd>
              <Num id={`memory.${key}`}>{human(memory[key], "B", language)}</Num>
            </dd>
          </div>
        ))}
        <div>
          <dt>{t("planTogether")}</dt>
          <dd>
            <Num id="memory.total">{human(memory.total, "B", language)}</Num>
          </dd>
        </div>
        {room !== undefined && (
          <div>
            <dt>{t("planOfCard")}</dt>
            <dd>
              <Num id="plan.memory_share">{numbersOf(language).percent(memory.total / room)}</Num> <span className="soft digits">/ {human(room, "B", language)}</span>
            </dd>
          </div>
        )}
      </dl>
    </div>
  );
}

export function MemoryChart({ plan }: { plan: Plan }) {
  const { t } = useSetting();
  return (
    <section className="sheet">
      <h3>
        {t("planMemoryOfCard")} <small className="soft">{plan.accelerator}</small>
      </h3>
      <MemoryBar memory={plan.memory} room={cardBytes(plan)} />
    </section>
  );
}

const ChartSheet = (props: React.ComponentProps<typeof Chart>) => (
  <div className="sheet">
    <Chart {...props} />
  </div>
);

/** Seconds over something, and the goal that they are held against where there is one. */
function SecondsChart({ title, labels, lines, goal }: { title: string; labels: string[]; lines: Series[]; goal?: number }) {
  const { t, language } = useSetting();
  const limit: Series[] = goal === undefined ? [] : [{ name: t("planGoal"), color: 4, dashed: true, values: labels.map(() => goal) }];
  return <ChartSheet kind="lines" title={title} labels={labels} format={(value) => human(value, "s", language)} series={[...lines, ...limit]} />;
}

/** How long the first token and each further one take, the more requests run on a replica at once. */
export function LatencyCharts({ plan }: { plan: Plan }) {
  const { t, language } = useSetting();
  const { short } = numbersOf(language);
  const { curve } = plan.speed;
  const { ttft_p95_s, tpot_p95_ms } = plan.fleet.goals;
  const labels = curve.map((point) => short(point.concurrency));
  return (
    <>
      <SecondsChart
        title={t("planTtftOverConcurrency")}
        labels={labels}
        lines={[{ name: t("planFirstToken"), color: 1, values: curve.map((point) => point.ttft_s) }]}
        goal={ttft_p95_s}
      />
      <SecondsChart
        title={t("planTpotOverConcurrency")}
        labels={labels}
        lines={[{ name: t("planPerToken"), color: 3, values: curve.map((point) => point.tpot_ms / 1000) }]}
        goal={tpot_p95_ms && tpot_p95_ms / 1000}
      />
    </>
  );
}

/** One replica from idle to full, by simulation: where the latency turns up. */
export function LoadCharts({ plan }: { plan: Plan }) {
  const { t, language } = useSetting();
  const { short } = numbersOf(language);
  const { by_load: load, by_replicas: replicas } = plan.fleet;
  const labels = load.map((point) => `${short(point.requests_per_s)} ${t("planPerSecond")}`);
  return (
    <>
      {load.length > 0 && (
        <>
          <SecondsChart
            title={t("planTtftOverLoad")}
            labels={labels}
            lines={[
              { name: "p50", color: 1, values: load.map((point) => point.ttft_p50_s) },
              { name: "p95", color: 2, values: load.map((point) => point.ttft_p95_s) },
              { name: "p99", color: 4, values: load.map((point) => point.ttft_p99_s) },
            ]}
          />
          <ChartSheet
            kind="lines"
            title={t("planThroughput")}
            labels={labels}
            format={short}
            series={[{ name: t("planTokensPerSecond"), color: 3, values: load.map((point) => point.output_tokens_per_s) }]}
          />
        </>
      )}
      {replicas.length > 1 && (
        <SecondsChart
          title={t("planTtftOverReplicas")}
          labels={replicas.map((point) => t("planReplicasCount", { count: point.replicas }))}
          lines={[{ name: "p95", color: 2, values: replicas.map((point) => point.ttft_p95_s) }]}
          goal={plan.fleet.goals.ttft_p95_s}
        />
      )}
    </>
  );
}

export function ReplicasChart({ plan }: { plan: Plan }) {
  const { t, language } = useSetting();
  const { count } = numbersOf(language);
  const years = plan.fleet.years;
  const labels = years.map((year) => (year.year === 0 ? t("planToday") : t("planYear", { year: year.year })));
  return (
    <ChartSheet
      kind="stacks"
      title={t("planReplicasOverYears")}
      labels={labels}
      format={count}
      series={[
        { name: t("planNeeded"), color: 1, values: years.map((year) => year.needed) },
        { name: t("planSpare"), color: 2, values: years.map((year) => year.replicas - year.needed) },
      ]}
    />
  );
}

/** What has been paid by the end of each month; from the mark on, owning has cost no more than the cloud. */
export function CostChart({ plan }: { plan: Plan }) {
  const { t, language } = useSetting();
  const { cost } = plan;
  const line = (name: string, color: Series["color"], all: (number | null)[]): Series => ({ name, color, values: all.map((value) => value ?? undefined) });
  const series = [line(t("planOwn"), 1, cost.on_premise.cumulative), line(t("planCloud"), 3, cost.cloud.cumulative), line(t("planHybrid"), 2, cost.hybrid.cumulative)];
  const known = series.some((each) => each.values.filter((value) => value !== undefined).length > 1);
  return (
    <ChartSheet
      kind="lines"
      title={t("planPaid")}
      labels={cost.on_premise.cumulative.map((_, month) => monthWord(month, t))}
      format={(value) => currency(value, cost.currency, language)}
      series={series}
      height={220}
      mark={cost.break_even_month === undefined ? undefined : { at: cost.break_even_month, text: t("planBreakEven") }}
      empty={known ? undefined : t("planPricesMissing")}
    />
  );
}

/** From where to where an input is varied, in the unit of its figure. */
function Varied({ one }: { one: Sensitivity }) {
  const { language } = useSetting();
  const unit = useFigure(`cost.${one.input}`)?.unit ?? "";
  return (
    <small className="soft digits">
      {human(one.low, unit, language)} … {human(one.high, unit, language)}
    </small>
  );
}

const kMostBars = 10;

/** How far each input moves the answer, widest first; the line is the answer as it is. */
export function Tornado({ sensitivities, base, code }: { sensitivities: Sensitivity[]; base: number; code: string }) {
  const { t, language } = useSetting();
  if (sensitivities.length === 0) return null;
  const ends = sensitivities.flatMap((each) => [each.advantage_low, each.advantage_high]);
  const [low, high] = [Math.min(base, ...ends), Math.max(base, ...ends)];
  const place = (value: number) => (100 * (value - low)) / (high - low || 1);
  const money = (value: number) => currency(value, code, language);
  const bars = (some: Sensitivity[]) => (
    <ol>
      {some.map((each) => {
        const [from, to] = [Math.min(each.advantage_low, each.advantage_high), Math.max(each.advantage_low, each.advantage_high)];
        return (
          <li key={each.input}>
            <span className="what">
              {each.label[language]}
              <Varied one={each} />
            </span>
            <span className="track" aria-hidden="true">
              <i style={{ left: `${place(from)}%`, width: `${place(Math.min(to, Math.max(from, base))) - place(from)}%` }} className="less" />
              <i style={{ left: `${place(Math.max(from, Math.min(to, base)))}%`, width: `${place(to) - place(Math.max(from, Math.min(to, base)))}%` }} className="more" />
              <u style={{ left: `${place(base)}%` }} />
            </span>
            <span className="digits ends">
              {money(from)} … {money(to)}
            </span>
          </li>
        );
      })}
    </ol>
  );
  return (
    <section className="sheet tornado">
      <h3>
        {t("planTornado")} <small className="soft">{t("planTornadoHint")}</small>
      </h3>
      {bars(sensitivities.slice(0, kMostBars))}
      {sensitivities.length > kMostBars && (
        <details>
          <summary className="soft">{t("planMoreInputs", { count: sensitivities.length - kMostBars })}</summary>
          {bars(sensitivities.slice(kMostBars))}
        </details>
      )}
      <p className="soft digits">
        {t("planAdvantage")}: <Num id="advantage">{money(base)}</Num>
      </p>
    </section>
  );
}
