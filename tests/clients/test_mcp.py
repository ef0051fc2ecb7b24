"""The official MCP SDK for Python as a real client: both eras of the protocol, over HTTP and through `siyu mcp`."""
import asyncio
import contextlib
import json
import os
import pathlib
import subprocess
import time
import unittest

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from setting import SIYU, Server, Setting

TOOLS = ["list_knowledge_bases", "list_documents", "search", "ask", "read_document"]
REVISIONS = {"legacy": "2025-11-25", "auto": "2026-07-28"}


def setUpModule():
    global setting, server
    setting = Setting()
    server = setting.server


def tearDownModule():
    setting.stop()


@contextlib.asynccontextmanager
async def over_http(mode, key=None):
    async with httpx2.AsyncClient(headers={"Authorization": "Bearer " + (key or server.admin["api_key"])}, timeout=60) as http:
        async with Client(streamable_http_client(server.url + "/mcp", http_client=http), mode=mode, cache=None) as client:
            yield client


@contextlib.asynccontextmanager
async def over_stdio(mode):
    environment = {**os.environ, "SIYU_SERVER": server.url, "SIYU_API_KEY": server.admin["api_key"]}
    async with Client(StdioServerParameters(command=str(SIYU), args=["mcp"], env=environment), mode=mode, cache=None) as client:
        yield client


WAYS = {f"{way.__name__} {mode}": (way, mode) for way in (over_http, over_stdio) for mode in ("legacy", "auto")}


async def everything(client, case, mode):
    """One conversation; what it saw, for comparing the ways."""
    case.assertEqual(client.protocol_version, REVISIONS[mode])
    case.assertEqual([tool.name for tool in (await client.list_tools()).tools], TOOLS)
    bases = (await client.call_tool("list_knowledge_bases", {})).structured_content["knowledge_bases"]
    case.assertEqual([(base["name"], base["documents"]) for base in bases if base["name"] == "手册"], [("手册", 2)])

    found = await client.call_tool("search", {"knowledge_base": "手册", "query": "带薪年假", "top": 1})
    hit = found.structured_content["hits"][0]
    case.assertEqual(hit["document"], "年假.md")
    case.assertIn("十天带薪年假", found.content[0].text)
    case.assertIn(hit["uri"], found.content[0].text)

    whole = (await client.read_resource(hit["uri"])).contents[0]
    case.assertEqual(whole.mime_type, "text/markdown")
    case.assertEqual(whole.text.encode()[hit["start"] : hit["end"]].decode(), hit["text"])
    piece = (await client.call_tool("read_document", {"uri": hit["uri"], "start": hit["start"], "length": 24})).structured_content
    case.assertEqual(piece["markdown"].encode(), whole.text.encode()[piece["start"] : piece["end"]])
    case.assertEqual(piece["total"], len(whole.text.encode()))

    answer = await client.call_tool("ask", {"knowledge_base": "手册", "question": "How much may a hotel cost?", "mode": "extractive"})
    case.assertIn("500 yuan", answer.structured_content["answer"])
    case.assertEqual(answer.structured_content["citations"][0]["document"], "travel.txt")
    case.assertIn("Sources:", answer.content[0].text)

    progress = []
    async def on_progress(amount, _total, message):
        progress.append((amount, message))
    written = await client.call_tool("ask", {"knowledge_base": "手册", "question": "How much may a hotel cost?", "model": "talker", "mode": "generative"}, progress_callback=on_progress)
    case.assertFalse(written.is_error, written.content)
    text = written.structured_content["answer"]
    case.assertTrue(text.startswith("".join(message for _, message in progress)), (text, progress))
    case.assertTrue(progress)
    case.assertEqual(sorted(amount for amount, _ in progress), [amount for amount, _ in progress])

    resources = (await client.list_resources()).resources
    names = [resource.name for resource in resources if "%E6%89%8B%E5%86%8C" in str(resource.uri)]
    case.assertEqual([names[0], sorted(names[1:])], ["手册", ["travel.txt", "年假.md"]])
    overview = (await client.read_resource("siyu://knowledge-bases/%E6%89%8B%E5%86%8C")).contents[0].text
    case.assertIn(hit["uri"], overview)
    templates = (await client.list_resource_templates()).resource_templates
    case.assertEqual([template.uri_template for template in templates], ["siyu://knowledge-bases/{knowledge_base}", "siyu://knowledge-bases/{knowledge_base}/documents/{document}"])

    wrong = await client.call_tool("search", {"knowledge_base": "nowhere", "query": "x"})
    case.assertTrue(wrong.is_error)
    case.assertIn("no knowledge base named nowhere", wrong.content[0].text)
    misspelt = await client.call_tool("search", {"knowledge_base": "手册", "query": "x", "topp": 3})
    case.assertIn("topp", misspelt.content[0].text)
    with case.assertRaises(MCPError) as unknown:
        await client.call_tool("drop_everything", {})
    case.assertEqual(unknown.exception.error.code, -32602)
    with case.assertRaises(MCPError) as missing:
        await client.read_resource("siyu://knowledge-bases/%E6%89%8B%E5%86%8C/documents/doc_none")
    case.assertEqual(missing.exception.error.code, -32602 if mode == "auto" else -32002)


class ClientTest(unittest.TestCase):
    def test_tools_and_resources_work_in_both_eras_and_over_both_transports(self):
        for name, (way, mode) in WAYS.items():
            with self.subTest(name):
                async def run():
                    async with way(mode) as client:
                        await everything(client, self, mode)
                asyncio.run(run())

    def test_long_lists_come_in_pages_without_gap_or_repetition(self):
        folder = setting.root / "many"
        folder.mkdir()
        for i in range(230):
            (folder / f"note-{i}.txt").write_text(f"Note number {i}.")
        for base in ("aaa-empty", "many", "zzz-empty"):
            server.cli("kb", "create", base)
        server.cli("kb", "add", "many", folder, "--wait")

        async def pages(mode):
            async with over_http(mode) as client:
                names, sizes, cursor = [], [], None
                while True:
                    page = await client.list_resources(cursor=cursor)
                    names += [str(resource.uri) for resource in page.resources]
                    sizes.append(len(page.resources))
                    cursor = page.next_cursor
                    if not cursor:
                        break
                with self.assertRaises(MCPError):
                    await client.list_resources(cursor="d:nonsense")
                after, documents = None, []
                while True:
                    page = (await client.call_tool("list_documents", {"knowledge_base": "many", **({"after": after} if after else {})})).structured_content
                    documents += [one["document"] for one in page["documents"]]
                    after = page.get("next")
                    if not after:
                        return names, sizes, documents
        for mode in REVISIONS:
            names, sizes, documents = asyncio.run(pages(mode))
            self.assertEqual(len(names), len(set(names)))
            self.assertEqual(len([name for name in names if "/many/documents/" in name]), 230)
            self.assertEqual(len([name for name in names if name.endswith("-empty")]), 2)
            self.assertLessEqual(max(sizes), 101)
            self.assertEqual(len(set(documents)), 230)
        for base in ("aaa-empty", "many", "zzz-empty"):
            server.cli("kb", "rm", base)

    def test_accesses_are_audited_like_those_of_the_http_api(self):
        key = setting.reader("mona")["secret"]
        async def run():
            async with over_http("auto", key) as client:
                await client.call_tool("search", {"knowledge_base": "手册", "query": "hotel"})
                await client.call_tool("ask", {"knowledge_base": "手册", "question": "hotel", "mode": "extractive"})
                await client.list_resources()
        asyncio.run(run())
        server.request("POST", "/api/v1/knowledge-bases/%E6%89%8B%E5%86%8C/search", {"query": "hotel"}, key=key)
        entries = server.cli_json("audit", "list", "--actor", "mona")["entries"]
        seen = [(entry["action"], entry["resource"], entry["outcome"]) for entry in reversed(entries) if entry["action"].split(".")[0] in ("knowledge", "document")]
        self.assertEqual(seen, [("knowledge.search", "knowledge-bases/手册/search", "allowed"), ("knowledge.ask", "knowledge-bases/手册/ask", "allowed"),
                                ("knowledge.list", "knowledge-bases", "allowed"), ("document.list", "knowledge-bases/手册/documents", "allowed"),
                                ("knowledge.search", "knowledge-bases/手册/search", "allowed")])
        self.assertTrue(all(entry["request"].startswith("req_") for entry in entries if entry["action"] == "knowledge.ask"))

    def test_a_revoked_key_ends_at_once(self):
        made = setting.reader("rosa")
        seen = []
        async def run():
            async with over_http("auto", made["secret"]) as client:
                seen.append(len((await client.list_tools()).tools))
                server.cli("key", "revoke", made["key"]["id"])
                try:
                    await client.list_tools()
                except Exception as error:
                    seen.append(type(error).__name__)
        asyncio.run(run())
        self.assertEqual(seen, [len(TOOLS), "MCPError"])

    def test_a_cancelled_call_stops_the_model(self):
        for name, (way, mode) in WAYS.items():
            with self.subTest(name):
                async def run():
                    async with way(mode) as client:
                        question = {"knowledge_base": "手册", "question": "hotel", "model": "talker", "mode": "generative"}
                        begun = asyncio.Event()
                        async def on_progress(*_):
                            begun.set()
                        call = asyncio.create_task(client.call_tool("ask", question, progress_callback=on_progress))
                        await asyncio.wait_for(begun.wait(), 20)
                        call.cancel()
                        await asyncio.gather(call, return_exceptions=True)
                        deadline = time.monotonic() + 5
                        while await asyncio.to_thread(setting.running) > 0:
                            self.assertLess(time.monotonic(), deadline, "the generation goes on")
                        await client.list_tools()  # and the client goes on
                asyncio.run(run())


class NodeTest(unittest.TestCase):
    def test_the_sdks_for_node(self):
        environment = {**os.environ, "SIYU_SERVER": server.url, "SIYU_API_KEY": server.admin["api_key"], "SIYU_BIN": str(SIYU)}
        done = subprocess.run(["node", "--test", "--test-reporter=spec", pathlib.Path(__file__).with_name("mcp.test.mjs")], env=environment, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class BridgeTest(unittest.TestCase):
    def run_bridge(self, *lines, url=None, key=None):
        environment = {**os.environ, "SIYU_SERVER": url or server.url, "SIYU_API_KEY": key or server.admin["api_key"]}
        done = subprocess.run([SIYU, "mcp"], input="".join(line + "\n" for line in lines), env=environment, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_every_request_gets_an_answer_also_when_the_server_is_away(self):
        answers = self.run_bridge('{"jsonrpc":"2.0","id":7,"method":"initialize","params":{}}', "no json", url="http://127.0.0.1:9")
        self.assertEqual({answer["id"] for answer in answers}, {7, None})
        self.assertTrue(all(answer["error"] for answer in answers))

    def test_a_wrong_key_is_said_so(self):
        answer, = self.run_bridge('{"jsonrpc":"2.0","id":"a","method":"initialize","params":{"protocolVersion":"2025-11-25"}}', key="sk-wrong")
        self.assertEqual(answer["error"]["code"], 401)

    def test_a_session_outlives_a_restart_of_the_server(self):
        restarted = Server(setting.root / "restarted")
        self.addCleanup(restarted.stop)
        with open(setting.root / "bridge.err", "w") as err:
            environment = {**os.environ, "SIYU_SERVER": restarted.url, "SIYU_API_KEY": restarted.admin["api_key"]}
            bridge = subprocess.Popen([SIYU, "mcp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err, env=environment, text=True)
        def ask(number, method, params=None):
            bridge.stdin.write(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}}) + "\n")
            bridge.stdin.flush()
            return json.loads(bridge.stdout.readline())
        try:
            self.assertIn("result", ask(1, "initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}))
            self.assertIn("result", ask(2, "tools/list"))
            restarted.stop()
            restarted.listen = restarted.url.split("//")[1]
            restarted.start()
            self.assertEqual([tool["name"] for tool in ask(3, "tools/list")["result"]["tools"]], TOOLS)
        finally:
            bridge.stdin.close()
            self.assertEqual(bridge.wait(20), 0)
            bridge.stdout.close()


class WireTest(unittest.TestCase):
    """What no well-behaved client sends."""

    META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}

    def post(self, body, headers=None, key=None, method="POST"):
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        headers = {"Authorization": "Bearer " + (key or server.admin["api_key"]), "Content-Type": "application/json", "Accept": "application/json, text/event-stream", **(headers or {})}
        answer = httpx2.request(method, server.url + "/mcp", content=data, headers=headers)
        return answer.status_code, answer.json() if answer.content else None, answer.headers

    def session(self, key=None, revision="2025-11-25"):
        status, body, headers = self.post({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": revision}}, key=key)
        self.assertEqual(status, 200)
        return headers["Mcp-Session-Id"], body["result"]["protocolVersion"]

    def stateless(self, method, params=None, meta=META, **headers):
        mirrored = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.post({"jsonrpc": "2.0", "id": 1, "method": method, "params": {**(params or {}), "_meta": meta}}, {name: value for name, value in mirrored.items() if value})

    def test_pages_of_other_origins_are_turned_away(self):
        message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}}
        for origin, status in (("http://evil.example", 403), ("null", 403), ("http://localhost.evil.example:80", 403), ("http://evil.example/127.0.0.1", 403),
                               ("http://localhost:6274", 200), ("https://[::1]:8080", 200), ("http://127.0.0.1", 200)):
            # As a rebound name would have it: Host and Origin agree.
            self.assertEqual(self.post(message, {"Origin": origin, "Host": origin.split("//")[-1].split("/")[0]} if status == 403 and "//" in origin else {"Origin": origin})[0], status, origin)

    def test_a_key_is_needed(self):
        self.assertEqual(httpx2.post(server.url + "/mcp", json={}).status_code, 401)
        self.assertEqual(httpx2.post(server.url + "/mcp", json={}).headers["WWW-Authenticate"], "Bearer")

    def test_malformed_messages_are_refused_in_json_rpc_s_shapes(self):
        rows = [(b"", -32700), (b"{", -32700), (b"\xff\xfe", -32700), (b"[" * 5000, -32700), (b"[]", -32600), (b"42", -32600), (b"null", -32600), (b"{}", -32600),
                ({"jsonrpc": "1.0", "id": 1, "method": "ping"}, -32600), ({"jsonrpc": "2.0", "id": 1}, -32600), ({"jsonrpc": "2.0", "id": None, "method": "ping"}, -32600),
                ({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}, -32600), ({"jsonrpc": "2.0", "id": "x" * 300, "method": "ping"}, -32600),
                ({"jsonrpc": "2.0", "id": 1, "method": 5}, -32600), ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}, -32600),
                ([{"jsonrpc": "2.0", "id": 1, "method": "ping"}], -32600), ({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, -32600)]
        for body, code in rows:
            status, answer, _ = self.post(body)
            self.assertEqual((status, answer["error"]["code"]), (400, code), body)
        self.assertEqual(self.post(b"{}", {"Content-Type": "text/plain"})[0], 415)
        self.assertEqual(self.post(b" " * (2 << 20))[0], 413)
        status, _, headers = self.post(None, method="GET")
        self.assertEqual((status, headers["Allow"]), (405, "POST, DELETE"))

    def test_sessions_belong_to_their_user_and_end(self):
        session, _ = self.session()
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        self.assertEqual(self.post(ping, {"Mcp-Session-Id": session})[1]["result"], {})
        self.assertEqual(self.post(ping, {"Mcp-Session-Id": session, "MCP-Protocol-Version": "1999-01-01"})[0], 400)
        other = setting.reader("otto")["secret"]
        self.assertEqual(self.post(ping, {"Mcp-Session-Id": session}, key=other)[0], 404)
        self.assertEqual(self.post(None, {"Mcp-Session-Id": session}, key=other, method="DELETE")[0], 404)
        self.assertEqual(self.post(None, {"Mcp-Session-Id": session}, method="DELETE")[0], 204)
        self.assertEqual(self.post(ping, {"Mcp-Session-Id": session})[0], 404)
        self.assertEqual(self.post({"jsonrpc": "2.0", "method": "notifications/initialized"}, {"Mcp-Session-Id": self.session()[0]})[0], 202)
        self.assertEqual([self.session(revision=revision)[1] for revision in ("2025-06-18", "2025-11-25", "2024-11-05", "2026-07-28", "x")],
                         ["2025-06-18", "2025-11-25", "2025-11-25", "2025-11-25", "2025-11-25"])

    def test_stateless_requests_say_all_and_say_it_twice(self):
        status, body, _ = self.stateless("server/discover")
        self.assertEqual((status, body["result"]["resultType"], body["result"]["supportedVersions"][0]), (200, "complete", "2026-07-28"))
        call = {"name": "list_knowledge_bases"}
        self.assertEqual(self.stateless("tools/call", call, Mcp_Name="list_knowledge_bases")[0], 200)
        for headers in ({}, {"Mcp_Name": "ask"}, {"Mcp_Name": "list_knowledge_bases", "Mcp_Method": "tools/list"}, {"Mcp_Name": "=?base64?!!?="},
                        {"Mcp_Name": "list_knowledge_bases", "MCP_Protocol_Version": "2025-11-25"}):
            status, body, _ = self.stateless("tools/call", call, **headers)
            self.assertEqual((status, body["error"]["code"]), (400, -32020), headers)
        self.assertEqual(self.stateless("tools/call", call, Mcp_Name="=?base64?bGlzdF9rbm93bGVkZ2VfYmFzZXM=?=")[0], 200)
        status, body, _ = self.stateless("tools/list", meta={"io.modelcontextprotocol/protocolVersion": "2026-07-28"})
        self.assertEqual((status, body["error"]["code"]), (400, -32602))
        later = {**self.META, "io.modelcontextprotocol/protocolVersion": "2099-01-01"}
        status, body, _ = self.stateless("tools/list", meta=later, MCP_Protocol_Version="2099-01-01")
        self.assertEqual((status, body["error"]["code"], body["error"]["data"]["requested"]), (400, -32022, "2099-01-01"))
        for gone in ("ping", "logging/setLevel", "subscriptions/listen"):
            status, body, _ = self.stateless(gone)
            self.assertEqual((status, body["error"]["code"]), (404, -32601))

    def test_uris_that_climb_or_lie_find_nothing(self):
        for uri in ("", "siyu://", "file:///etc/passwd", "siyu://knowledge-bases/", "siyu://knowledge-bases/..%2f..", "siyu://knowledge-bases/a/b", "siyu://knowledge-bases/%ff",
                    "siyu://knowledge-bases/a/documents/", "siyu://knowledge-bases/a/documents/x/y", "siyu://knowledge-bases/'%3B--/documents/'"):
            status, body, _ = self.stateless("resources/read", {"uri": uri}, Mcp_Name=uri)
            self.assertIn("error", body, uri)
            self.assertEqual(status, 400, uri)


if __name__ == "__main__":
    unittest.main()
