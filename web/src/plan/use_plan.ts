import { useEffect, useRef, useState } from "react";
import { ApiError, send } from "../api";
import type { MemoryAnswer, Plan, Scenario } from "./types";

const kQuiet = 650; // milliseconds without a change before a plan is asked for
const kQuickQuiet = 200; // the same for memory alone, which takes the server milliseconds
const kBusyWait = 1500; // the server makes two plans at once
const kBusyTries = 20;

const pause = (time: number, signal: AbortSignal) =>
  new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, time);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        reject(new DOMException("", "AbortError"));
      },
      { once: true },
    );
  });

/** Plans, and comes again while the server is busy with others' plans. */
export async function askPlan(scenario: Scenario, signal: AbortSignal): Promise<Plan> {
  for (let tries = 0; ; tries++) {
    try {
      return (await (await send("POST", "/api/v1/plan", scenario, signal)).json()) as Plan;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 503 || tries >= kBusyTries) throw error;
      await pause(kBusyWait, signal);
    }
  }
}

export interface Asked<T> {
  found?: T;
  busy: boolean;
  error?: string;
}

/** Asks again a moment after `key` has changed; what was found stays until there is something newer. An empty key asks nothing. */
function useAsked<T>(key: string, quiet: number, ask: (signal: AbortSignal) => Promise<T>): Asked<T> {
  const [asked, setAsked] = useState<Asked<T>>({ busy: false });
  const how = useRef(ask);
  how.current = ask;
  useEffect(() => {
    if (key === "") return setAsked({ busy: false });
    const stop = new AbortController();
    setAsked((now) => ({ ...now, busy: true }));
    pause(quiet, stop.signal)
      .then(() => how.current(stop.signal))
      .then(
        (found) => setAsked({ found, busy: false }),
        (error: unknown) => stop.signal.aborted || setAsked((now) => ({ ...now, busy: false, error: error instanceof Error ? error.message : String(error) })),
      );
    return () => stop.abort();
  }, [key, quiet]);
  return asked;
}

/** The plan of a scenario, and of the last ones that were asked for: going back to one shows it at once. */
export function usePlan(scenario: Scenario | undefined, plans: Map<string, Plan>): Asked<Plan> {
  const key = scenario ? JSON.stringify(scenario) : "";
  return useAsked(key, plans.has(key) ? 0 : kQuiet, async (signal) => {
    const plan = plans.get(key) ?? (await askPlan(scenario!, signal));
    plans.delete(key);
    plans.set(key, plan);
    for (const old of [...plans.keys()].slice(0, -kKept)) plans.delete(old);
    return plan;
  });
}
const kKept = 12; // plans, of about 300 KB each

/** Which cards would hold the model: shown before there is a plan. */
export function useMemory(scenario: Scenario): Asked<MemoryAnswer> {
  const { name, weights, kv_type, context } = scenario.model;
  const body = { model: name, weights, kv_type, context, engine: "cards" };
  return useAsked(
    name === "" ? "" : JSON.stringify(body),
    kQuickQuiet,
    async (signal) => (await (await send("POST", "/api/v1/plan/memory", body, signal)).json()) as MemoryAnswer,
  );
}
