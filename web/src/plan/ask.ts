import { ApiError, send } from "../api";
import type { Plan } from "./types";

const kBusyWait = 3; // seconds, when the server does not say
const kMostWait = 10; // seconds, whatever it says: who waits looks at the page
const kBusyTries = 20;
export const kKept = 12; // plans, of about 300 KB each

export const pause = (time: number, signal: AbortSignal) =>
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

/** Asks for what the server makes two of at once, for everyone, and comes again when it says so. */
export async function askInTurn(path: string, body: unknown, signal: AbortSignal): Promise<Response> {
  for (let tries = 0; ; tries++) {
    try {
      return await send("POST", path, body, signal);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 503 || tries >= kBusyTries) throw error;
      await pause(Math.min(error.retryAfter ?? kBusyWait, kMostWait) * 1000, signal);
    }
  }
}

/** The plan of a scenario, whose JSON is its key among the last ones that were asked for: going back to one shows it at once. */
export async function planOf(key: string, plans: Map<string, Plan>, signal: AbortSignal): Promise<Plan> {
  const plan = plans.get(key) ?? ((await (await askInTurn("/api/v1/plan", JSON.parse(key), signal)).json()) as Plan);
  plans.delete(key);
  plans.set(key, plan);
  for (const old of [...plans.keys()].slice(0, -kKept)) plans.delete(old);
  return plan;
}
