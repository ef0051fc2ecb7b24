"""Models in real workers: a tiny model that speaks, one that embeds."""
import json
import os
import pathlib
import subprocess
import time
import unittest
import urllib.error
import urllib.request

from test_server import SIYU, Server, ServerCase

MODELS = pathlib.Path(os.environ.get("SIYU_TEST_MODELS", "/nonexistent"))
WRITER = pathlib.Path(SIYU).with_name("model_writer")
STORIES, EMBEDDER = MODELS / "stories260K-f16.gguf", MODELS / "static-embed-enzh-q4_0.gguf"


def events(response):
    for line in response:
        if line.startswith(b"data: ") and line.strip() != b"data: [DONE]":
            yield json.loads(line[6:])


@unittest.skipUnless(STORIES.is_file(), "SIYU_TEST_MODELS names no folder with stories260K-f16.gguf")
class ModelsTest(ServerCase):
    def load(self, *names, file=STORIES):
        for name in names:
            self.server.cli("model", "import", file, "--name", name)
            self.server.cli("model", "load", name)

    def model(self, name):
        return {model["name"]: model for model in self.server.cli_json("model", "list")["models"]}[name]

    def post(self, path, body, stream=False):
        request = urllib.request.Request(self.server.url + path, json.dumps(body).encode(), {"Content-Type": "application/json", "Authorization": "Bearer " + self.server.admin["api_key"]})
        response = urllib.request.urlopen(request, timeout=60)
        return response if stream else json.load(response)

    def test_a_model_s_life_from_import_to_removal(self):
        self.server.cli("model", "import", STORIES, "--name", "stories")
        self.assertEqual(self.model("stories")["state"], "stopped")
        self.assertIn("is not loaded", self.server.cli("chat", "--model", "stories", "Once", check=False).stderr)
        self.server.cli("model", "load", "stories")
        loaded = self.model("stories")
        self.assertEqual(loaded["state"], "ready")
        self.assertTrue(any("seccomp" in one for one in loaded["worker"]["sandbox"]), loaded["worker"])
        text = self.post("/v1/completions", {"model": "stories", "prompt": "Once upon a time", "max_tokens": 24, "temperature": 0})["choices"][0]["text"]
        self.assertRegex(text, r"[a-z]{3,}")
        streamed = self.post("/v1/completions", {"model": "stories", "prompt": "Once upon a time", "max_tokens": 24, "temperature": 0, "stream": True}, stream=True)
        self.assertEqual("".join(event["choices"][0]["text"] for event in events(streamed)), text)
        self.assertIn("unload it first", self.server.cli("model", "rm", "stories", check=False).stderr)
        self.server.stop()
        self.server = Server(self.server.data)  # what was loaded is loaded again
        deadline = time.monotonic() + 30
        while self.model("stories")["state"] != "ready":
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        self.assertEqual(self.post("/v1/completions", {"model": "stories", "prompt": "Once upon a time", "max_tokens": 24, "temperature": 0})["choices"][0]["text"], text)
        self.server.cli("model", "unload", "stories")
        self.server.cli("model", "rm", "stories")
        self.assertEqual(self.server.cli_json("model", "list")["models"], [])

    def test_a_file_that_is_no_model_is_refused(self):
        path = self.write("fake.gguf", "GGUF but not really")
        self.assertEqual(self.server.cli("model", "import", path, "--name", "fake", check=False).returncode, 1)
        self.assertEqual(self.server.cli_json("model", "list")["models"], [])

    def test_a_prompt_longer_than_the_context_is_refused_with_numbers(self):
        self.load("stories")
        with self.assertRaises(urllib.error.HTTPError) as found:
            self.post("/v1/completions", {"model": "stories", "prompt": "word " * 2000})
        error = json.load(found.exception)["error"]
        self.assertEqual((found.exception.code, error["code"]), (400, "context_length_exceeded"))
        self.assertRegex(error["message"], r"512 tokens; the request has \d{4,} tokens")

    @unittest.skipUnless(EMBEDDER.is_file(), "SIYU_TEST_MODELS holds no static-embed-enzh-q4_0.gguf")
    def test_an_embedding_model_makes_search_hybrid(self):
        self.server.cli("kb", "create", "kb")
        self.server.cli("kb", "add", "kb", self.write("car.txt", "汽车每年需要检验一次。"), self.write("cat.txt", "猫每天睡十六个小时。"), "--wait")
        self.assertEqual(self.server.cli_json("kb", "search", "kb", "车辆年检")["mode"], "full_text")
        self.load("embedder", file=EMBEDDER)
        deadline = time.monotonic() + 30
        while (found := self.server.cli_json("kb", "search", "kb", "车辆年检"))["mode"] != "hybrid" and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual((found["mode"], found["hits"][0]["document"]), ("hybrid", "car.txt"))
        self.assertEqual(self.server.cli_json("kb", "show", "kb")["embedding_model"], "embedder")
        vectors = self.post("/v1/embeddings", {"model": "embedder", "input": ["汽车", "车辆"]})["data"]
        self.assertEqual([len(one["embedding"]) for one in vectors], [320, 320])
        self.server.cli("model", "unload", "embedder")
        self.assertEqual(self.server.cli_json("kb", "search", "kb", "汽车")["mode"], "full_text")


class WrittenModelsTest(ServerCase):
    """Models of random weights, as tests/support/model_writer.cpp makes them."""

    def write_model(self, arch, seed, name):
        subprocess.run([WRITER, "--arch", arch, "--seed", str(seed), "--context", "256", "-o", self.root / name], check=True, capture_output=True)
        return (self.root / name).read_bytes()

    def test_the_same_seed_gives_the_same_bytes(self):
        one = self.write_model("llama", 1, "one.gguf")
        self.assertEqual(self.write_model("llama", 1, "again.gguf"), one)
        self.assertNotEqual(self.write_model("llama", 2, "other.gguf"), one)

    def test_every_architecture_loads_and_answers(self):
        for arch in ("llama", "qwen2", "qwen3", "bert"):
            with self.subTest(arch):
                self.write_model(arch, 1, f"{arch}.gguf")
                self.server.cli("model", "import", self.root / f"{arch}.gguf", "--name", arch)
                self.server.cli("model", "load", arch)
                if arch == "bert":
                    status, body, _ = self.server.request("POST", "/v1/embeddings", {"model": arch, "input": "cat"}, headers={"Content-Type": "application/json"})
                    self.assertEqual((status, len(json.loads(body)["data"][0]["embedding"])), (200, 64))
                else:
                    status, body, _ = self.server.request("POST", "/v1/completions", {"model": arch, "prompt": "cat", "max_tokens": 3}, headers={"Content-Type": "application/json"})
                    self.assertEqual((status, json.loads(body)["usage"]["completion_tokens"]), (200, 3))


if __name__ == "__main__":
    unittest.main()
