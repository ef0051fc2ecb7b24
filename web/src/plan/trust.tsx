import { Switch, Table } from "antd";
import { useState } from "react";
import { useData } from "../hooks";
import { useSetting, type Word } from "../i18n";
import { numbersOf } from "../numbers";
import { Waiting } from "../waiting";
import type { Comparison, Comparisons } from "./types";
import { human } from "./units";

const kNear = 1.5;
const metrics: Record<string, Word> = {
  output_tokens_per_s: "planMetricOutput",
  input_tokens_per_s: "planMetricInput",
  total_tokens_per_s: "planMetricTotal",
  tpot_ms: "planMetricTpot",
};

/** Where a prediction lies beside what was published, from a third to three times of it; the shade is where two thirds to one and a half lie. */
function RatioBar({ ratio }: { ratio: number }) {
  const place = (value: number) => Math.min(100, Math.max(0, 50 + (50 * Math.log(value)) / Math.log(3)));
  const near = ratio < kNear && ratio > 1 / kNear;
  return (
    <span className="ratio" aria-hidden="true">
      <u style={{ left: `${place(1 / kNear)}%`, width: `${place(kNear) - place(1 / kNear)}%` }} />
      <i className={near ? "" : "far"} style={{ left: `${place(ratio)}%` }} />
    </span>
  );
}

/** How far to trust the predictions: each one beside the speed that somebody published. */
export function TrustPart() {
  const { t, language } = useSetting();
  const { percent } = numbersOf(language);
  const { data, ...load } = useData<Comparisons>("/api/v1/plan/published");
  const [every, setEvery] = useState(false);
  if (!data) return <Waiting {...load} />;
  const compared = data.rows.filter((row) => row.ratio !== undefined);
  const tiles: [string, string, string][] = [
    [t("planMedianError"), percent(data.median_error), t("planMedianErrorHint")],
    [t("planMedianFitted"), percent(data.median_error_fitted), t("planMedianFittedHint")],
    [t("planWithin"), percent(data.within_a_third), t("planWithinHint")],
    [t("planComparedCount"), String(compared.length), t("planOfPublished", { count: data.rows.length })],
  ];
  return (
    <>
      <p className="soft">{t("planTrustIntro")}</p>
      <div className="grid figures">
        {tiles.map(([name, value, more]) => (
          <div className="figure" key={name}>
            <span className="soft">{name}</span>
            <b>{value}</b>
            <small className="soft">{more}</small>
          </div>
        ))}
      </div>
      <div className="strip">
        <label className="inline">
          <Switch size="small" checked={every} onChange={setEvery} /> {t("planShowUncompared")}
        </label>
      </div>
      <div className="sheet wide-table" style={{ padding: "6px 8px" }}>
        <Table<Comparison>
          rowKey="id"
          size="small"
          pagination={{ pageSize: 50, showSizeChanger: false, hideOnSinglePage: true }}
          dataSource={every ? data.rows : compared}
          scroll={{ x: "max-content" }}
          showSorterTooltip={false}
          columns={[
            {
              title: t("planModel"),
              render: (_, one) => (
                <div className="cell narrow">
                  <b>{one.model}</b>
                  <div className="soft">
                    {one.precision.toUpperCase()} · {one.cards} × {one.accelerator}
                    {one.parallel && ` · ${one.parallel}`}
                  </div>
                  <div className="soft">
                    {one.engine} · {one.load}
                  </div>
                </div>
              ),
            },
            {
              title: t("planPublished"),
              align: "right",
              render: (_, one) => (
                <>
                  <span className="digits">{human(one.published, "", language)}</span>
                  <div className="soft">{one.metric in metrics ? t(metrics[one.metric]) : one.metric}</div>
                </>
              ),
            },
            {
              title: t("planPredicted"),
              align: "right",
              render: (_, one) => <span className="digits">{one.predicted === undefined ? "–" : human(one.predicted, "", language)}</span>,
            },
            {
              title: t("planRatio"),
              width: 210,
              sorter: (a, b) => (a.ratio ?? 0) - (b.ratio ?? 0),
              render: (_, one) =>
                one.ratio === undefined ? (
                  <div className="cell soft">{one.why_not?.[language]}</div>
                ) : (
                  <span className="ratio-cell">
                    <RatioBar ratio={one.ratio} />
                    <b className="digits">{one.ratio.toFixed(2)}</b>
                    {one.fitted && <span className="tag">{t("planFitted")}</span>}
                  </span>
                ),
            },
            {
              title: t("planFrom"),
              render: (_, one) => (
                <div className="cell soft">
                  {one.source} <span className="digits">{one.date}</span>
                </div>
              ),
            },
          ]}
        />
      </div>
    </>
  );
}
