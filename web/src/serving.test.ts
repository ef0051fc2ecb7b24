import { describe, expect, it } from "vitest";
import type { Answer, Question } from "./playground/ask";
import { bodyOf, speedOf } from "./playground/ask";
import { labelled, linePath, ticks } from "./chart/scale";
import { numbersOf } from "./numbers";
import { curlOf } from "./playground/curl";
import { csv } from "./save";
import { addDays, daysBetween, rangeOf } from "./usage/days";

describe("an axis", () => {
  it("is labelled with round numbers that reach its top", () => {
    expect(ticks(0)).toEqual([0, 1]);
    expect(ticks(7, 3)).toEqual([0, 2.5, 5, 7.5]);
    expect(ticks(0.3, 3)).toEqual([0, 0.1, 0.2, 0.3]);
    for (const top of [1e-6, 3, 99, 100, 101, 123456789]) expect(ticks(top).at(-1)!).toBeGreaterThanOrEqual(top);
  });
  it("writes the last label and as many others as fit", () => {
    expect(labelled(31, 6)).toEqual([0, 6, 12, 18, 24, 30]);
    expect(labelled(3, 10)).toEqual([0, 1, 2]);
    expect(labelled(0, 10)).toEqual([]);
  });
});

it("a line has gaps where nothing was measured", () => expect(linePath([[0, 1], [1, 2], undefined, [3, 4], [4, 5]])).toBe("M0.0 1.0L1.0 2.0M3.0 4.0L4.0 5.0"));

describe("a spreadsheet", () => {
  it("gets fields with commas, quotes and lines whole", () => expect(csv([["a,b", 'say "x"', "1\n2", 5]])).toBe('\uFEFF"a,b","say ""x""","1\n2",5\r\n'));
  it("runs no formula that a user wrote into a name", () => expect(csv([["=HYPERLINK(1)", "+1", "@x", -5]])).toBe("\uFEFF'=HYPERLINK(1),'+1,'@x,-5\r\n"));
});

describe("days", () => {
  it("go over the ends of months and years", () => {
    expect(addDays("2027-01-01", -1)).toBe("2026-12-31");
    expect(daysBetween("2028-02-27", "2028-03-01")).toEqual(["2028-02-27", "2028-02-28", "2028-02-29", "2028-03-01"]);
  });
  it("make periods", () => {
    expect(rangeOf("week", "2026-11-03")).toEqual({ since: "2026-10-28", until: "2026-11-03" });
    expect(rangeOf("month", "2026-11-03")).toEqual({ since: "2026-11-01", until: "2026-11-03" });
    expect(rangeOf("lastMonth", "2027-01-31")).toEqual({ since: "2026-12-01", until: "2026-12-31" });
  });
});

it("small amounts of money keep their digits, and units of one's own are written behind", () => {
  const { money } = numbersOf("en");
  expect([money(0, "CNY"), money(0.00497, "CNY"), money(1234.5, "CNY"), money(2, "POINTS")]).toEqual(["¥0.00", "¥0.00497", "¥1,234.50", "2.00 POINTS"]);
});

describe("the playground", () => {
  const question: Question = { prompt: "It's 5 o'clock", pictures: [], system: "", temperature: 0, maxTokens: null, seed: null };
  it("sends what is set and nothing else", () => {
    expect(bodyOf("m", question)).toEqual({ model: "m", messages: [{ role: "user", content: "It's 5 o'clock" }], temperature: 0, stream: true, stream_options: { include_usage: true } });
    expect(bodyOf("m", { ...question, system: "Be brief" }).messages).toHaveLength(2);
  });
  it("puts pictures before the words", () => {
    const url = "data:image/png;base64,AAAA";
    expect(bodyOf("m", { ...question, pictures: [url] }).messages).toEqual([{ role: "user", content: [{ type: "image_url", image_url: { url } }, { type: "text", text: "It's 5 o'clock" }] }]);
  });
  it("counts speed from the first token, and only when it can be known", () => {
    const answer: Answer = { text: "x", reasoning: "", running: false, firstAfter: 500, lastAfter: 1500, usage: { prompt_tokens: 1, completion_tokens: 11, total_tokens: 12 } };
    expect(speedOf(answer)).toBe(10);
    expect(speedOf({ ...answer, usage: undefined })).toBeUndefined();
    expect(speedOf({ ...answer, lastAfter: 500 })).toBeUndefined();
  });
  it("quotes for a shell", () => expect(curlOf("http://h", "m", question)).toContain(`It'\\''s 5 o'\\''clock`));
});
