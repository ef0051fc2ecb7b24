import { describe, expect, it } from "vitest";
import { cutAtBytes, humanBytes } from "./bytes";
import { words } from "./i18n";
import { events } from "./sse";

async function collect(pieces: Uint8Array[]) {
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
  const found: string[] = [];
  for await (const event of events(stream)) found.push(event);
  return found;
}

describe("server-sent events", () => {
  const bytes = new TextEncoder().encode('data: {"a":"年假"}\n\ndata: [DONE]\n\n');
  it("come whole wherever the network cuts them", async () => {
    for (let size = 1; size <= bytes.length; size++) {
      const pieces = [];
      for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.slice(at, at + size));
      expect(await collect(pieces)).toEqual(['{"a":"年假"}', "[DONE]"]);
    }
  });
});

describe("byte offsets", () => {
  it("cut Chinese and emoji between characters", () => {
    const text = "员工😀ab";
    expect(cutAtBytes(text, [3, 6, 10])).toEqual(["员", "工", "😀", "ab"]);
  });
  it("survive offsets beyond the end", () => expect(cutAtBytes("ab", [1, 99])).toEqual(["a", "b", ""]));
});

it("sizes are short", () => expect([humanBytes(0), humanBytes(1536), humanBytes(5e9)]).toEqual(["0 B", "1.5 KiB", "4.7 GiB"]));

it("every word stands in both languages", () => {
  for (const [key, pair] of Object.entries(words)) {
    expect(pair, key).toHaveLength(2);
    expect(pair.every((text) => text.trim() !== ""), key).toBe(true);
    const places = pair.map((text) => (text.match(/\{\w+\}/g) ?? []).sort().join());
    expect(places[0], key).toBe(places[1]);
  }
});
