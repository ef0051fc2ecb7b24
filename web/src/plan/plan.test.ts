import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { askInTurn, kKept, planOf } from "./ask";
import { compared } from "./compare";
import { among, cardBytes, indexOf, type Sheet, sheetsOf } from "./figures";
import { at, blank, draftKey, exported, forServer, imported, isEnough, keep, kMostSaved, readDraft, readSaved, savedKey, setAt, writeStored } from "./scenario";
import type { Figure, Plan, Scenario } from "./types";
import { currency, human } from "./units";

const named = (name: string) => ({ zh: name, en: name });
const figure = (id: string, value: number | undefined, inputs: Figure["inputs"] = []): Figure => ({
  id,
  label: named(id),
  value,
  unit: "B",
  formula: named(""),
  inputs,
});

describe("a scenario that is being written", () => {
  it("keeps nothing of what was emptied, not even its section", () => {
    const some = setAt(setAt(blank, ["users", "daily_active"], 200), ["users", "growth_per_year"], 0.3);
    expect(some.users).toEqual({ daily_active: 200, growth_per_year: 0.3 });
    const none = setAt(setAt(some, ["users", "growth_per_year"], null), ["users", "daily_active"], undefined);
    expect(none).toEqual(blank);
    expect(setAt(setAt(blank, ["constraints", "accelerators"], ["H20"]), ["constraints", "accelerators"], [])).toEqual(blank);
  });
  it("keeps zero and false, which are answers", () => {
    expect(at(setAt(blank, ["cost", "server_price"], 0), ["cost", "server_price"])).toBe(0);
    expect(at(setAt(blank, ["constraints", "air_gapped"], false), ["constraints", "air_gapped"])).toBe(false);
  });
  it("never loses its name or its model's, which the server requires", () => {
    const named = setAt(setAt(blank, ["model", "name"], "Qwen3-8B"), ["name"], "x");
    expect(setAt(setAt(named, ["model", "name"], undefined), ["name"], undefined)).toEqual(blank);
  });
  it("does not change the one it came from", () => {
    const before = JSON.stringify(blank);
    setAt(blank, ["model", "name"], "other");
    expect(JSON.stringify(blank)).toBe(before);
  });
  it("is enough with a model and somebody who asks", () => {
    const model = setAt(blank, ["model", "name"], "Qwen3-8B");
    expect([blank, model, setAt(blank, ["users", "daily_active"], 5)].map(isEnough)).toEqual([false, false, false]);
    expect(isEnough(setAt(model, ["users", "daily_active"], 5))).toBe(true);
    expect(isEnough(setAt(model, ["users", "requests_per_second"], 0.1))).toBe(true);
  });
  it("goes to the server with a name of its own and of its organisation", () => {
    expect(forServer(setAt(blank, ["organisation", "industry"], "finance"), "unnamed")).toEqual({
      name: "unnamed",
      model: { name: "" },
      organisation: { industry: "finance", name: "" },
    });
  });
});

describe("scenarios that are kept", () => {
  const saved = (id: string) => ({ id, scenario: { ...blank, name: id } });
  it("are at most three; the oldest one leaves", () => {
    const all = ["a", "b", "c", "d"].reduce<ReturnType<typeof saved>[]>((now, id) => keep(now, saved(id)), []);
    expect(all.map((one) => one.id)).toEqual(["b", "c", "d"]);
    expect(all).toHaveLength(kMostSaved);
  });
  it("are replaced in their place", () => {
    const changed = { id: "a", scenario: { ...blank, name: "new" } };
    expect(keep([saved("a"), saved("b")], changed)).toEqual([changed, saved("b")]);
  });
  it("come back from a file as they went, and one alone too", () => {
    const two: Scenario[] = [
      { name: "甲", model: { name: "Qwen3-8B" }, users: { daily_active: 1 } },
      { name: "b", model: { name: "x" } },
    ];
    expect(imported(exported(two))).toEqual(two);
    expect(imported(JSON.stringify(two[0]))).toEqual([two[0]]);
  });
  it("come without what is null, which is not said", () => {
    expect(imported('{"name":"a","model":{"name":"x","weights":null},"users":null}')).toEqual([{ name: "a", model: { name: "x" } }]);
  });
  it("do not come with fields that the page could not show", () => {
    const wrong: object[] = [
      { constraints: { accelerators: "H20" } },
      { constraints: { data_class: "secret" } },
      { constraints: [] },
      { goals: "one" },
      { goals: [null] },
      { model: { name: "x", weights: 8 } },
      { users: { daily_active: "many" } },
      { latency: "fast" },
    ];
    for (const each of wrong) expect(imported(JSON.stringify({ name: "a", model: { name: "x" }, ...each })), JSON.stringify(each)).toBeUndefined();
  });
  it("do not come from other files", () => {
    for (const text of [
      "",
      "not json",
      "null",
      "[]",
      "{}",
      '{"scenarios":[]}',
      '{"scenarios":[{"name":1}]}',
      '{"name":"x","model":null}',
      `{"name":"${"x".repeat(300_000)}","model":{"name":""}}`,
    ])
      expect(imported(text), text.slice(0, 40)).toBeUndefined();
    expect(imported(exported(Array.from({ length: 4 }, () => blank)))).toBeUndefined();
  });
});

describe("figures", () => {
  const memory: Sheet = {
    name: "memory",
    figures: [
      figure("memory.weights", 5),
      figure("memory.kv", 8),
      figure("memory.total", 13, [
        { name: named("w"), value: 5, unit: "B", figure: "memory.weights" },
        { name: named("kv"), value: 8, unit: "B", figure: "memory.kv" },
      ]),
    ],
  };
  const speed: Sheet = {
    name: "speed",
    figures: [
      figure("memory.weights", 5),
      figure("memory.kv", 1),
      figure("speed.room", 7, [
        { name: named("kv"), value: 1, unit: "B", figure: "memory.kv" },
        { name: named("w"), value: 5, unit: "B", figure: "memory.weights" },
      ]),
    ],
  };
  const index = indexOf([memory, speed]);
  it("of a later sheet that differ are found beside the first ones, and their followers point to them", () => {
    expect(index.get("memory.kv")!.value).toBe(8);
    expect(index.get("speed:memory.kv")!.value).toBe(1);
    expect(index.get("speed.room")!.inputs.map((input) => input.figure)).toEqual(["speed:memory.kv", "memory.weights"]);
  });
});

describe("numbers", () => {
  it("are short and keep the digits that count", () => {
    expect([human(0, "B", "en"), human(16_381_400_064, "B", "en"), human(9e11, "B/s", "en"), human(8.4e13, "FLOP/s", "en")]).toEqual([
      "0 B",
      "15.3 GiB",
      "900 GB/s",
      "84 TFLOP/s",
    ]);
    expect([human(0.0456, "s", "en"), human(1.792, "s", "en"), human(0.00038, "s", "en"), human(0, "s", "en")]).toEqual(["45.6 ms", "1.79 s", "380 µs", "0 s"]);
    expect([human(41.36, "tokens/s", "zh"), human(3, "replicas", "zh"), human(32_762_123_264, "", "zh")]).toEqual(["41.4 词元/s", "3 副本", "327.6亿"]);
    expect(human(-1234.5, "tokens", "en")).toBe("-1,235 tokens");
  });
  it("of money have their currency, and what it is for", () => {
    expect([currency(0, "CNY", "zh"), currency(389_000, "CNY", "zh"), currency(0.0123, "USD", "en"), currency(1_227_000, "CNY", "en")]).toEqual([
      "¥0",
      "¥38.9万",
      "$0.0123",
      "¥1.227M",
    ]);
    expect([human(5.85, "CNY/1M tokens", "zh"), human(0.7, "CNY/kWh", "en")]).toEqual(["¥5.85/百万词元", "¥0.7/kWh"]);
    expect(currency(5, "XX", "en")).toContain("5");
  });
});

describe("plans side by side", () => {
  // A plan that the server made of Qwen3-32B, cut down to what is compared.
  const plan = JSON.parse(readFileSync(new URL("./plan.fixture.json", import.meta.url), "utf8")) as Plan;
  const other: Plan = {
    ...plan,
    replicas: plan.replicas + 1,
    model: "Other",
    cost: { ...plan.cost, currency: "CNY", on_premise: { ...plan.cost.on_premise, total: { base: 5 } } },
  };
  const row = (plans: Plan[], word: string) =>
    compared(plans, "en")
      .flatMap((group) => group.rows)
      .find((each) => each.word === word)!;
  it("mark what differs, and what is better", () => {
    expect(row([plan, other], "replicas")).toMatchObject({ differs: true, best: [0] });
    expect(row([plan, other], "planModel")).toMatchObject({ differs: true, best: [] });
    expect(row([plan, other], "planServers")).toMatchObject({ differs: false, best: [] });
  });
  it("leave out of the comparison what is not known", () => {
    const unknown = { ...other, cost: { ...other.cost, on_premise: { ...other.cost.on_premise, total: {} } } };
    expect(row([unknown, other], "planOwn")).toMatchObject({ texts: [undefined, "¥5"], best: [], differs: true });
  });
  it("do not compare amounts of different currencies", () => {
    const dollars = { ...other, cost: { ...other.cost, currency: "USD", on_premise: { ...other.cost.on_premise, total: { base: 4 } } } };
    expect(row([other, dollars], "planOwn").best).toEqual([]);
  });
  it("have figures of their own behind the same names", () => {
    const [first, second] = [among(plan, 0, "a"), among(other, 1, "b")];
    const index = indexOf([first, second]);
    expect([index.get("0|plan.replicas")!.value, index.get("1|plan.replicas")!.value]).toEqual([plan.replicas, plan.replicas + 1]);
    for (const each of index.values()) for (const input of each.inputs) if (input.figure) expect(index.has(input.figure), `${each.id} ← ${input.figure}`).toBe(true);
  });
  it("tell a card's memory by its own source, and not by what is left of it", () => {
    const memory = indexOf(sheetsOf(plan)).get("plan.memory_share")!.inputs.find((input) => input.name.en === "memory")!;
    expect([memory.figure, memory.source !== undefined, memory.value]).toEqual([undefined, true, cardBytes(plan)]);
  });
  it("every figure that a plan refers to is there", () => {
    for (const group of compared([plan], "en"))
      for (const each of group.rows) if (each.figure) expect(indexOf([among(plan, 0, "a")]).has(`0|${each.figure}`), each.figure).toBe(true);
  });
});

describe("what was written", () => {
  afterEach(() => vi.unstubAllGlobals());
  it("is shown to nobody else who uses the same browser", () => {
    const kept = new Map<string, string>();
    vi.stubGlobal("localStorage", { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => kept.set(key, value) });
    const scenario = { ...blank, name: "A bank", model: { name: "Qwen3-32B" } };
    writeStored(draftKey("anna"), scenario);
    writeStored(savedKey("anna"), [{ id: "1", scenario }]);
    expect([readDraft("anna"), readSaved("anna")]).toEqual([scenario, [{ id: "1", scenario }]]);
    expect([readDraft("bert"), readSaved("bert")]).toEqual([blank, []]);
  });
});

describe("a server that makes two plans at once", () => {
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
  });
  const signal = () => new AbortController().signal;
  it("is asked again after as long as it says", async () => {
    const waits = vi.spyOn(globalThis, "setTimeout").mockImplementation(((go: () => void) => go()) as never);
    const busy = new Response('{"error":{"message":"busy"}}', { status: 503, headers: { "Retry-After": "7" } });
    const fetch = vi.fn().mockResolvedValueOnce(busy).mockResolvedValueOnce(new Response("{}"));
    vi.stubGlobal("fetch", fetch);
    expect((await askInTurn("/api/v1/plan", {}, signal())).status).toBe(200);
    expect(fetch).toHaveBeenCalledTimes(2);
    expect(waits.mock.calls.map(([, time]) => time)).toContain(7000);
  });
  it("is not asked again after another fault", async () => {
    const fetch = vi.fn().mockImplementation(async () => new Response('{"error":{"message":"too small"}}', { status: 422 }));
    vi.stubGlobal("fetch", fetch);
    await expect(askInTurn("/api/v1/plan", {}, signal())).rejects.toThrow("too small");
    expect(fetch).toHaveBeenCalledTimes(1);
  });
  it("is not asked for a plan that is at hand; the oldest ones are let go", async () => {
    const fetch = vi.fn().mockImplementation(async () => new Response("{}"));
    vi.stubGlobal("fetch", fetch);
    const plans = new Map<string, Plan>();
    for (let number = 0; number <= kKept; number++) await planOf(JSON.stringify({ number }), plans, signal());
    expect([plans.size, plans.has('{"number":0}')]).toEqual([kKept, false]);
    await planOf('{"number":1}', plans, signal());
    expect(fetch).toHaveBeenCalledTimes(kKept + 1);
    expect([...plans.keys()].at(-1)).toBe('{"number":1}');
  });
});
