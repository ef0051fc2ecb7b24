import { useEffect, useRef, useState } from "react";
import { send } from "../api";
import { useFaultWords } from "../hooks";
import { pause, planOf } from "./ask";
import type { MemoryAnswer, Plan, Scenario } from "./types";

const kQuiet = 650; // milliseconds without a change before a plan is asked for
const kQuickQuiet = 200; // the same for memory alone, which takes the server milliseconds

export interface Asked<T> {
  found?: T;
  busy: boolean;
  error?: string;
}

/** Asks again a moment after `key` has changed; what was found stays until there is something newer. An empty key asks nothing. */
function useAsked<T>(key: string, quiet: number, ask: (signal: AbortSignal) => Promise<T>): Asked<T> {
  const words = useFaultWords();
  const [asked, setAsked] = useState<{ found?: T; busy: boolean; fault?: unknown }>({ busy: false });
  const how = useRef(ask);
  how.current = ask;
  useEffect(() => {
    if (key === "") return setAsked({ busy: false });
    const stop = new AbortController();
    setAsked((now) => ({ ...now, busy: true }));
    pause(quiet, stop.signal)
      .then(() => how.current(stop.signal))
      .then(
        (found) => stop.signal.aborted || setAsked({ found, busy: false }),
        (fault: unknown) => stop.signal.aborted || setAsked((now) => ({ ...now, busy: false, fault })),
      );
    return () => stop.abort();
  }, [key]); // `quiet` is that of the moment when the key changed
  return { found: asked.found, busy: asked.busy, error: asked.fault === undefined ? undefined : words(asked.fault) };
}

export function usePlan(scenario: Scenario | undefined, plans: Map<string, Plan>): Asked<Plan> {
  const key = scenario ? JSON.stringify(scenario) : "";
  return useAsked(key, plans.has(key) ? 0 : kQuiet, (signal) => planOf(key, plans, signal));
}

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
