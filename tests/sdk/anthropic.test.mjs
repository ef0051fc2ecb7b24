// The official Anthropic SDK for Node against a real server (SIYU_SERVER, SIYU_API_KEY): unchanged code, only the base URL is ours.
import assert from "node:assert/strict";
import test from "node:test";
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: process.env.SIYU_SERVER, apiKey: process.env.SIYU_API_KEY, maxRetries: 0 });
const hello = { model: "talker", max_tokens: 16, temperature: 0, messages: [{ role: "user", content: "Hello" }] };

test("whole and streamed messages agree", async () => {
  const whole = await client.messages.create(hello);
  const seen = [];
  const stream = client.messages.stream(hello).on("streamEvent", (event) => seen.push(event.type));
  const final = await stream.finalMessage();
  assert.equal(final.content[0].text, whole.content[0].text);
  assert.deepEqual([seen[0], seen[1], seen.at(-2), seen.at(-1)], ["message_start", "content_block_start", "message_delta", "message_stop"]);
  assert.equal(final.stop_reason, "max_tokens");
});

test("tokens are counted", async () => {
  const { max_tokens: _, temperature: __, ...question } = hello;
  const { input_tokens } = await client.messages.countTokens(question);
  const usage = (await client.messages.create(hello)).usage;
  assert.equal(usage.input_tokens + usage.cache_read_input_tokens, input_tokens);
});

test("errors are of the SDK's own kinds", async () => {
  await assert.rejects(client.messages.create({ ...hello, model: "nobody" }), Anthropic.NotFoundError);
  await assert.rejects(client.messages.create({ ...hello, temperature: 9 }), Anthropic.BadRequestError);
  await assert.rejects(new Anthropic({ baseURL: process.env.SIYU_SERVER, apiKey: "sk-wrong", maxRetries: 0 }).messages.create(hello), Anthropic.AuthenticationError);
});
