import { useEffect, useMemo, useRef, useState } from "react";
import type { Deployment } from "../api";
import { Chart, type Series } from "../chart/chart";
import { useSetting } from "../i18n";
import { numbersOf } from "../numbers";
import { type Counters, countersOf, kSamples, type Sample, sampleOf } from "./history";

/** Samples between the looks at a deployment, the newest last. */
export function useHistory(deployment: Deployment | undefined): Sample[] {
  const [samples, setSamples] = useState<Sample[]>([]);
  const last = useRef<Counters>(undefined);
  useEffect(() => {
    if (!deployment) return;
    const now = countersOf(deployment, performance.now());
    const sample = last.current && sampleOf(last.current, now, deployment);
    last.current = now;
    if (sample) setSamples((all) => [...all.slice(1 - kSamples), sample]);
  }, [deployment]);
  return samples;
}

export function LiveCharts({ samples }: { samples: Sample[] }) {
  const { t, language } = useSetting();
  const { millis, short } = numbersOf(language);
  const charts = useMemo(() => {
    const newest = samples.at(-1)?.time ?? 0;
    const ago = (sample: Sample) => { const seconds = Math.round((newest - sample.time) / 1000); return seconds === 0 ? t("now") : t("secondsAgo", { seconds }); };
    const line = (name: string, color: Series["color"], of: (sample: Sample) => number | undefined, dashed = false): Series => ({ name, color, dashed, values: samples.map(of) });
    const labels = samples.map(ago);
    return [
      { title: t("firstToken"), labels, format: millis, series: [line("p50", 1, (sample) => sample.firstP50), line("p95", 2, (sample) => sample.firstP95, true)] },
      { title: t("timePerToken"), labels, format: millis, series: [line(t("average"), 1, (sample) => sample.perToken)] },
      { title: t("throughput"), labels, format: short, series: [line(t("tokensEachSecond"), 1, (sample) => sample.tokensPerSecond)] },
      { title: t("requests"), labels, format: short, series: [line(t("running"), 1, (sample) => sample.running), line(t("waitingForFirst"), 4, (sample) => sample.waiting, true), line(t("requestsEachSecond"), 3, (sample) => sample.requestsPerSecond, true)] },
    ];
  }, [samples, t, language]);
  return <div className="charts">{charts.map((chart) => <div className="sheet" key={chart.title}><Chart kind="lines" height={150} empty={t("nothingHappens")} {...chart} /></div>)}</div>;
}
