"""Limits as the official OpenAI SDK for Python meets them: it waits and comes again where that helps, and gives up where not."""
import concurrent.futures
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

import openai

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from test_server import SIYU, Server  # noqa: E402

WRITER = pathlib.Path(SIYU).with_name("model_writer")


def setUpModule():
    global folder, server
    folder = tempfile.TemporaryDirectory(prefix="siyu-sdk-limits-")
    root = pathlib.Path(folder.name)
    server = Server(root / "data")
    subprocess.run([WRITER, "--arch", "qwen2", "-o", root / "talker.gguf", "--context", "2048"], check=True)
    server.cli("model", "import", root / "talker.gguf", "--name", "talker")
    server.cli("model", "load", "talker")


def tearDownModule():
    server.stop()
    folder.cleanup()


def ask(client, **more):
    return client.chat.completions.create(**{"model": "talker", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 24, "seed": 7, **more})


class LimitsTest(unittest.TestCase):
    def setUp(self):
        self.client = openai.OpenAI(base_url=server.url + "/v1", api_key=server.admin["api_key"], max_retries=20)
        self.addCleanup(self.client.close)
        self.addCleanup(lambda: server.cli("limit", "rm", "user:admin", check=False))

    def used(self):
        return server.cli_json("usage")["total"]

    def test_the_sdk_waits_and_comes_again(self):
        server.cli("limit", "set", "user:admin", "--concurrent-requests", "1")
        before = self.used()["requests"]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: ask(self.client, max_tokens=100), range(4)))
        self.assertTrue(all(answer.choices[0].message.content for answer in answers))
        self.assertEqual(self.used()["requests"], before + 4)
        metrics = server.request("GET", "/metrics")[1].decode()
        refused = next(line for line in metrics.splitlines() if line.startswith('siyu_refused_requests{limit="concurrent_requests"}'))
        self.assertGreater(float(refused.split()[-1]), 0, "all four were alone; nothing was tried")

    def test_the_sdk_gives_up_at_once_when_waiting_does_not_help(self):
        server.cli("limit", "set", "user:admin", "--tokens-per-month", "0")
        begin = time.monotonic()
        with self.assertRaises(openai.RateLimitError) as found:
            ask(self.client)
        self.assertLess(time.monotonic() - begin, 2, "it came again, with its pauses")
        self.assertEqual(found.exception.code, "insufficient_quota")

    def test_the_headers_are_those_the_sdk_shows(self):
        server.cli("limit", "set", "user:admin", "--requests-per-minute", "1000", "--tokens-per-minute", "100000")
        raw = self.client.chat.completions.with_raw_response.create(model="talker", messages=[{"role": "user", "content": "Hello"}], max_tokens=4)
        self.assertEqual(raw.headers["x-ratelimit-limit-requests"], "1000")
        self.assertLess(int(raw.headers["x-ratelimit-remaining-requests"]), 1000)
        self.assertEqual(raw.headers["x-ratelimit-limit-tokens"], "100000")
        self.assertTrue(raw.headers["x-ratelimit-reset-tokens"].endswith("s"))

    def test_an_answer_without_a_number_is_as_long_as_the_budget_allows(self):
        prompt = ask(self.client, max_tokens=1).usage.prompt_tokens
        used = self.used()["total_tokens"]
        server.cli("limit", "set", "user:admin", "--tokens-per-day", str(used + prompt + 30))
        answer = ask(self.client, max_tokens=None, logit_bias={})
        self.assertLessEqual(answer.usage.total_tokens, prompt + 30)
        self.assertEqual(self.used()["total_tokens"], used + answer.usage.total_tokens)

    def test_usage_is_what_the_answers_said(self):
        before = self.used()
        answers = [ask(self.client, max_tokens=8 + i) for i in range(5)]
        after = self.used()
        for field in ("prompt_tokens", "completion_tokens"):
            self.assertEqual(after[field] - before[field], sum(getattr(answer.usage, field) for answer in answers))

    def test_a_closed_stream_is_charged_for_what_came(self):
        prompt = ask(self.client, max_tokens=1).usage.prompt_tokens
        before = self.used()
        stream = ask(self.client, stream=True, max_tokens=1500, logprobs=True)
        seen = 0
        for chunk in stream:
            seen += len(chunk.choices[0].logprobs.content) if chunk.choices and chunk.choices[0].logprobs else 0
            if seen >= 10:
                break
        stream.close()
        deadline = time.monotonic() + 20
        while self.used()["requests"] == before["requests"]:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        after = self.used()
        self.assertEqual(after["prompt_tokens"] - before["prompt_tokens"], prompt)
        self.assertGreaterEqual(after["completion_tokens"] - before["completion_tokens"], seen)
        self.assertLess(after["completion_tokens"] - before["completion_tokens"], 1500, "the rest was never written")


if __name__ == "__main__":
    unittest.main()
