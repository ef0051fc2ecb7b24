"""Engines elsewhere: a scripted OpenAI-compatible server that does every wrong thing, and the real llama-server."""
import http.server
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time
import unittest
import urllib.error
import urllib.request

from test_server import Server, ServerCase

LLAMA_SERVER = os.environ.get("SIYU_LLAMA_SERVER", "")
STORIES = pathlib.Path(os.environ.get("SIYU_TEST_MODELS", "/nonexistent")) / "stories260K-f16.gguf"


def wait_for(what, seconds=30):
    """Polls until `what()` is true, and returns it."""
    deadline = time.monotonic() + seconds
    while not (value := what()):
        if time.monotonic() > deadline:
            raise AssertionError("it did not happen in time")
        time.sleep(0.02)
    return value


def sse(*chunks):
    return "".join(f"data: {chunk if isinstance(chunk, str) else json.dumps(chunk, ensure_ascii=False)}\n\n" for chunk in chunks).encode()


def delta(**fields):
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": None}]}


def finish(reason="stop", prompt=9, completion=3, cached=0):
    return [
        {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
        {"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "prompt_tokens_details": {"cached_tokens": cached}}},
        "[DONE]",
    ]


class Peer:
    """An OpenAI-compatible server; `answer(reply, path, body)` says what it does with a POST."""

    def __init__(self, port=0):
        peer = self
        self.requests, self.keys, self.key, self.left = [], [], None, threading.Event()
        self.answer = lambda reply, path, body: reply.stream(sse(delta(content="Hello"), delta(content=" there."), *finish()))

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def whole(self, status, body, **headers):
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def begin(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()

            def piece(self, data):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                self.wfile.flush()

            def stream(self, data, size=1 << 20):
                self.begin()
                for at in range(0, len(data), size):
                    self.piece(data[at : at + size])
                self.wfile.write(b"0\r\n\r\n")

            def cut(self):
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True

            def wait_until_left(self):
                """Waits for the client to close; a read of its socket ends then."""
                self.connection.settimeout(90)
                try:
                    if self.connection.recv(1) == b"":
                        peer.left.set()
                except OSError:
                    peer.left.set()
                self.close_connection = True

            def allowed(self):
                peer.keys.append(self.headers.get("Authorization"))
                if peer.key is None or self.headers.get("Authorization") == "Bearer " + peer.key:
                    return True
                self.whole(401, {"error": {"message": "no such key"}})
                return False

            def do_GET(self):
                if self.allowed():
                    self.whole(200 if self.path == "/v1/models" else 404, {"data": [{"id": "qwen-far", "object": "model", "owned_by": "sglang", "max_model_len": 4096}]})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.allowed():
                    peer.requests.append((self.path, body))
                    peer.answer(self, self.path, body)

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 512
            allow_reuse_address = True

            def handle_error(self, *_):
                pass  # a client that leaves is part of the tests

        self.listener = Listener(("127.0.0.1", port), Handler)
        self.port = self.listener.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.listener.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.listener.shutdown()
        self.listener.server_close()


class TlsServer(Server):
    options = []


class RemoteCase(ServerCase):
    idle_seconds = "60"

    def setUp(self):
        os.environ["SIYU_ENGINE_IDLE_SECONDS"] = self.idle_seconds
        self.addCleanup(os.environ.pop, "SIYU_ENGINE_IDLE_SECONDS", None)
        super().setUp()
        self.peer = Peer()
        self.addCleanup(lambda: self.peer.stop())

    def chat(self, content="Hi", **fields):
        body = {"model": "far", "messages": [{"role": "user", "content": content}], **fields}
        status, answer, headers = self.server.request("POST", "/v1/chat/completions", body)
        if fields.get("stream"):
            return status, [line[6:] for line in answer.decode().split("\n") if line.startswith("data: ")], headers
        return status, json.loads(answer), headers

    def state(self, name="far"):
        return next(one for one in self.server.cli_json("engine", "list")["engines"] if one["name"] == name)


class RemoteAnswersTest(RemoteCase):
    idle_seconds = "3"

    def setUp(self):
        super().setUp()
        self.added = self.server.cli_json("engine", "add", "far", "--url", self.peer.url)

    def test_chat_streamed_and_whole_over_odd_chunks(self):
        self.assertEqual((self.added["state"], self.added["context_length"]), ("ready", 4096))
        chunks = sse(delta(role="assistant", content=""), delta(reasoning_content="想"), delta(content="你好，"), delta(content="world."), *finish("length", 9, 3, 4))
        for size in (1, 5, 4096):
            self.peer.answer = lambda reply, path, body: reply.stream(chunks, size)
            status, whole, _ = self.chat(temperature=0.5, max_tokens=7, stop=["\n"])
            self.assertEqual(status, 200)
            self.assertEqual(whole["choices"][0]["message"]["content"], "你好，world.")
            self.assertEqual(whole["choices"][0]["message"]["reasoning_content"], "想")
            self.assertEqual(whole["choices"][0]["finish_reason"], "length")
            self.assertEqual(whole["usage"]["prompt_tokens_details"], {"cached_tokens": 4})
            _, events, _ = self.chat(stream=True, stream_options={"include_usage": True}, service_tier="auto")
            self.assertEqual(events[-1], "[DONE]")
            parsed = [json.loads(event) for event in events[:-1]]
            self.assertEqual({one["service_tier"] for one in parsed}, {"default"})
            self.assertEqual("".join(choice["delta"].get("content") or "" for one in parsed for choice in one["choices"]), "你好，world.")
            self.assertEqual(parsed[-1]["usage"]["total_tokens"], 12)
        path, sent = self.peer.requests[0]
        self.assertEqual(path, "/v1/chat/completions")
        self.assertEqual(sent, {"model": "qwen-far", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0.5, "max_tokens": 7, "stop": ["\n"],
                                "stream": True, "stream_options": {"include_usage": True}})
        self.assertEqual(self.server.cli("chat", "Hi", "--model", "far").stdout.strip(), "你好，world.")

    def test_an_engine_that_cannot_stream_answers_whole(self):
        call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q":1}'}}
        message = {"role": "assistant", "content": "你好", "reasoning_content": "想", "tool_calls": [call]}
        usage = {"prompt_tokens": 9, "completion_tokens": 3}
        self.peer.answer = lambda reply, path, body: reply.whole(200, {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}], "usage": usage}, Content_Type="application/json")
        status, whole, _ = self.chat()
        self.assertEqual(status, 200, whole)
        got = whole["choices"][0]
        self.assertEqual((got["message"]["content"], got["message"]["reasoning_content"], got["message"]["tool_calls"], got["finish_reason"]), ("你好", "想", [call], "tool_calls"))
        self.assertEqual(whole["usage"]["completion_tokens"], 3)
        _, events, _ = self.chat(stream=True, stream_options={"include_usage": True})
        self.assertEqual(events[-1], "[DONE]")
        parsed = [json.loads(event) for event in events[:-1]]
        self.assertEqual("".join(choice["delta"].get("content") or "" for one in parsed for choice in one["choices"]), "你好")
        self.assertEqual(parsed[-1]["usage"]["total_tokens"], 12)

    def test_tools_completions_and_logprobs(self):
        calls = [{"index": 0, "id": "c1", "type": "function", "function": {"name": "find", "arguments": ""}}]
        more = [{"index": 0, "function": {"arguments": '{"q":1}'}}]
        self.peer.answer = lambda reply, path, body: reply.stream(sse(delta(tool_calls=calls), delta(tool_calls=more), *finish("tool_calls")))
        tool = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}
        _, whole, _ = self.chat(tools=[tool], tool_choice="required")
        self.assertEqual(whole["choices"][0]["message"]["tool_calls"], [{"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q":1}'}}])
        self.assertEqual((self.peer.requests[0][1]["tools"], self.peer.requests[0][1]["tool_choice"]), ([tool], "required"))

        text = {"choices": [{"index": 0, "text": "once", "logprobs": {"tokens": ["once"], "token_logprobs": [-0.25], "top_logprobs": [{"once": -0.25}]}, "finish_reason": "stop"}]}
        self.peer.answer = lambda reply, path, body: reply.stream(sse(text, "[DONE]"))
        status, body, _ = self.server.request("POST", "/v1/completions", {"model": "far", "prompt": "Tell", "logprobs": 1})
        self.assertEqual(status, 200)
        self.assertEqual(json.loads(body)["choices"][0]["text"], "once")
        self.assertEqual(json.loads(body)["choices"][0]["logprobs"]["token_logprobs"], [-0.25])

    def test_faults_are_told_and_harm_nothing(self):
        half = sse(delta(content="half"))
        faults = [
            (lambda reply: reply.whole(400, {"error": {"message": "temperature is too hot"}}), 400, "temperature is too hot"),
            (lambda reply: reply.whole(401, {"error": {"message": "no"}}), 503, "The key of the engine far was refused"),
            (lambda reply: reply.whole(404, {"error": {"message": "no model qwen-far"}}), 404, "no model qwen-far"),
            (lambda reply: reply.whole(429, b"busy", Retry_After="7"), 429, "try again after 7 s"),
            (lambda reply: reply.whole(500, b"<html>boom"), 503, "The engine far failed (500)"),
            (lambda reply: (reply.begin(), reply.piece(half), reply.cut()), 503, "in the middle of its answer"),
            (lambda reply: reply.stream(half), 503, "the answer has no end"),
            (lambda reply: reply.stream(b"data: {not json\n\n"), 503, "not an OpenAI-compatible answer"),
            (lambda reply: reply.whole(200, {"choices": []}), 503, "the answer has no end"),
            (lambda reply: (reply.begin(), reply.piece(half), reply.wait_until_left()), 504, "fell silent in the middle of its answer"),
        ]
        for act, status, message in faults:
            self.peer.answer = lambda reply, path, body: act(reply)
            with self.subTest(message):
                got, body, _ = self.chat()
                self.assertEqual(got, status)
                self.assertIn(message, body["error"]["message"])
        self.peer.answer = lambda reply, path, body: faults[5][0](reply)
        status, events, _ = self.chat(stream=True)
        self.assertEqual(status, 200)
        self.assertEqual(json.loads(events[1])["choices"][0]["delta"]["content"], "half")
        self.assertIn("in the middle of its answer", json.loads(events[-1])["error"]["message"])

        tries = []

        def close_the_first(reply, path, body):
            tries.append(path)
            reply.cut() if len(tries) == 1 else reply.stream(sse(delta(content="second"), *finish()))

        self.peer.answer = close_the_first
        self.assertEqual(self.chat()[1]["choices"][0]["message"]["content"], "second")
        self.assertEqual(len(tries), 2)

    def test_an_engine_that_dies_and_comes_back(self):
        said = threading.Event()

        def say_and_wait(reply, path, body):
            reply.begin()
            reply.piece(sse(delta(content="half")))
            said.wait(20)
            reply.cut()

        self.peer.answer = say_and_wait
        body = json.dumps({"model": "far", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}).encode()
        request = urllib.request.Request(self.server.url + "/v1/chat/completions", body, {"Authorization": "Bearer " + self.server.admin["api_key"]})
        with urllib.request.urlopen(request, timeout=30) as answer:
            self.assertIn(b"data:", answer.readline())
            self.peer.stop()
            said.set()
            self.assertIn(b"in the middle of its answer", answer.read())
        status, body, headers = self.chat()
        self.assertEqual((status, headers["Retry-After"]), (503, "1"))
        self.assertIn("The engine far is down", body["error"]["message"])
        reason = wait_for(lambda: self.state()["state"] == "failed" and self.state()["reason"])
        self.assertIn(f"Cannot reach {self.peer.url}", reason)
        self.peer = Peer(self.peer.port)
        wait_for(lambda: self.chat()[0] == 200)
        self.assertEqual(self.state()["state"], "ready")


class RemoteLifeTest(RemoteCase):
    def test_engines_and_their_keys_survive_a_restart_and_stay_secret(self):
        self.peer.key = "sk-peer-4711"
        key_file = self.write("key", "sk-peer-4711\n")
        self.server.cli("engine", "add", "far", "--url", self.peer.url + "/v1/", "--key-file", key_file)
        self.assertIn("The key of the engine open was refused", self.server.cli("engine", "add", "open", "--url", self.peer.url).stdout)
        self.assertEqual(self.server.cli_json("engine", "add", "asleep", "--url", "http://127.0.0.1:1")["state"], "failed")
        self.assertEqual(self.chat()[0], 200)
        self.assertEqual(self.peer.keys[-1], "Bearer sk-peer-4711")
        self.server.stop(signal.SIGKILL)
        self.server.start()
        self.assertEqual(self.chat()[1]["choices"][0]["message"]["content"], "Hello there.")
        listed = self.server.cli_json("engine", "list")["engines"]
        self.assertEqual([one["name"] for one in listed], ["asleep", "far", "open"])
        self.assertIn("far", [one["id"] for one in json.loads(self.server.request("GET", "/v1/models")[1])["data"]])
        self.assertIn(("far", "remote", "ready"), [(one["name"], one["source"], one["state"]) for one in self.server.cli_json("model", "list")["models"]])
        secrets = self.server.data / "secrets"
        self.assertEqual((secrets.stat().st_mode & 0o777, (secrets / "engine-far.key").stat().st_mode & 0o777), (0o700, 0o600))
        self.assertNotIn("4711", json.dumps(listed))

        self.server.cli("engine", "rm", "far")
        self.assertFalse((secrets / "engine-far.key").exists())
        status, body, _ = self.chat()
        self.assertEqual(status, 404)
        self.assertIn("`far` is not loaded", body["error"]["message"])
        actions = [entry["action"] for entry in self.server.cli_json("audit", "list")["entries"]]
        self.assertTrue({"engine.create", "engine.delete", "engine.list"} <= set(actions))
        self.server.stop()
        self.assertNotIn("4711", self.server.log.read_text())
        for path in self.server.data.rglob("*"):
            if path.is_file() and path.suffix != ".key":
                self.assertNotIn(b"sk-peer-4711", path.read_bytes(), path)

    def test_what_may_be_added_and_by_whom(self):
        for url in ("ftp://x/v1", "http://user:pass@127.0.0.1/v1", "http://127.0.0.1/v1?key=1", "127.0.0.1:8000", "file:///etc/passwd"):
            refused = self.server.cli("engine", "add", "far", "--url", url, check=False)
            self.assertIn("give the address of the engine's API", refused.stderr)
        self.assertIn("name has 1 to 128", self.server.cli("engine", "add", "../x", "--url", self.peer.url, check=False).stderr)
        self.server.cli("engine", "add", "far", "--url", self.peer.url)
        self.assertIn("exists already", self.server.cli("engine", "add", "far", "--url", self.peer.url, check=False).stderr)
        self.server.cli("user", "add", "rita", "--role", "reader")
        user = self.server.cli_json("user", "add", "rob", "--role", "reader")
        _, body, headers = self.server.request("POST", "/api/v1/session", {"username": "rob", "password": user["password"]}, key="")
        signed_in = {"Cookie": headers["Set-Cookie"].split(";")[0], "X-Siyu-CSRF": json.loads(body)["csrf"]}
        self.assertEqual(self.server.request("GET", "/api/v1/engines", key="", headers=signed_in)[0], 200)
        self.assertEqual(self.server.request("POST", "/api/v1/engines", {"name": "x", "url": self.peer.url}, key="", headers=signed_in)[0], 403)
        self.assertEqual(self.server.request("DELETE", "/api/v1/engines/far", key="", headers=signed_in)[0], 403)

    def test_another_server_of_ours_is_an_engine_over_tls(self):
        inner = TlsServer(self.root / "inner")
        self.addCleanup(inner.stop, signal.SIGKILL)
        inner_cli = lambda *arguments: inner.cli(*arguments, "--ca", inner.data / "tls/cert.pem")
        inner_cli("engine", "add", "deep", "--url", self.peer.url)
        key = self.write("key", inner.admin["api_key"])
        add = ("engine", "add", "far", "--url", inner.url, "--key-file", key)
        refused = self.server.cli_json(*add)
        self.assertIn("The certificate of " + inner.url + " is not trusted", refused["reason"])
        self.server.cli("engine", "rm", "far")
        self.server.stop()
        os.environ["SIYU_ENGINE_CA_FILE"] = str(inner.data / "tls/cert.pem")
        self.addCleanup(os.environ.pop, "SIYU_ENGINE_CA_FILE")
        self.server.start()
        self.assertEqual(self.server.cli_json(*add)["state"], "ready")
        self.assertEqual(self.chat()[1]["choices"][0]["message"]["content"], "Hello there.")
        self.assertEqual(self.chat(max_tokens=0)[0], 400)  # found here, before anything is sent
        self.assertEqual(len(self.peer.requests), 1)

    def test_embeddings_come_from_the_engine_and_serve_search(self):
        def embed(reply, path, body):
            vectors = [[1.0 + text.count("cat"), 1.0 + text.count("rate"), 0.5] for text in body["input"]]
            reply.whole(200, {"data": [{"index": i, "embedding": v} for i, v in reversed(list(enumerate(vectors)))], "usage": {"prompt_tokens": 7}})

        self.peer.answer = embed
        self.server.cli("engine", "add", "vec", "--url", self.peer.url, "--embedding")
        status, body, _ = self.server.request("POST", "/v1/embeddings", {"model": "vec", "input": ["cat", "rate rate"]})
        self.assertEqual(status, 200)
        first, second = (one["embedding"] for one in json.loads(body)["data"])
        self.assertAlmostEqual(first[0], 2 * first[1], 5)
        self.assertAlmostEqual(second[1], 3 * second[0], 5)
        self.assertEqual(json.loads(body)["usage"]["prompt_tokens"], 7)
        self.server.cli("kb", "create", "kb")
        self.server.cli("kb", "add", "kb", self.write("a.txt", "The cat sleeps."), self.write("b.txt", "The rate falls."), "--wait")
        wait_for(lambda: self.server.cli_json("kb", "search", "kb", "a cat", "--top", "1")["mode"] == "hybrid")
        self.assertEqual(self.server.cli_json("kb", "search", "kb", "a cat", "--top", "1")["hits"][0]["document"], "a.txt")
        self.peer.answer = lambda reply, path, body: reply.whole(500, b"")
        found = self.server.cli_json("kb", "search", "kb", "a cat", "--top", "1")  # an engine that fails costs vectors, not the search
        self.assertEqual((found["mode"], found["hits"][0]["document"]), ("full_text", "a.txt"))

    def test_a_client_that_leaves_closes_the_connection_to_the_engine(self):
        self.server.cli("engine", "add", "far", "--url", self.peer.url)
        self.peer.answer = lambda reply, path, body: (reply.begin(), reply.piece(sse(delta(content="a"))), reply.wait_until_left())
        body = json.dumps({"model": "far", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}).encode()
        request = urllib.request.Request(self.server.url + "/v1/chat/completions", body, {"Authorization": "Bearer " + self.server.admin["api_key"]})
        with urllib.request.urlopen(request, timeout=30) as answer:
            self.assertIn(b"data:", answer.readline())
            self.assertEqual(self.state()["requests_running"], 1)
        self.assertTrue(self.peer.left.wait(30))  # the engine's own silence would end it after 60 s
        wait_for(lambda: self.state()["requests_running"] == 0)


class GroundedTest(RemoteCase):
    """Answers a model writes from passages: which of its sentences are cited, and with what."""

    def setUp(self):
        super().setUp()
        self.server.cli("engine", "add", "far", "--url", self.peer.url)
        self.server.cli("kb", "create", "kb")
        self.write("leave.md", "# Leave\n\nEvery employee has ten days of paid leave a year. Unused days lapse at the end of March.\n")
        self.write("travel.txt", "Hotels cost at most 500 yuan a night. Train tickets are booked by the travel office.")
        self.write("机房.txt", "服务器机房的温度应保持在二十二度。进入机房须登记姓名和时间。")
        self.server.cli("kb", "add", "kb", self.root / "files", "--wait")

    def ask(self, question, answer):
        self.peer.requests.clear()
        pieces = [answer[at : at + 7] for at in range(0, len(answer), 7)]
        self.peer.answer = lambda reply, path, body: reply.stream(sse(*(delta(content=piece) for piece in pieces), *finish()))
        return self.server.cli_json("ask", "--kb", "kb", question)

    def test_sentences_are_cited_with_the_passages_that_support_them(self):
        sentences = ["Employees have ten days of paid leave a year.", "The moon is made of green cheese and honey.", "All unused days lapse at the end of March."]
        answer = self.ask("How many days of paid leave does an employee have, and when do unused days lapse?", " ".join(sentences))
        self.assertEqual((answer["mode"], answer["model"], answer["answer"]), ("generative", "far", " ".join(sentences)))
        system = self.peer.requests[0][1]["messages"][0]
        self.assertEqual(system["role"], "system")
        self.assertIn("ten days of paid leave", system["content"])
        cited = [(answer["answer"].encode()[one["answer_start"] : one["answer_end"]].decode().strip(), one["document"], one["text"]) for one in answer["citations"]]
        self.assertEqual(cited, [(sentences[0], "leave.md", "Every employee has ten days of paid leave a year."),
                                 (sentences[2], "leave.md", "Unused days lapse at the end of March.")])
        for one in answer["citations"]:
            text = json.loads(self.server.request("GET", f"/api/v1/knowledge-bases/kb/documents/{one['document_id']}/text")[1])["markdown"].encode()
            self.assertEqual(text[one["start"] : one["end"]].decode(), one["text"])

    def test_chinese_sentences_are_cited(self):
        answer = self.ask("机房的温度应该是多少度？", "机房的温度应保持在二十二度。今天的天气非常晴朗宜人。进入机房须登记姓名和时间。")
        self.assertEqual(answer["mode"], "generative")
        self.assertEqual([one["text"] for one in answer["citations"]], ["服务器机房的温度应保持在二十二度。", "进入机房须登记姓名和时间。"])
        self.assertIn("请只根据", self.peer.requests[0][1]["messages"][0]["content"])

    def test_nothing_relevant_is_said_and_no_model_is_asked(self):
        answer = self.ask("Who discovered quantum entanglement?", "Einstein did.")
        self.assertEqual((answer["mode"], answer["citations"], self.peer.requests), ("none", [], []))
        self.assertNotIn("Einstein", answer["answer"])

    def test_streamed_and_whole_chat_carry_the_same_annotations(self):
        text = "Hotels cost at most 500 yuan a night. Swans are usually white and rather beautiful. Tickets for trains are booked by the travel office."
        self.peer.answer = lambda reply, path, body: reply.stream(sse(delta(content=text), *finish()), 11)
        question = "How much may a hotel cost a night, and who books train tickets?"
        _, whole, _ = self.chat(question, knowledge=["kb"])
        message = whole["choices"][0]["message"]
        self.assertEqual((message["content"], whole["siyu"]["mode"]), (text, "generative"))
        places = [one["file_citation"]["index"] for one in message["annotations"]]
        self.assertEqual([text[:place].rstrip()[-12:] for place in places], ["uan a night.", "avel office."])
        _, events, _ = self.chat(question, knowledge=["kb"], stream=True)
        last = json.loads(events[-2])
        self.assertEqual(last["choices"][0]["delta"]["annotations"], message["annotations"])

    def test_an_engine_that_fails_in_the_middle_fails_the_answer(self):
        self.peer.answer = lambda reply, path, body: (reply.begin(), reply.piece(sse(delta(content="Hotels cost"))), reply.cut())
        failed = self.server.cli("ask", "--kb", "kb", "How much may a hotel cost a night?", check=False)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("The engine far ended the connection", failed.stderr)


@unittest.skipUnless(os.access(LLAMA_SERVER, os.X_OK) and STORIES.exists(), "SIYU_LLAMA_SERVER or SIYU_TEST_MODELS is unset")
class LlamaServerTest(ServerCase):
    def start_llama(self, port, *more):
        log = open(self.root / "llama.log", "ab")
        self.addCleanup(log.close)
        self.llama = subprocess.Popen([LLAMA_SERVER, "-m", STORIES, "--host", "127.0.0.1", "--port", str(port), "-c", "1024", "-np", "2", "-t", "2",
                                       "--chat-template", "chatml", *more], stdout=log, stderr=log)
        self.addCleanup(lambda llama=self.llama: (llama.poll() is None and llama.kill(), llama.wait()))

    def setUp(self):
        super().setUp()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start_llama(self.port, "--embeddings", "--pooling", "mean")
        self.server.cli("engine", "add", "stories", "--url", f"http://127.0.0.1:{self.port}")
        wait_for(lambda: self.server.cli_json("engine", "list")["engines"][0]["state"] == "ready", 60)

    def test_everything_over_the_real_server(self):
        engine = self.server.cli_json("engine", "list")["engines"][0]
        self.assertGreater(engine["context_length"], 0)
        body = {"model": "stories", "messages": [{"role": "user", "content": "Once upon a time"}], "max_tokens": 20, "temperature": 0, "seed": 1}
        status, whole, _ = self.server.request("POST", "/v1/chat/completions", body)
        self.assertEqual(status, 200, whole)
        whole = json.loads(whole)
        self.assertTrue(whole["choices"][0]["message"]["content"])
        self.assertGreater(whole["usage"]["prompt_tokens"], 4)
        self.assertEqual(whole["usage"]["completion_tokens"], 20)
        self.assertEqual(whole["choices"][0]["finish_reason"], "length")
        _, stream, _ = self.server.request("POST", "/v1/chat/completions", {**body, "stream": True})
        events = [json.loads(line[6:]) for line in stream.decode().split("\n") if line.startswith("data: {")]
        self.assertEqual("".join(choice["delta"].get("content") or "" for one in events for choice in one["choices"]), whole["choices"][0]["message"]["content"])
        status, text, _ = self.server.request("POST", "/v1/completions", {"model": "stories", "prompt": "Once upon", "max_tokens": 8, "logprobs": 2})
        self.assertEqual(status, 200, text)
        self.assertEqual(len(json.loads(text)["choices"][0]["logprobs"]["tokens"]), 8)
        status, vectors, _ = self.server.request("POST", "/v1/embeddings", {"model": "stories", "input": ["a cat", "a dog", "a cat"]})
        self.assertEqual(status, 200, vectors)
        cat, dog, again = (one["embedding"] for one in json.loads(vectors)["data"])
        self.assertAlmostEqual(sum(x * x for x in dog), 1, 3)
        # One text in another batch is the same up to the engine's rounding.
        self.assertLess(max(abs(a - b) for a, b in zip(cat, again)), 1e-3)
        status, refused, _ = self.server.request("POST", "/v1/chat/completions", {**body, "messages": [{"role": "user", "content": "word " * 3000}]})
        self.assertEqual((status, json.loads(refused)["error"]["code"]), (400, "context_length_exceeded"))

    def test_a_knowledge_base_is_fitted_into_its_context(self):
        self.server.cli("kb", "create", "kb")
        self.server.cli("kb", "add", "kb", self.write("long.txt", "The garden has a red gate. " + "Many flowers grow in the garden behind the gate. " * 200), "--wait")
        answer = self.server.cli_json("ask", "--kb", "kb", "What colour is the gate of the garden?")
        self.assertEqual((answer["mode"], answer["model"]), ("generative", "stories"))

    def test_killed_while_it_answers_and_started_again(self):
        body = json.dumps({"model": "stories", "stream": True, "max_tokens": 900, "logit_bias": {"2": -100}, "messages": [{"role": "user", "content": "Once"}]}).encode()
        request = urllib.request.Request(self.server.url + "/v1/chat/completions", body, {"Authorization": "Bearer " + self.server.admin["api_key"]})
        with urllib.request.urlopen(request, timeout=30) as answer:
            self.assertIn(b"data:", answer.readline())
            self.llama.send_signal(signal.SIGSTOP)
            self.llama.kill()
            self.llama.wait()
            rest = answer.read()
        self.assertIn(b"The engine stories", rest)
        self.start_llama(self.port)
        ask = {"model": "stories", "max_tokens": 5, "messages": [{"role": "user", "content": "Once"}]}
        wait_for(lambda: self.server.request("POST", "/v1/chat/completions", ask)[0] == 200, 60)


if __name__ == "__main__":
    unittest.main()
