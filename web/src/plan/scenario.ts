import type { Scenario } from "./types";

/** What stands at the beginning: nothing is asked for yet. */
export const blank: Scenario = { name: "", model: { name: "" } };

export const kMostSaved = 3;
const kMostImport = 256 * 1024; // characters

type Path = readonly [keyof Scenario] | readonly [keyof Scenario, string];

const isEmpty = (value: unknown) => value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0);

/** The scenario with one of its fields set; what is emptied leaves nothing behind, not even its section. */
export function setAt(scenario: Scenario, path: Path, value: unknown): Scenario {
  const [first, second] = path;
  const next: Record<string, unknown> = { ...scenario };
  if (second === undefined) {
    if (isEmpty(value) && first !== "name") delete next[first];
    else next[first] = value ?? "";
    return next as unknown as Scenario;
  }
  const section: Record<string, unknown> = { ...(scenario[first] as object | undefined) };
  if (isEmpty(value) && !(first === "model" && second === "name")) delete section[second];
  else section[second] = value ?? "";
  if (Object.keys(section).length === 0) delete next[first];
  else next[first] = section;
  return next as unknown as Scenario;
}

export function at(scenario: Scenario, path: Path): unknown {
  const section = scenario[path[0]] as Record<string, unknown> | undefined;
  return path[1] === undefined ? section : section?.[path[1]];
}

/** A model and somebody who asks: the rest has defaults. */
export const isEnough = (scenario: Scenario) => scenario.model.name !== "" && (scenario.users?.daily_active ?? scenario.users?.requests_per_second ?? 0) > 0;

/** As the server takes it: with a name, and an organisation that has one too. */
export function forServer(scenario: Scenario, unnamed: string): Scenario {
  const named = { ...scenario, name: scenario.name.trim() || unnamed };
  return named.organisation ? { ...named, organisation: { ...named.organisation, name: named.organisation.name ?? "" } } : named;
}

export interface Saved {
  id: string;
  scenario: Scenario;
}

/** `fresh` joins the saved ones, in the place of the one with its id, or of the oldest when there is no room. */
export function keep(saved: Saved[], fresh: Saved): Saved[] {
  const place = saved.findIndex((each) => each.id === fresh.id);
  if (place >= 0) return saved.map((each, index) => (index === place ? fresh : each));
  return [...saved, fresh].slice(-kMostSaved);
}

export const exported = (scenarios: Scenario[]) => JSON.stringify({ format: "siyu-scenarios-1", scenarios }, undefined, 2);

const sections = ["organisation", "model", "users", "tokens", "latency", "constraints", "criteria", "cost"];
const texts = ["name", "industry", "use", "weights", "kv_type", "currency", "cloud_model", "accelerator", "engine"];
const lists = ["goals", "accelerators"];
const answers = ["air_gapped", "cloud_allowed", "customised"];
const choices: Record<string, unknown[]> = {
  edition: ["any", "domestic", "international"],
  data_class: ["public", "internal", "confidential", "core"],
  training: ["none", "adapters", "all"],
};

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

/** A field of a scenario has the kind that the page shows it as; what is none of the others is a number. */
function isField([key, value]: [string, unknown]): boolean {
  if (texts.includes(key)) return typeof value === "string";
  if (lists.includes(key)) return Array.isArray(value) && value.every((each) => typeof each === "string");
  if (answers.includes(key)) return typeof value === "boolean";
  return key in choices ? choices[key].includes(value) : typeof value === "number";
}

const isScenario = (value: unknown): value is Scenario =>
  isObject(value) &&
  typeof value.name === "string" &&
  isObject(value.model) &&
  typeof value.model.name === "string" &&
  Object.entries(value).every(([key, part]) => (sections.includes(key) ? isObject(part) && Object.entries(part).every(isField) : isField([key, part])));

/** null is what is not said; in a list it stays, and is refused. */
function withoutNull(this: unknown, _: string, value: unknown) {
  return value === null && !Array.isArray(this) ? undefined : value;
}

/** Of an exported file, or of one scenario alone; undefined when it is neither. Whether the numbers make sense, the server says when it plans. */
export function imported(text: string): Scenario[] | undefined {
  if (text.length > kMostImport) return undefined;
  try {
    const value = JSON.parse(text, withoutNull) as { scenarios?: unknown };
    const list = Array.isArray(value?.scenarios) ? value.scenarios : [value];
    return list.length > 0 && list.length <= kMostSaved && list.every(isScenario) ? list : undefined;
  } catch {
    return undefined;
  }
}

/** What a browser that is full or forbids storing does must not stop the page. */
export function readStored<T>(key: string, otherwise: T, valid: (value: T) => boolean): T {
  try {
    const text = localStorage.getItem(key);
    const value = text === null ? otherwise : (JSON.parse(text) as T);
    return valid(value) ? value : otherwise;
  } catch {
    return otherwise;
  }
}
export function writeStored(key: string, value: unknown) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // it is kept until the page is left
  }
}
/** Where what `user` wrote lies: a browser that several people use shows each of them their own. */
export const draftKey = (user: string) => `plan.draft.${user}`;
export const savedKey = (user: string) => `plan.saved.${user}`;
export const readDraft = (user: string) => readStored<Scenario>(draftKey(user), blank, isScenario);
export const readSaved = (user: string) =>
  readStored<Saved[]>(
    savedKey(user),
    [],
    (all) => Array.isArray(all) && all.length <= kMostSaved && all.every((each) => typeof each?.id === "string" && isScenario(each.scenario)),
  );
