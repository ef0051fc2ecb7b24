import type { Deployment, VersionFigures } from "../api";

/** What happened between two looks at a deployment. Values are undefined where nothing happened that could be measured. */
export interface Sample { time: number; firstP50?: number; firstP95?: number; perToken?: number; tokensPerSecond: number; requestsPerSecond: number; waiting: number; running: number }

export interface Counters { time: number; requests: number; generated: number; timedTokens: number; decodeMs: number; firstTokens: number[] }

export const kSamples = 150; // five minutes at a look every two seconds

const add = (a: number[], b: number[]) => Array.from({ length: Math.max(a.length, b.length) }, (_, index) => (a[index] ?? 0) + (b[index] ?? 0));

export function countersOf(deployment: Deployment, time: number): Counters {
  const sum = (of: (figures: VersionFigures) => number) => deployment.versions.reduce((all, version) => all + of(version.figures), 0);
  return {
    time, requests: deployment.requests, generated: sum((figures) => figures.generated_tokens), timedTokens: sum((figures) => figures.timed_tokens), decodeMs: sum((figures) => figures.decode_ms),
    firstTokens: deployment.versions.reduce<number[]>((all, version) => add(all, version.figures.first_token_counts), []),
  };
}

/** A quantile of durations that are counted in buckets up to 1 ms, √2 ms, 2 ms …, interpolated inside its bucket. */
export function quantile(counts: number[], q: number): number | undefined {
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (all <= 0) return undefined;
  const bound = (bucket: number) => 2 ** (bucket / 2);
  let below = 0;
  for (let bucket = 0; bucket < counts.length; bucket++) {
    const here = counts[bucket];
    if (here > 0 && below + here >= q * all) {
      const low = bucket === 0 ? 0 : bound(bucket - 1);
      return low + ((bound(bucket) - low) * (q * all - below)) / here;
    }
    below += here;
  }
  return bound(counts.length - 1);
}

/** undefined when the counters went back: the server was restarted, or a version removed. */
export function sampleOf(before: Counters, now: Counters, deployment: Deployment): Sample | undefined {
  const seconds = (now.time - before.time) / 1000;
  const tokens = now.generated - before.generated;
  const requests = now.requests - before.requests;
  const firsts = now.firstTokens.map((count, bucket) => count - (before.firstTokens[bucket] ?? 0));
  if (seconds <= 0 || tokens < 0 || requests < 0 || firsts.some((count) => count < 0)) return undefined;
  const timed = now.timedTokens - before.timedTokens;
  return {
    time: now.time, firstP50: quantile(firsts, 0.5), firstP95: quantile(firsts, 0.95), perToken: timed > 0 ? (now.decodeMs - before.decodeMs) / timed : undefined,
    tokensPerSecond: tokens / seconds, requestsPerSecond: requests / seconds, waiting: deployment.requests_waiting,
    running: deployment.versions.reduce((sum, version) => sum + version.replicas.reduce((all, replica) => all + replica.requests_running, 0), 0),
  };
}
