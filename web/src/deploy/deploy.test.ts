import { describe, expect, it } from "vitest";
import type { Deployment } from "../api";
import { countersOf, quantile, sampleOf } from "./history";
import { moved, sameShares, sharesOf, whole } from "./shares";

const sum = (shares: Record<string, number>) => Object.values(shares).reduce((all, share) => all + share, 0);

describe("shares of the requests", () => {
  it("are whole and add up to 100 wherever a slider stands", () => {
    for (let share = 0; share <= 100; share++) {
      const found = moved({ a: 34, b: 33, c: 33 }, "b", share);
      expect(sum(found)).toBe(100);
      expect(found.b).toBe(share);
      expect(Object.values(found).every((each) => Number.isInteger(each) && each >= 0)).toBe(true);
    }
  });
  it("keep the others' proportions", () => expect(moved({ a: 60, b: 20, c: 20 }, "c", 60)).toEqual({ a: 30, b: 10, c: 60 }));
  it("go to the first when the others had none", () => expect(moved({ a: 0, b: 0, c: 100 }, "c", 70)).toEqual({ a: 30, b: 0, c: 70 }));
  it("of one version are all", () => expect(moved({ a: 100 }, "a", 40)).toEqual({ a: 100 }));
  it("are rounded together", () => {
    expect(whole({ a: 1, b: 1, c: 1 })).toEqual({ a: 34, b: 33, c: 33 });
    expect(sharesOf([{ version: "a", traffic: 99.6 }, { version: "b", traffic: 0.4 }])).toEqual({ a: 100, b: 0 });
  });
  it("are the same when a version without any is missing", () => expect(sameShares({ a: 100, b: 0 }, { a: 100 })).toBe(true));
});

describe("what happened between two looks", () => {
  const deployment = (requests: number, tokens: number, counts: number[]) =>
    ({ name: "chat", requests, requests_waiting: 2, versions: [{ version: "v1", replicas: [{ requests_running: 3 }], figures: { generated_tokens: tokens, timed_tokens: tokens, decode_ms: tokens * 4, first_token_counts: counts } }] }) as unknown as Deployment;
  it("is told by differences of counters", () => {
    const [before, after] = [deployment(10, 100, [0, 0, 10]), deployment(14, 300, [0, 0, 10, 0, 4])];
    const sample = sampleOf(countersOf(before, 1000), countersOf(after, 3000), after)!;
    expect(sample).toMatchObject({ tokensPerSecond: 100, requestsPerSecond: 2, perToken: 4, waiting: 2, running: 3 });
    expect(sample.firstP50).toBeCloseTo((2 ** 1.5 + 4) / 2);
  });
  it("is nothing to be measured when nothing was answered", () => {
    const one = deployment(10, 100, [5]);
    expect(sampleOf(countersOf(one, 0), countersOf(one, 2000), one)).toMatchObject({ firstP50: undefined, perToken: undefined, tokensPerSecond: 0 });
  });
  it("is not told over a restart of the server", () => {
    const [before, after] = [deployment(10, 100, [5]), deployment(1, 10, [1])];
    expect(sampleOf(countersOf(before, 0), countersOf(after, 2000), after)).toBeUndefined();
  });
  it("has quantiles as the server has them", () => {
    expect(quantile([], 0.5)).toBeUndefined();
    expect(quantile([4], 0.5)).toBeCloseTo(0.5);
    expect(quantile([0, 0, 1, 0, 0, 0, 1], 1)).toBeCloseTo(8);
  });
});
