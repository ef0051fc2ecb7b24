import { type ReactNode, useId, useLayoutEffect, useRef, useState } from "react";
import { labelled, linePath, type Point, ticks } from "./scale";

/** One kind of value over the labels of a chart; `undefined` where there is none. */
export interface Series { name: string; values: (number | undefined)[]; color: 1 | 2 | 3 | 4; dashed?: boolean }

interface Props {
  title: string;
  labels: string[];
  series: Series[];
  format(value: number): string;
  kind: "lines" | "stacks";
  height?: number;
  /** Shown instead of values while there are none. */
  empty?: string;
  /** A place among the labels that is marked in any case, and what it means. */
  mark?: { at: number; text: string };
}

const kLeft = 52, kRight = 8, kTop = 8, kBottom = 22;
const kLabelWidth = 84; // pixels; so far apart are the labels of the axis below

/** The width of an element, known before the first paint, so that nothing moves. */
function useWidth() {
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = frame.current!;
    const measure = () => setWidth(element.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [frame, width] as const;
}

function Legend({ series, at, format, live }: { series: Series[]; at: number; format(value: number): string; live: boolean }) {
  return (
    <div className="legend" aria-live={live ? "polite" : undefined}>
      {series.map((each) => (
        <span key={each.name}>
          <i className={`key c${each.color} ${each.dashed ? "dashed" : ""}`} />
          {each.name} <b>{each.values[at] === undefined ? "–" : format(each.values[at])}</b>
        </span>
      ))}
    </div>
  );
}

function Lines({ series, x, y }: { series: Series[]; x(index: number): number; y(value: number): number }) {
  return series.map((each) => {
    const points = each.values.map((value, index): Point | undefined => (value === undefined ? undefined : [x(index), y(value)]));
    return <path key={each.name} className={`line c${each.color}`} strokeDasharray={each.dashed ? "5 4" : undefined} d={linePath(points)} />;
  });
}

function Stacks({ series, count, step, x, y }: { series: Series[]; count: number; step: number; x(index: number): number; y(value: number): number }) {
  const bars: ReactNode[] = [];
  const width = Math.max(1, Math.min(34, step * 0.7));
  for (let index = 0; index < count; index++) {
    let below = 0;
    for (const each of series) {
      const value = each.values[index] ?? 0;
      if (value > 0) bars.push(<rect key={`${each.name}-${index}`} className={`bar c${each.color}`} x={x(index) - width / 2} width={width} y={y(below + value)} height={Math.max(0.5, y(below) - y(below + value))} />);
      below += value;
    }
  }
  return bars;
}

function Mark({ x, right, bottom, text }: { x: number; right: number; bottom: number; text: string }) {
  const before = x > right - kLabelWidth; // there is no room for the words behind it
  return (
    <g className="mark">
      <line x1={x} x2={x} y1={kTop} y2={bottom} />
      <text x={x + (before ? -6 : 6)} y={kTop + 8} textAnchor={before ? "end" : "start"}>{text}</text>
    </g>
  );
}

/**
 * Lines or stacked bars over shared labels. The values at the pointer, or at the place the arrow keys have moved to, are
 * read in the legend, which has a fixed place: nothing pops up and nothing moves. Without either, the last values.
 */
export function Chart({ title, labels, series, format, kind, height = 180, empty, mark }: Props) {
  const [frame, width] = useWidth();
  const [marked, setMarked] = useState<number>();
  const [byKey, setByKey] = useState(false);
  const id = useId();
  const count = labels.length;
  const at = Math.min(marked ?? count - 1, count - 1);
  const top = kind === "lines" ? Math.max(0, ...series.flatMap((each) => each.values.map((value) => value ?? 0)))
    : Math.max(0, ...labels.map((_, index) => series.reduce((sum, each) => sum + (each.values[index] ?? 0), 0)));
  const axis = ticks(top, 3);
  const inner = Math.max(0, width - kLeft - kRight);
  const step = kind === "lines" ? inner / Math.max(1, count - 1) : inner / Math.max(1, count);
  const x = (index: number) => kLeft + (kind === "lines" ? index * step : (index + 0.5) * step);
  const y = (value: number) => height - kBottom - (value / axis[axis.length - 1]) * (height - kBottom - kTop);
  const point = (event: React.PointerEvent) => {
    const from = event.clientX - frame.current!.getBoundingClientRect().left - kLeft;
    const index = kind === "lines" ? Math.round(from / (step || 1)) : Math.floor(from / (step || 1));
    setByKey(false);
    setMarked(Math.max(0, Math.min(count - 1, index)));
  };
  const move = (event: React.KeyboardEvent) => {
    const to = ({ ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: count - 1 } as Record<string, number>)[event.key];
    if (event.key === "Escape") setMarked(undefined);
    if (to === undefined || count === 0) return;
    event.preventDefault();
    setByKey(true);
    setMarked(Math.max(0, Math.min(count - 1, to)));
  };
  return (
    <figure className="chart">
      <figcaption id={id}><b>{title}</b><span className="soft">{count > 0 && labels[at]}</span></figcaption>
      <Legend series={series} at={at} format={format} live={byKey} />
      <div ref={frame} className="plot" style={{ height }} tabIndex={0} role="group" aria-labelledby={id} onKeyDown={move} onBlur={() => setMarked(undefined)} onPointerMove={point} onPointerLeave={() => setMarked(undefined)}>
        {width > 0 && (
          <svg width={width} height={height} aria-hidden="true">
            {axis.map((tick) => (
              <g key={tick}>
                <line className="rule" x1={kLeft} x2={width - kRight} y1={y(tick)} y2={y(tick)} />
                {(top > 0 || tick === 0) && <text x={kLeft - 8} y={y(tick)} textAnchor="end" dominantBaseline="middle">{format(tick)}</text>}
              </g>
            ))}
            {labelled(count, inner / kLabelWidth).map((index) => {
              const atEdge = x(index) > width - kLabelWidth / 2; // its half would be cut off
              return <text key={index} x={atEdge ? width - 1 : x(index)} y={height - 5} textAnchor={atEdge ? "end" : "middle"}>{labels[index]}</text>;
            })}
            {marked !== undefined && count > 0 && <line className="marker" x1={x(at)} x2={x(at)} y1={kTop} y2={height - kBottom} />}
            {mark && mark.at < count && <Mark x={x(mark.at)} right={width - kRight} bottom={height - kBottom} text={mark.text} />}
            {kind === "lines" ? <Lines series={series} x={x} y={y} /> : <Stacks series={series} count={count} step={step} x={x} y={y} />}
          </svg>
        )}
        {top === 0 && empty && <div className="nothing soft">{empty}</div>}
      </div>
    </figure>
  );
}
