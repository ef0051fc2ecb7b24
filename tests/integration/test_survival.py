"""What survives: SIGKILL at any moment, clients that stop reading, many connections at once."""
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
import urllib.parse
import urllib.request

from test_remote import STORIES, Peer, delta, finish, sse, wait_for
from test_server import SIYU, ServerCase

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import streams  # noqa: E402  the bench, here with fewer streams

GONE = (OSError, http.client.HTTPException, ValueError)  # what a killed server looks like from outside


class KilledTest(ServerCase):
    def verify(self):
        return subprocess.run([SIYU, "audit", "verify", "--data", self.server.data], capture_output=True, text=True, timeout=30)

    def upload(self, connection, names):
        """Adds files in one request; what it returns was acknowledged."""
        parts = b"".join(b'--edge\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\ndocument %s speaks of topic%s\r\n'
                         % (name.encode(), name.encode(), name.encode()) for name in names)
        headers = {"Authorization": "Bearer " + self.server.admin["api_key"], "Content-Type": "multipart/form-data; boundary=edge"}
        connection.request("POST", "/api/v1/knowledge-bases/kb/documents", parts + b"--edge--\r\n", headers)
        answer = connection.getresponse()
        text = answer.read()
        self.assertIn(answer.status, (200, 202), text)
        return [one["name"] for one in json.loads(text)["documents"]]

    def upload_until_killed(self, names, acknowledged, enough):
        address = urllib.parse.urlsplit(self.server.url)
        batches = [names[at : at + 10] for at in range(0, len(names), 10)]
        lock = threading.Lock()

        def work():
            with contextlib.closing(http.client.HTTPConnection(address.hostname, address.port, timeout=60)) as connection, contextlib.suppress(*GONE):
                while True:
                    with lock:
                        if not batches:
                            return
                        batch = batches.pop()
                    done = self.upload(connection, batch)
                    with lock:
                        acknowledged.extend(done)
                    if len(acknowledged) >= enough:
                        self.server.process.kill()

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for future in [pool.submit(work) for _ in range(4)]:
                future.result()

    def test_files_acknowledged_before_a_kill_are_found_and_none_twice(self):
        self.server.cli("kb", "create", "kb")
        names = [f"f{i}x" for i in range(1000)]
        acknowledged = []
        for enough in (random.randrange(50, 400), random.randrange(500, 950)):
            self.upload_until_killed([name for name in names if name not in acknowledged], acknowledged, enough)
            self.server.stop(signal.SIGKILL)
            self.server.start()
        wait_for(lambda: self.server.cli_json("kb", "show", "kb")["queued"] == 0, 240)
        state = self.server.cli_json("kb", "show", "kb")
        self.assertGreaterEqual(len(acknowledged), 500)
        self.assertEqual(len(set(acknowledged)), len(acknowledged))
        self.assertGreaterEqual(state["documents"], len(acknowledged))
        self.assertEqual((state["documents"], state["failed"]), (state["indexed"], 0))
        for name in acknowledged:
            status, body, _ = self.server.request("POST", "/api/v1/knowledge-bases/kb/search", {"query": "topic" + name, "top": 3})
            self.assertEqual((status, [hit["document"] for hit in json.loads(body)["hits"]]), (200, [name]))
        self.upload_until_killed(names, [], 2000)  # all of them once more: those that are there already stay one
        wait_for(lambda: self.server.cli_json("kb", "show", "kb")["queued"] == 0, 240)
        self.assertEqual(self.server.cli_json("kb", "show", "kb")["documents"], 1000)

    def make_and_revoke_keys(self, made, revoked, stop):
        while not stop.is_set():
            try:
                status, body, _ = self.server.request("POST", "/api/v1/keys", {"name": "k"})
                self.assertEqual(status, 201, body)
                key = json.loads(body)
                made[key["key"]["id"]] = key["secret"]
                if len(made) % 3 == 0:
                    status, body, _ = self.server.request("DELETE", "/api/v1/keys/" + key["key"]["id"])
                    self.assertEqual(status, 204, body)
                    revoked.add(key["key"]["id"])
            except GONE:
                return

    def test_keys_and_audit_entries_acknowledged_before_a_kill_are_there(self):
        made, revoked = {}, set()
        for _ in range(4):
            stop, count = threading.Event(), len(made)
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                working = [pool.submit(self.make_and_revoke_keys, made, revoked, stop) for _ in range(4)]
                wait_for(lambda: len(made) >= count + 8)
                time.sleep(random.random() / 4)  # any moment will do
                self.server.process.kill()
                stop.set()
                for future in working:
                    future.result()
            self.server.stop(signal.SIGKILL)
            self.assertEqual(self.verify().returncode, 0, self.verify().stdout)
            self.server.start()
        self.assertGreater(len(revoked), 4)
        for key, secret in made.items():
            # A revocation that was under way when the server died may have happened or not.
            status = self.server.request("GET", "/v1/models", key=secret)[0]
            self.assertEqual(status, 401) if key in revoked else self.assertIn(status, (200, 401))
        alive = sum(self.server.request("GET", "/v1/models", key=secret)[0] == 200 for secret in made.values())
        self.assertGreaterEqual(alive, len(made) - len(revoked) - 4 * 4)  # each kill may catch one revocation of each thread
        logged = {"key.create": 0, "key.revoke": 0}
        for path in sorted((self.server.data / "audit").glob("*.jsonl")):
            for line in path.read_text().splitlines():
                for action in logged:
                    logged[action] += f'"{action}"' in line
        self.assertGreaterEqual(logged["key.create"], len(made))
        self.assertGreaterEqual(logged["key.revoke"], len(revoked))

    def test_audit_log_is_whole_after_a_kill_and_broken_after_a_change(self):
        self.server.cli("kb", "create", "kb")
        self.server.stop(signal.SIGKILL)
        self.assertEqual(self.verify().returncode, 0, self.verify().stdout)
        segment = self.server.data / "audit" / "000001.jsonl"
        text = segment.read_bytes()
        self.assertIn(b"knowledge.create", text)
        segment.write_bytes(text.replace(b"knowledge.create", b"knowledge.deleta"))
        self.assertEqual(self.verify().returncode, 1)
        self.assertIn("entry", self.verify().stdout)

    def test_sigterm_ends_gracefully_and_a_restart_is_quick(self):
        self.server.cli("kb", "create", "kb")
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        self.assertEqual(self.server.cli_json("kb", "list")["knowledge_bases"][0]["name"], "kb")


@unittest.skipUnless(STORIES.exists(), "SIYU_TEST_MODELS is unset")
class WorkerTest(ServerCase):
    def setUp(self):
        super().setUp()
        for name in ("first", "second"):
            self.server.cli("model", "import", STORIES, "--name", name)
            self.server.cli("model", "load", name)

    def model(self, name):
        return next(one for one in self.server.cli_json("model", "list")["models"] if one["name"] == name)

    def stream(self, model, tokens, begun):
        """The text and the error of one streamed completion."""
        body = {"model": model, "prompt": "Once upon a time", "stream": True, "max_tokens": tokens, "seed": 7, "logit_bias": {"2": -100}}  # 2 would end the story
        request = urllib.request.Request(self.server.url + "/v1/completions", json.dumps(body).encode(), {"Authorization": "Bearer " + self.server.admin["api_key"]})
        text, error = "", None
        with urllib.request.urlopen(request, timeout=60) as answer:
            for line in answer:
                if not line.startswith(b"data: {"):
                    continue
                event = json.loads(line[6:])
                error = event.get("error", error)
                text += "".join(choice["text"] for choice in event.get("choices", []))
                begun.set()
        return text, error

    def test_a_killed_worker_costs_its_own_answers_only_and_is_replaced(self):
        pids = {name: self.model(name)["worker"]["pid"] for name in ("first", "second")}
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            begun = threading.Event()
            dying = [pool.submit(self.stream, "first", 480, begun) for _ in range(16)]
            self.assertTrue(begun.wait(30))
            unharmed = [pool.submit(self.stream, "second", 100, threading.Event()) for _ in range(4)]
            os.kill(pids["first"], signal.SIGKILL)
            errors = [future.result()[1] for future in dying]
            for text, error in [future.result() for future in unharmed]:
                self.assertIsNone(error)
                self.assertGreater(len(text), 100)
        self.assertTrue(any(errors))
        for error in filter(None, errors):
            self.assertIn("server_error", error["type"])
        wait_for(lambda: self.model("first")["state"] == "ready" and self.model("first")["worker"]["pid"] != pids["first"])
        self.assertEqual(self.model("first")["worker"]["restarts"], 1)
        self.assertEqual(self.model("second")["worker"]["pid"], pids["second"])
        self.assertIsNone(self.stream("first", 100, threading.Event())[1])

    def test_models_that_were_loaded_are_loaded_again_after_a_kill(self):
        self.server.cli("model", "unload", "second")
        self.server.stop(signal.SIGKILL)
        self.server.start()
        wait_for(lambda: self.model("first")["state"] == "ready", 60)
        self.assertEqual(self.model("second")["state"], "stopped")


class StreamsTest(ServerCase):
    def setUp(self):
        os.environ["SIYU_SERVER_STALLED_CLIENT_SECONDS"] = "2"
        self.addCleanup(os.environ.pop, "SIYU_SERVER_STALLED_CLIENT_SECONDS", None)
        super().setUp()
        self.peer = Peer()
        self.addCleanup(self.peer.stop)
        self.server.cli("engine", "add", "far", "--url", self.peer.url)

    def open_stream(self, content="Hi", receive_buffer=None):
        address = urllib.parse.urlsplit(self.server.url)
        client = socket.socket()
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.settimeout(60)
        client.connect((address.hostname, address.port))
        body = json.dumps({"model": "far", "stream": True, "messages": [{"role": "user", "content": str(content)}]}).encode()
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s"
                       % (self.server.admin["api_key"].encode(), len(body), body))
        self.addCleanup(client.close)
        return client

    def test_a_client_that_stops_reading_is_dropped_and_others_go_on(self):
        flowing, enough = threading.Event(), threading.Event()

        def endless(reply, path, body):
            reply.begin()
            flowing.set()
            try:
                for i in range(10**6):
                    reply.piece(sse(delta(content=f"{i} " + "x" * 4000)))
                    if enough.is_set():
                        break
            except OSError:
                self.peer.left.set()
                return
            reply.piece(sse(*finish()))
            reply.wfile.write(b"0\r\n\r\n")

        self.peer.answer = endless
        stalled = self.open_stream(receive_buffer=4096)
        self.assertTrue(flowing.wait(30))
        self.peer.answer = lambda reply, path, body: (reply.begin(), [(reply.piece(sse(delta(content=f"t{i} "))), time.sleep(0.02)) for i in range(200)],
                                                      reply.piece(sse(*finish())), reply.wfile.write(b"0\r\n\r\n"))
        healthy = self.open_stream()
        text = b""
        while b"[DONE]" not in text:
            text += healthy.recv(65536)
        self.assertEqual(text.count(b'"content":"t'), 200)  # 4 s, while the other was stalled and dropped
        self.assertTrue(self.peer.left.wait(30))  # its engine no longer works for it
        wait_for(lambda: self.server.cli_json("status")["streams"] == 0)
        self.assertLess(self.server.cli_json("status")["resident_bytes"], 100 << 20)
        with self.assertRaises((OSError, EOFError)):
            while stalled.recv(1 << 20):
                pass
            raise EOFError

    def test_engines_and_clients_that_do_everything_wrong_leave_nothing_behind(self):
        half = sse(delta(content="half"))

        def misbehave(reply, path, body):
            way = json.loads(body["messages"][0]["content"])
            if way == 0:
                return reply.stream(sse(delta(content="whole"), *finish()), 3)
            if way == 1:
                return reply.whole(random.choice((400, 401, 404, 429, 500)), {"error": {"message": "no"}})
            if way == 2:
                return reply.cut()
            if way == 3:
                return reply.whole(200, b"\x00\xff{{{{")
            reply.begin()
            reply.piece(half)
            return reply.cut() if way == 4 else reply.wait_until_left()

        self.peer.answer = misbehave
        open_files = lambda: len(list(pathlib.Path(f"/proc/{self.server.process.pid}/fd").iterdir()))
        self.server.request("GET", "/api/v1/engines")
        before = open_files()
        wrong = []

        def one(number):
            way = number % 6
            body = {"model": "far", "stream": number % 2 == 0, "messages": [{"role": "user", "content": str(way)}]}
            if way == 5:  # the engine falls silent, and the client leaves
                client = self.open_stream(way)
                while b"half" not in client.recv(65536):
                    pass
                return client.close()
            status, answer, _ = self.server.request("POST", "/v1/chat/completions", body)
            text = answer.decode()
            if way == 0 and not (status == 200 and "whole" in text):
                wrong.append((number, status, text))
            if way != 0 and '"error"' not in text:
                wrong.append((number, status, text))

        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            list(pool.map(one, range(600)))
        self.assertEqual(wrong, [])
        running = lambda: json.loads(self.server.request("GET", "/api/v1/engines")[1])["engines"][0]["requests_running"]
        wait_for(lambda: running() == 0)
        wait_for(lambda: self.server.cli_json("status")["streams"] == 0)
        wait_for(lambda: open_files() <= before + 8)  # pooled connections to the engine
        self.assertEqual(self.server.request("POST", "/v1/chat/completions", {"model": "far", "messages": [{"role": "user", "content": "0"}]})[0], 200)

    def test_many_idle_and_many_active_streams_at_once(self):
        found = streams.measure(self.server, idle=200, active=40, tokens=20, interval=0.05)
        self.assertEqual(found["whole_streams"], 40)
        self.assertEqual(found["idle_alive"], 200)
        self.assertLess(found["idle_bytes"], 64 << 10)
        self.assertLess(found["active_bytes"], 256 << 10)


if __name__ == "__main__":
    unittest.main()
