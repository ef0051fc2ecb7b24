// The official MCP SDKs for Node against a real server (SIYU_SERVER, SIYU_API_KEY, SIYU_BIN): the one of the handshake era and its successor.
import assert from "node:assert/strict";
import test from "node:test";
import * as modern from "@modelcontextprotocol/client";
import { StdioClientTransport as ModernStdio } from "@modelcontextprotocol/client/stdio";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const url = new URL(`${process.env.SIYU_SERVER}/mcp`);
const requestInit = { headers: { Authorization: `Bearer ${process.env.SIYU_API_KEY}` } };
const command = { command: process.env.SIYU_BIN, args: ["mcp"], env: { SIYU_SERVER: process.env.SIYU_SERVER, SIYU_API_KEY: process.env.SIYU_API_KEY } };
const info = { name: "siyu-tests", version: "1" };

const ways = {
  "sdk over HTTP": [() => new Client(info), () => new StreamableHTTPClientTransport(url, { requestInit })],
  "sdk over siyu mcp": [() => new Client(info), () => new StdioClientTransport(command)],
  "client over HTTP": [() => new modern.Client(info), () => new modern.StreamableHTTPClientTransport(url, { requestInit })],
  "client over siyu mcp": [() => new modern.Client(info), () => new ModernStdio(command)],
};

for (const [name, [make, transport]] of Object.entries(ways)) {
  test(name, async () => {
    const client = make();
    await client.connect(transport());
    try {
      const { tools } = await client.listTools();
      assert.deepEqual(tools.map((tool) => tool.name), ["list_knowledge_bases", "list_documents", "search", "ask", "read_document"]);
      // These check structured results against the tools' schemas themselves.
      const found = await client.callTool({ name: "search", arguments: { knowledge_base: "手册", query: "带薪年假" } });
      const [hit] = found.structuredContent.hits;
      assert.match(hit.text, /十天带薪年假/);
      const answer = await client.callTool({ name: "ask", arguments: { knowledge_base: "手册", question: "How much may a hotel cost?", mode: "extractive" } });
      assert.match(answer.structuredContent.answer, /500 yuan/);
      const { contents } = await client.readResource({ uri: hit.uri });
      assert.equal(Buffer.from(contents[0].text).subarray(hit.start, hit.end).toString(), hit.text);
      assert.ok((await client.listResources()).resources.length >= 3);
      const wrong = await client.callTool({ name: "ask", arguments: { knowledge_base: "nowhere", question: "?" } });
      assert.equal(wrong.isError, true);
    } finally {
      await client.close();
    }
  });
}

test("a wrong key is refused", async () => {
  const transport = new StreamableHTTPClientTransport(url, { requestInit: { headers: { Authorization: "Bearer sk-wrong" } } });
  await assert.rejects(new Client(info).connect(transport));
});
