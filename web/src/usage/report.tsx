import { DownloadOutlined } from "@ant-design/icons";
import { Button, Segmented, Select } from "antd";
import { useMemo, useState } from "react";
import type { UsageBy, UsageReport, UsageRow } from "../api";
import { Chart, type Series } from "../chart/chart";
import { useData } from "../hooks";
import { useSetting, type Word } from "../i18n";
import { numbersOf } from "../numbers";
import { csv, saveFile } from "../save";
import { TableSheet } from "../table_sheet";
import { Waiting } from "../waiting";
import { daysBetween, type Period, periods, rangeOf } from "./days";

const periodWords: Record<Period, Word> = { month: "thisMonth", lastMonth: "lastMonth", week: "lastDays7", thirty: "lastDays30", quarter: "lastDays90" };
const byWords: Record<UsageBy, Word> = { model: "byModel", user: "byUser", key: "byKey", day: "byDay" };
const columnsOf: [keyof UsageRow & keyof UsageReport["total"], Word][] = [
  ["requests", "requests"], ["failed", "failedRequests"], ["prompt_tokens", "promptTokens"], ["cached_tokens", "cachedTokens"], ["completion_tokens", "completionTokens"],
  ["total_tokens", "totalTokens"], ["cost", "cost"], ["cache_hits", "cacheHits"], ["saved_prompt_tokens", "savedPrompt"], ["saved_completion_tokens", "savedCompletion"],
];

function Figures({ report }: { report: UsageReport }) {
  const { t, language } = useSetting();
  const { short, count, money, percent } = numbersOf(language);
  const { total } = report;
  const saved = total.saved_prompt_tokens + total.saved_completion_tokens;
  const figures: [string, string, string][] = [
    [t("requests"), short(total.requests), t("ofThemFailed", { count: count(total.failed) })],
    [t("totalTokens"), short(total.total_tokens), t("inAndOut", { input: short(total.prompt_tokens), output: short(total.completion_tokens) })],
    [t("cost"), money(total.cost, report.currency), t("costHint")],
    [t("cachedShare"), percent(total.prompt_tokens > 0 ? total.cached_tokens / total.prompt_tokens : 0), t("cachedShareHint", { count: short(total.cached_tokens) })],
    [t("hitRatio"), percent(report.cache_hit_ratio), t("savedHint", { count: short(saved) })],
  ];
  return (
    <div className="grid figures">
      {figures.map(([name, value, more]) => <div className="figure" key={name}><span className="soft">{name}</span><b>{value}</b><small className="soft">{more}</small></div>)}
    </div>
  );
}

/** A bar a day; days without a call are days too. */
function ByDay({ report }: { report: UsageReport }) {
  const { t, language } = useSetting();
  const { short } = numbersOf(language);
  const [days, series] = useMemo(() => {
    const all = daysBetween(report.since, report.until);
    const rows = new Map(report.rows.map((row) => [row.name, row]));
    const values = (of: (row: UsageRow) => number) => all.map((day) => { const row = rows.get(day); return row ? of(row) : 0; });
    const found: Series[] = [
      { name: t("completionTokens"), color: 1, values: values((row) => row.completion_tokens) },
      { name: t("computedTokens"), color: 3, values: values((row) => row.prompt_tokens - row.cached_tokens) },
      { name: t("cachedTokens"), color: 2, values: values((row) => row.cached_tokens) },
    ];
    return [all.map((day) => day.slice(5)), found] as const;
  }, [report, t]);
  return <div className="sheet"><Chart kind="stacks" title={t("tokensByDay")} labels={days} series={series} format={short} height={200} empty={t("noUsage")} /></div>;
}

function Rows({ load, by }: { load: { data?: UsageReport; fault?: string; refresh(): unknown }; by: UsageBy }) {
  const report = load.data;
  const { t, language } = useSetting();
  const { count, money } = numbersOf(language);
  const most = Math.max(1, ...(report?.rows ?? []).map((row) => row.total_tokens));
  const number = (key: (typeof columnsOf)[number][0], word: Word) => ({
    title: t(word), align: "right" as const, key,
    sorter: (a: UsageRow, b: UsageRow) => a[key] - b[key], sortDirections: ["descend" as const, "ascend" as const],
    render: (_: unknown, row: UsageRow) => <span className={`digits ${row[key] === 0 ? "soft" : ""}`}>{key === "cost" ? money(row.cost, report!.currency) : count(row[key])}</span>,
  });
  const rows = [...(report?.rows ?? [])].sort((a, b) => (by === "day" ? (a.name < b.name ? 1 : -1) : b.total_tokens - a.total_tokens));
  return (
    <TableSheet<UsageRow> load={load} rowKey={(row) => row.id || row.name} size="small" pagination={{ pageSize: 50, showSizeChanger: false, hideOnSinglePage: true }} dataSource={rows} locale={{ emptyText: t("noUsage") }} scroll={{ x: "max-content" }} showSorterTooltip={false}
      columns={[
        { title: t(byWords[by]), key: "name", fixed: "left", render: (_, row) => (
          <div className="share-cell">
            {by === "key" && row.id === "" ? t("throughConsole") : row.name}{row.owner && <span className="soft"> · {row.owner}</span>}
            {by !== "day" && <i style={{ width: `${(100 * row.total_tokens) / most}%` }} />}
          </div>
        ) },
        ...columnsOf.slice(0, 7).map(([key, word]) => number(key, word)),
        number("cache_hits", "cacheHits"),
        { title: t("savedTokens"), align: "right", key: "saved", render: (_, row) => { const saved = row.saved_prompt_tokens + row.saved_completion_tokens; return <span className={`digits ${saved === 0 ? "soft" : ""}`}>{count(saved)}</span>; } },
      ]} />
  );
}

export function Report({ all }: { all: boolean }) {
  const { t } = useSetting();
  const [period, setPeriod] = useState<Period>("month");
  const [by, setBy] = useState<UsageBy>("model");
  const [today, setToday] = useState<string>(); // the server's day: a day ends where the configuration says
  const range = today && period !== "month" ? rangeOf(period, today) : undefined;
  const query = range ? `&since=${range.since}&until=${range.until}` : ""; // this month is what the server takes by itself
  const days = useData<UsageReport>(`/api/v1/usage?by=day${query}`, undefined, undefined, true);
  const rows = useData<UsageReport>(`/api/v1/usage?by=${by}${query}`);
  if (days.data && !today) setToday(days.data.until);
  const download = () => {
    if (!rows.data) return;
    const head = [by, ...(by === "key" ? ["id", "owner"] : []), ...columnsOf.map(([key]) => key), "currency"];
    const lines = rows.data.rows.map((row) => [row.name, ...(by === "key" ? [row.id ?? "", row.owner ?? ""] : []), ...columnsOf.map(([key]) => row[key]), rows.data!.currency]);
    saveFile(`usage-by-${by}-${rows.data.since}-${rows.data.until}.csv`, "text/csv", csv([head, ...lines]));
  };
  return (
    <>
      <div className="strip">
        <Select value={period} onChange={setPeriod} aria-label={t("period")} style={{ width: 150 }} options={periods.map((each) => ({ value: each, label: t(periodWords[each]) }))} />
        <span className="soft digits">{days.data && `${days.data.since} – ${days.data.until}`}</span>
        {!all && <span className="soft">{t("ownUsageOnly")}</span>}
      </div>
      {!days.data ? <Waiting fault={days.fault} refresh={days.refresh} minHeight={380} /> : <><Figures report={days.data} /><ByDay report={days.data} /></>}
      <div className="strip">
        <Segmented<UsageBy> value={by} onChange={setBy} options={(["model", "user", "key", "day"] as UsageBy[]).map((each) => ({ value: each, label: t(byWords[each]) }))} />
        <span className="grow" />
        <Button icon={<DownloadOutlined />} disabled={!rows.data?.rows.length} onClick={download}>{t("downloadCsv")}</Button>
      </div>
      <Rows load={rows} by={by} />
    </>
  );
}
