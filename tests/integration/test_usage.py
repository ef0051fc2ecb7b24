"""Limits, budgets and usage of the real server: exact under crowds, kept over SIGKILL, told as OpenAI's clients expect."""
import concurrent.futures
import contextlib
import http.client
import json
import os
import random
import signal
import threading
import time
import unittest
import urllib.parse

from test_remote import STORIES, Peer, delta, finish, sse, wait_for
from test_server import ServerCase

QUESTION = [{"role": "user", "content": "Count to three, please."}]


class UsageCase(ServerCase):
    """The server over an engine elsewhere that says how many tokens it took."""

    def setUp(self):
        super().setUp()
        self.peer = Peer()
        self.addCleanup(self.peer.stop)
        self.connect()

    def connect(self):
        self.server.cli("engine", "add", "far", "--url", self.peer.url + "/v1", "--model", "qwen-far")
        wait_for(lambda: self.server.cli_json("engine", "list")["engines"][0]["state"] == "ready")

    def new_user(self, name):
        self.assertEqual(self.server.request("POST", "/api/v1/users", {"username": name, "role": "reader", "password": "correct horse"})[0], 201)
        status, body, headers = self.server.request("POST", "/api/v1/session", {"username": name, "password": "correct horse"}, key="")
        self.assertEqual(status, 200, body)
        session = {"Cookie": headers["Set-Cookie"].split(";")[0], "X-Siyu-CSRF": json.loads(body)["csrf"]}
        status, body, _ = self.server.request("POST", "/api/v1/keys", {"name": name + "'s"}, key="", headers=session)
        self.assertEqual(status, 201, body)
        return json.loads(body)

    def ask(self, key=None, headers=None, **more):
        return self.server.request("POST", "/v1/chat/completions", {"model": "far", "messages": QUESTION, **more}, key=key, headers=headers)

    def usage(self, by="user", name="admin"):
        rows = self.server.cli_json("usage", "--by", by)["rows"]
        return next((row for row in rows if row["name"] == name), None)


class LimitTest(UsageCase):
    def test_usage_is_told_by_user_key_model_and_day(self):
        bob = self.new_user("bob")
        self.peer.answer = lambda reply, *_: reply.stream(sse(delta(content="one two"), *finish(prompt=11, completion=7, cached=4)))
        self.server.cli("price", "set", "far", "--input", "1", "--cached", "0.5", "--output", "4")
        self.assertEqual(self.ask()[0], 200)
        self.assertEqual(self.ask(bob["secret"])[0], 200)
        self.assertEqual(self.ask(bob["secret"], stream=True)[0], 200)
        for by, name, calls in (("user", "bob", 2), ("key", "bob's", 2), ("user", "admin", 1), ("model", "far", 3)):
            row = self.usage(by, name)
            self.assertEqual([row[field] for field in ("requests", "failed", "prompt_tokens", "cached_tokens", "completion_tokens")], [calls, 0, 11 * calls, 4 * calls, 7 * calls])
            self.assertAlmostEqual(row["cost"], calls * (7 * 1 + 4 * 0.5 + 7 * 4) / 1e6, places=12)
        self.assertEqual(self.server.cli_json("usage", "--by", "day")["total"]["total_tokens"], 54)
        status, body, _ = self.server.request("GET", "/api/v1/usage?by=user", key=bob["secret"])
        self.assertEqual([row["name"] for row in json.loads(body)["rows"]], ["bob"], "others are not shown to a reader")
        self.assertEqual(self.server.request("GET", "/api/v1/limits", key=bob["secret"])[0], 403)
        self.assertIn("bob", self.server.cli("usage").stdout)
        metrics = self.server.request("GET", "/metrics")[1].decode()
        self.assertIn('gen_ai_client_token_usage_sum{gen_ai_request_model="far",gen_ai_token_type="input"} 33', metrics)

    def test_limits_are_told_in_headers_and_refusals_say_when_to_come_again(self):
        self.server.cli("limit", "set", "user:admin", "--requests-per-minute", "2", "--tokens-per-minute", "1000")
        status, _, headers = self.ask(max_tokens=50)
        self.assertEqual(status, 200)
        self.assertEqual((headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]), ("2", "1"))
        self.assertEqual(headers["x-ratelimit-limit-tokens"], "1000")
        self.assertRegex(headers["x-ratelimit-reset-requests"], r"^(1m\ds|\d+s)$")
        self.assertEqual(self.ask(max_tokens=50)[0], 200)
        status, body, headers = self.ask(max_tokens=50)
        error = json.loads(body)["error"]
        self.assertEqual((status, error["type"], error["code"]), (429, "rate_limit_error", "rate_limit_exceeded"))
        self.assertTrue(1 <= int(headers["Retry-After"]) <= 61, headers["Retry-After"])
        self.assertEqual(headers["x-ratelimit-remaining-requests"], "0")
        self.server.cli("limit", "set", "user:admin", "--budget-total", "0")
        self.server.cli("price", "set", "*", "--input", "1", "--output", "1")
        status, body, headers = self.ask(max_tokens=50)
        self.assertEqual((status, json.loads(body)["error"]["code"], headers["x-should-retry"]), (429, "insufficient_quota", "false"))
        self.server.cli("limit", "rm", "user:admin")
        self.assertEqual(self.ask(max_tokens=50)[0], 200)
        self.assertEqual(self.server.cli("limit", "set", "user:nobody", "--tokens-per-day", "1", check=False).returncode, 1)

    def test_a_request_begun_on_the_loop_and_taken_up_by_a_thread_is_one_request(self):
        """The first call finds no account in memory, the last comes near its limit: both begin on the loop and end on a thread."""
        self.server.cli("limit", "set", "user:admin", "--tokens-per-day", "500")
        for _ in range(2):
            self.assertEqual(self.ask(max_tokens=50)[0], 200)
        self.assertEqual(self.ask(max_tokens=490)[0], 429)
        self.assertEqual(self.ask(n=2, max_tokens=5)[0], 200)
        self.assertEqual((self.usage()["requests"], len(self.peer.requests)), (4, 4))
        entries = [entry for entry in self.server.cli_json("audit", "list")["entries"] if entry["action"] == "chat.create"]
        self.assertEqual(len(entries), 4)

    def test_a_stream_that_its_client_left_is_counted(self):
        left = threading.Event()

        def answer(reply, *_):
            reply.begin()
            reply.piece(sse(delta(content="One "), delta(content="two "), delta(content="three")))
            reply.wait_until_left()
            left.set()

        self.peer.answer = answer
        address = urllib.parse.urlsplit(self.server.url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        connection.request("POST", "/v1/chat/completions", json.dumps({"model": "far", "messages": QUESTION, "stream": True}),
                           {"Authorization": "Bearer " + self.server.admin["api_key"], "Content-Type": "application/json"})
        response = connection.getresponse()
        while b"three" not in response.readline():
            pass
        response.close()
        connection.close()
        self.assertTrue(left.wait(30))
        row = wait_for(lambda: self.usage())
        self.assertEqual((row["requests"], row["failed"], row["completion_tokens"]), (1, 0, 3))
        self.assertGreater(row["prompt_tokens"], 0)


class BudgetTest(UsageCase):
    def crowd(self, key, clients, each):
        """How many calls of many clients at once passed."""
        def client(_):
            passed = 0
            for _ in range(each):
                status, body, _ = self.ask(key, max_tokens=20)
                self.assertIn(status, (200, 429), body)
                passed += status == 200
            return passed

        with concurrent.futures.ThreadPoolExecutor(clients) as pool:
            return sum(pool.map(client, range(clients)))

    def test_a_crowd_spends_a_budget_to_the_token_and_no_more(self):
        bob = self.new_user("bob")
        self.peer.answer = lambda reply, *_: reply.stream(sse(delta(content="x"), *finish(prompt=9, completion=11)))
        self.server.cli("limit", "set", "user:bob", "--tokens-per-day", "2500")
        passed = self.crowd(bob["secret"], 40, 5)
        row = self.usage(name="bob")
        self.assertEqual(row["total_tokens"], passed * 20)
        self.assertLessEqual(row["total_tokens"], 2500)
        # What was held by others is free again: single calls go on until not even one more fits.
        while self.ask(bob["secret"], max_tokens=20)[0] == 200:
            passed += 1
        row = self.usage(name="bob")
        self.assertEqual(row["total_tokens"], passed * 20)
        self.assertGreater(row["total_tokens"], 2500 - 20 - 200, "a call may use its prompt's bytes and 20 tokens")
        limits = self.server.cli_json("limit", "list")["limits"][0]
        self.assertEqual((limits["subject"], limits["used"]["tokens_today"], limits["used"]["tokens_held"]), ("user:bob", row["total_tokens"], 0))

    def test_a_killed_server_has_lost_no_token(self):
        """Every token that reached a client is in the usage, and of ended calls no token more."""
        bob = self.new_user("bob")
        self.peer.answer = self.slow_answer
        lock, seen = threading.Lock(), {"done": 0, "sure": 0, "begun": 0}

        def client(stop):
            while not stop.is_set():
                words = 0
                address = urllib.parse.urlsplit(self.server.url)
                connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
                with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
                    connection.request("POST", "/v1/chat/completions", json.dumps({"model": "far", "messages": QUESTION, "stream": True, "max_tokens": 64}),
                                       {"Authorization": "Bearer " + bob["secret"], "Content-Type": "application/json"})
                    response = connection.getresponse()
                    for line in response:
                        words += b'"content":"w' in line
                        if line.startswith(b"data: [DONE]"):
                            with lock:
                                seen["done"] += 1
                            words = 0
                            break
                with lock:
                    seen["sure"] += words

        for _ in range(3):
            stop = threading.Event()
            with concurrent.futures.ThreadPoolExecutor(30) as pool:
                running = [pool.submit(client, stop) for _ in range(30)]
                target = seen["done"] + 40
                wait_for(lambda: seen["done"] >= target)
                time.sleep(random.random() / 5)  # any moment will do
                self.server.process.kill()
                stop.set()
                for future in running:
                    future.result()
            self.server.stop(signal.SIGKILL)
            self.server.start()
            wait_for(lambda: self.server.cli_json("engine", "list")["engines"][0]["state"] == "ready")
        row = self.usage(name="bob")
        # Ended calls took 16 tokens each. Of a cut one what the server had handed on is counted: at least what came here, at most its 16.
        self.assertGreaterEqual(row["completion_tokens"], 16 * seen["done"] + seen["sure"])
        self.assertLessEqual(row["completion_tokens"], 16 * (seen["done"] + 3 * 30))
        self.assertGreater(row["failed"], 0)
        total = self.server.cli_json("usage", "--by", "day")["total"]
        self.assertEqual(total["completion_tokens"], row["completion_tokens"])

    def slow_answer(self, reply, *_):
        reply.begin()
        for number in range(16):
            reply.piece(sse(delta(content=f"w{number} ")))
            time.sleep(0.002)
        reply.piece(sse(*finish(prompt=9, completion=16)))
        reply.wfile.write(b"0\r\n\r\n")


@unittest.skipUnless(STORIES.exists(), "SIYU_TEST_MODELS names no folder with stories260K-f16.gguf")
class KilledWorkerTest(ServerCase):
    def test_what_killed_workers_wrote_is_charged_to_the_token(self):
        """What every client counted for itself, by log probabilities and usage, is the usage of the server."""
        self.server.cli("model", "import", STORIES, "--name", "stories")
        self.server.cli("model", "load", "stories", "--sequences", "8")
        self.server.cli("limit", "set", "user:admin", "--tokens-per-day", "10000000")
        worker = lambda: self.server.cli_json("model", "list")["models"][0]["worker"]["pid"]
        prompt = json.loads(self.stream(1)[0])["usage"]["prompt_tokens"]
        totals, lock, stop = {"prompt": prompt, "completion": 1, "cut": 0, "done": 0}, threading.Lock(), threading.Event()

        def client():
            while not stop.is_set():
                last, tokens = self.stream(300)
                usage = json.loads(last or "{}").get("usage")
                with lock:
                    totals["prompt"] += prompt if usage or tokens else 0
                    totals["completion"] += usage["completion_tokens"] if usage else tokens
                    totals["done" if usage else "cut"] += bool(usage or tokens)

        threads = [threading.Thread(target=client) for _ in range(12)]
        for thread in threads:
            thread.start()
        for _ in range(4):
            done = totals["done"]
            wait_for(lambda: totals["done"] > done + 5, 60)
            time.sleep(random.random() / 10)  # any moment will do
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker(), signal.SIGKILL)
        stop.set()
        for thread in threads:
            thread.join(60)
        total = self.server.cli_json("usage")["total"]
        self.assertGreater(totals["cut"], 0)
        self.assertEqual((total["prompt_tokens"], total["completion_tokens"]), (totals["prompt"], totals["completion"]))
        used = self.server.cli_json("limit", "list")["limits"][0]["used"]
        self.assertEqual((used["tokens_today"], used["tokens_held"], used["requests_running"]), (total["total_tokens"], 0, 0))

    def stream(self, tokens):
        """The last chunk of a whole answer (nothing for a cut one), and how many tokens came."""
        body = {"model": "stories", "messages": QUESTION, "stream": True, "stream_options": {"include_usage": True}, "max_tokens": tokens, "logprobs": True}
        status, answer, _ = self.server.request("POST", "/v1/chat/completions", body)
        chunks = [line[6:] for line in answer.decode().split("\n") if line.startswith("data: {")] if status == 200 else []
        count = 0
        for chunk in map(json.loads, chunks):
            for choice in chunk.get("choices", []):
                count += len(((choice.get("logprobs") or {}).get("content")) or [])
        return (chunks[-1] if b"[DONE]" in answer else None), count


if __name__ == "__main__":
    unittest.main()
