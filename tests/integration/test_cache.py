"""The answer cache of the real server: in memory and in a real Redis, which is killed and comes back."""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from test_remote import delta, finish, sse, wait_for
from test_server import Server
from test_usage import QUESTION, UsageCase

REDIS = shutil.which("redis-server")


class CacheCase(UsageCase):
    """The engine elsewhere says how often it was asked."""

    settings = {"SIYU_CACHE_EXACT": "far"}

    def setUp(self):
        os.environ.update(self.settings)
        self.addCleanup(lambda: [os.environ.pop(name, None) for name in self.settings])
        super().setUp()
        self.count = 0
        self.peer.answer = self.number_the_answers

    def number_the_answers(self, reply, path, body):
        if path.endswith("/embeddings"):
            # Near for the same first word, apart else.
            vectors = [[1.0, 0.02 * len(text)] if text.startswith("How") else [0.0, 1.0] for text in body["input"]]
            data = [{"index": i, "embedding": vector} for i, vector in enumerate(vectors)]
            return reply.whole(200, {"data": data, "usage": {"prompt_tokens": 1}})
        self.count += 1
        reply.stream(sse(delta(content=f"answer {self.count}, "), delta(content="as it was computed"), *finish(prompt=12, completion=8)))

    def say(self, question="How?", cache=None, key=None, headers=None, **more):
        """The answer's text and what the cache did for it."""
        body = {"model": "far", "messages": [{"role": "user", "content": question}], "temperature": 0, "max_tokens": 50, **more}
        if cache:
            body["cache"] = cache
        status, answer, headers = self.server.request("POST", "/v1/chat/completions", body, key=key, headers=headers)
        self.assertEqual(status, 200, answer)
        if body.get("stream"):
            chunks = [json.loads(line[6:]) for line in answer.split(b"\n") if line.startswith(b"data: {")]
            pieces = [choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]]
            return "".join(pieces), headers["X-Siyu-Cache"]
        return json.loads(answer)["choices"][0]["message"]["content"], headers["X-Siyu-Cache"]


class MemoryTest(CacheCase):
    def test_an_answer_is_computed_once_and_streams_from_the_cache(self):
        self.assertEqual(self.say(), ("answer 1, as it was computed", "miss"))
        self.assertEqual(self.say(), ("answer 1, as it was computed", "hit"))
        self.assertEqual(self.say(stream=True), ("answer 1, as it was computed", "hit"))
        self.assertEqual(self.say(temperature=0.8)[1], None, "chance is not kept unless asked for")
        self.assertEqual(self.say(temperature=0.8, cache="exact")[1], "miss")
        self.assertEqual(self.say(temperature=0.8, headers={"X-Siyu-Cache": "exact"})[1], "hit")
        self.assertEqual(self.say(headers={"Cache-Control": "no-cache"})[0], "answer 4, as it was computed")
        self.assertEqual(self.say(), ("answer 4, as it was computed", "hit"), "a new answer takes the old one's place")
        self.assertEqual(self.say("Where?", headers={"Cache-Control": "no-store"})[1], "miss")
        self.assertEqual(self.say("Where?")[1], "miss")
        self.assertEqual(self.server.request("POST", "/v1/chat/completions", {"model": "far", "messages": QUESTION, "cache": "yes"})[0], 400)

        row = self.usage()
        self.assertEqual((row["requests"], row["cache_hits"]), (10, 4))
        self.assertEqual((row["prompt_tokens"], row["completion_tokens"]), (12 * 6, 8 * 6), "what was computed, and that alone")
        self.assertEqual((row["saved_prompt_tokens"], row["saved_completion_tokens"]), (12 * 4, 8 * 4))
        self.assertAlmostEqual(self.server.cli_json("usage")["cache_hit_ratio"], 0.4)
        metrics = self.server.request("GET", "/metrics")[1].decode()
        self.assertIn('siyu_answer_cache_requests_total{found="exact",model_name="far"} 4', metrics)
        self.assertIn('siyu_answer_cache_saved_tokens_total{kind="completion",model_name="far"} 32', metrics)

    def test_a_kept_answer_costs_no_budget(self):
        self.say()
        self.server.cli("limit", "set", "user:admin", "--tokens-per-day", "0")
        self.assertEqual(self.say()[1], "hit")
        self.assertEqual(self.ask(max_tokens=5)[0], 429)

    def test_answers_from_documents_end_when_a_document_changes(self):
        self.server.cli("kb", "create", "handbook")
        leave = self.write("leave.md", "Annual leave is ten days for every employee of the company.")
        self.write("food.md", "The canteen opens at twelve and closes at two in the afternoon.")
        self.server.cli("kb", "add", "handbook", self.root / "files", "--wait")
        ask = lambda: self.say("How many days is annual leave?", knowledge=["handbook"])
        self.assertEqual(ask()[1], "miss")
        self.assertEqual(ask()[1], "hit")
        self.assertEqual(self.say("How many days is annual leave?")[1], "miss", "without the base the question is another")
        leave.write_text("Annual leave is twelve days for every employee of the company.")
        self.server.cli("kb", "add", "handbook", leave, "--wait")
        self.assertEqual(ask()[1], "miss")
        self.assertEqual(ask()[1], "hit")
        documents = json.loads(self.server.request("GET", "/api/v1/knowledge-bases/handbook/documents")[1])["documents"]
        food = next(one["id"] for one in documents if one["name"].endswith("food.md"))
        self.server.cli("kb", "remove-doc", "handbook", food)
        self.assertEqual(ask()[1], "miss", "a document is gone")

    def test_a_deleted_users_answers_are_gone(self):
        bob = self.new_user("bob")
        self.assertEqual(self.say("Mine?", key=bob["secret"])[1], "miss")
        self.assertEqual(self.say("Mine?")[1], "hit")
        self.assertEqual(self.server.request("DELETE", "/api/v1/users/bob")[0], 204)
        self.assertEqual(self.say("Mine?")[1], "miss")


class SemanticTest(CacheCase):
    settings = {"SIYU_CACHE_SEMANTIC": "far"}

    def test_a_question_in_other_words_gets_the_answer(self):
        self.server.cli("engine", "add", "vectors", "--url", self.peer.url + "/v1", "--model", "qwen-far", "--embedding")
        wait_for(lambda: all(engine["state"] == "ready" for engine in self.server.cli_json("engine", "list")["engines"]))
        bob = self.new_user("bob")
        self.assertEqual(self.say("How long is leave?")[1], "miss")
        self.assertEqual(self.say("How much leave is it?"), ("answer 1, as it was computed", "similar"))
        self.assertEqual(self.say("How much leave is it in 2025?")[1], "miss")
        self.assertEqual(self.say("Who pays for it?")[1], "miss")
        self.assertEqual(self.say("How much leave is it?", key=bob["secret"])[1], "miss", "another user's words")


@unittest.skipUnless(REDIS, "redis-server is not installed")
class RedisTest(CacheCase):
    def setUp(self):
        self.redis_folder = tempfile.mkdtemp(prefix="siyu-redis-")
        self.addCleanup(shutil.rmtree, self.redis_folder, True)
        self.socket = self.redis_folder + "/redis.sock"
        self.redis = None
        self.start_redis()
        self.addCleanup(self.stop_redis)
        secret = os.path.join(self.redis_folder, "password")
        with open(secret, "w") as file:
            file.write("s3cret\n")
        self.settings = {"SIYU_CACHE_EXACT": "far", "SIYU_CACHE_REDIS": "unix://" + self.socket, "SIYU_CACHE_REDIS_PASSWORD_FILE": secret}
        super().setUp()

    def start_redis(self):
        self.redis = subprocess.Popen([REDIS, "--port", "0", "--unixsocket", self.socket, "--requirepass", "s3cret", "--dir", self.redis_folder, "--save", "", "--appendonly", "yes",
                                       "--appendfsync", "always"], stdout=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(self.socket))

    def stop_redis(self):
        self.redis.kill()
        self.redis.wait(10)
        if os.path.exists(self.socket):
            os.unlink(self.socket)

    def settled(self, question, expected):
        """Answers are written to Redis by a thread of their own. The text when the cache does what is expected."""
        return wait_for(lambda: next((text for text, use in [self.say(question)] if use == expected), None))

    def test_answers_outlast_the_server(self):
        text = self.settled("Kept?", "hit")
        self.server.stop(signal.SIGKILL)
        self.server.start()
        wait_for(lambda: self.server.cli_json("engine", "list")["engines"][0]["state"] == "ready")
        self.assertEqual(self.say("Kept?"), (text, "hit"))

    def test_a_redis_that_dies_is_no_cache_and_heals(self):
        self.say("Alive?")
        self.settled("Alive?", "hit")
        stop, failures = threading.Event(), []

        def client():
            while not stop.is_set():
                status, body, _ = self.ask(max_tokens=5, temperature=0)
                if status != 200:
                    failures.append(body)

        threads = [threading.Thread(target=client) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.2)
        self.stop_redis()
        begin = time.monotonic()
        self.assertEqual(self.say("Alive?")[1], "miss")
        self.assertLess(time.monotonic() - begin, 5)
        self.assertIn(b"siyu_answer_cache_up 0", self.server.request("GET", "/metrics")[1])
        self.start_redis()
        wait_for(lambda: self.say("Alive?")[1] == "hit", 60)
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [], "the cache's trouble is nobody's error")

    def test_deleting_a_user_takes_their_answers_out_of_redis(self):
        bob = self.new_user("bob")
        self.say("Mine?", key=bob["secret"])
        self.settled("Mine?", "hit")
        self.assertEqual(self.server.request("DELETE", "/api/v1/users/bob")[0], 204)
        self.assertEqual(self.say("Mine?")[1], "miss")


class TlsRedisTest(RedisTest):
    """The same over TLS, on a loopback port."""

    def start_redis(self):
        folder = self.redis_folder
        if not os.path.exists(folder + "/key.pem"):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", folder + "/key.pem", "-out", folder + "/cert.pem"], check=True, capture_output=True)
        if not hasattr(self, "port"):
            with socket.socket() as probe:  # Redis cannot say which port it took
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
        self.redis = subprocess.Popen([REDIS, "--port", "0", "--tls-port", str(self.port), "--bind", "127.0.0.1", "--tls-cert-file", folder + "/cert.pem", "--tls-key-file",
                                       folder + "/key.pem", "--tls-ca-cert-file", folder + "/cert.pem", "--tls-auth-clients", "no", "--requirepass", "s3cret", "--dir", folder,
                                       "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--unixsocket", self.socket], stdout=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(self.socket))

    def connect(self):
        self.server.stop()
        os.environ.update({"SIYU_CACHE_REDIS": f"rediss://localhost:{self.port}/2", "SIYU_CACHE_REDIS_CA_FILE": self.redis_folder + "/cert.pem"})
        self.addCleanup(lambda: os.environ.pop("SIYU_CACHE_REDIS_CA_FILE", None))
        self.server.start()
        super().connect()


if __name__ == "__main__":
    unittest.main()
