// The official OpenAI SDK for Node against a real server (SIYU_SERVER, SIYU_API_KEY): unchanged code, only the base URL is ours.
import assert from "node:assert/strict";
import test from "node:test";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: `${process.env.SIYU_SERVER}/v1`, apiKey: process.env.SIYU_API_KEY, maxRetries: 0 });
const ask = (more = {}, options = {}) => client.chat.completions.create({ model: "talker", messages: [{ role: "user", content: "Hello" }], max_tokens: 16, seed: 7, ...more }, options);

test("models are listed", async () => {
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);
  assert.ok(names.includes("talker") && names.includes("embedder"));
});

test("whole and streamed answers agree", async () => {
  const whole = await ask();
  let text = "", usage;
  for await (const chunk of await ask({ stream: true, stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(usage.completion_tokens, whole.usage.completion_tokens);
});

test("the SDK's stream helper puts an answer together", async () => {
  const final = await client.chat.completions.stream({ model: "talker", messages: [{ role: "user", content: "Hello" }], max_tokens: 8, seed: 7 }).finalChatCompletion();
  assert.equal(final.choices[0].message.role, "assistant");
});

/** A grammar leaves white space free, and random weights may not come out of it; one of a few seeds does. */
async function finished(more) {
  for (let seed = 0; seed < 8; seed++) {
    const choice = (await ask({ ...more, seed, max_tokens: 250 })).choices[0];
    if (choice.finish_reason !== "length") return choice;
  }
  throw new Error("no seed finished");
}

test("tools and schemas are kept to", async () => {
  const parameters = { type: "object", properties: { city: { enum: ["Beijing", "Shanghai"] } }, required: ["city"], additionalProperties: false };
  const call = await finished({ tools: [{ type: "function", function: { name: "weather", parameters } }], tool_choice: "required", parallel_tool_calls: false });
  assert.equal(call.message.tool_calls[0].function.name, "weather");
  const answer = await finished({ response_format: { type: "json_schema", json_schema: { name: "trip", schema: parameters, strict: true } } });
  assert.ok(["Beijing", "Shanghai"].includes(JSON.parse(answer.message.content).city));
});

test("embeddings come as numbers", async () => {
  const answer = await client.embeddings.create({ model: "embedder", input: ["cat", "car"] });
  assert.deepEqual(answer.data.map((one) => one.embedding.length), [64, 64]);
});

test("errors are of the SDK's own kinds", async () => {
  await assert.rejects(ask({ model: "nobody" }), OpenAI.NotFoundError);
  await assert.rejects(ask({ temperature: 9 }), OpenAI.BadRequestError);
  await assert.rejects(async () => { for await (const _ of new OpenAI({ baseURL: `${process.env.SIYU_SERVER}/v1`, apiKey: "sk-wrong", maxRetries: 0 }).models.list()); }, OpenAI.AuthenticationError);
});

test("an aborted stream ends at once", async () => {
  const abort = new AbortController();
  const stream = await ask({ stream: true, max_tokens: 400 }, { signal: abort.signal });
  let chunks = 0;
  for await (const _ of stream) if (++chunks === 2) abort.abort();
  assert.ok(chunks < 100);
});

test("responses: whole, streamed, continued and read again", async () => {
  const question = { model: "talker", input: "Hello", max_output_tokens: 16, seed: 7 };
  const whole = await client.responses.create(question);
  let text = "", last = -1, id;
  for await (const event of await client.responses.create({ ...question, stream: true })) {
    assert.equal(event.sequence_number, last + 1);
    last = event.sequence_number;
    if (event.type === "response.created") id = event.response.id;
    if (event.type === "response.output_text.delta") text += event.delta;
  }
  assert.equal(text, whole.output_text);
  const rest = [];
  for await (const event of await client.responses.retrieve(id, { stream: true, starting_after: 3 })) rest.push(event.sequence_number);
  assert.deepEqual(rest, Array.from({ length: last - 3 }, (_, i) => i + 4));
  const next = await client.responses.create({ ...question, previous_response_id: whole.id });
  assert.ok(next.usage.input_tokens > whole.usage.input_tokens);
  assert.equal((await client.responses.retrieve(whole.id)).output_text, text);
  await client.responses.delete(whole.id);
  await assert.rejects(client.responses.retrieve(whole.id), OpenAI.NotFoundError);
});
