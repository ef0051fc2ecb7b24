"""LoRA adapters of the library: served beside their model under names of their own, from a file to a bill."""
import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import unittest

from test_remote import wait_for
from test_server import SIYU, ServerCase

WRITER = pathlib.Path(SIYU).with_name("model_writer")
PROMPTS = ["Once upon a time", "The weather", "A list of", "In the year"]


class AdapterCase(ServerCase):
    def setUp(self):
        super().setUp()
        self.write_gguf("base", seed=1)
        self.write_gguf("poet", "--lora", 4, seed=11)
        self.write_gguf("sage", "--lora", 8, seed=12)

    def write_gguf(self, name, *more, seed, arch="llama", preset="tiny"):
        path = self.root / f"{name}.gguf"
        subprocess.run([WRITER, "--arch", arch, "--preset", preset, "--seed", str(seed), "--context", "2048", *map(str, more), "-o", path], check=True, capture_output=True)
        return self.server.cli("model", "import", path, "--name", name).stdout

    def complete(self, model, prompt=PROMPTS[0], **fields):
        body = {"model": model, "prompt": prompt, "max_tokens": 24, "temperature": 0, **fields}
        status, text, _ = self.server.request("POST", "/v1/completions", body)
        return json.loads(text)["choices"][0]["text"] if status == 200 else (status, json.loads(text)["error"])

    def library(self, name):
        return next(one for one in self.server.cli_json("model", "list")["models"] if one["name"] == name)

    def served(self):
        return {one["id"]: one.get("parent") for one in json.loads(self.server.request("GET", "/v1/models")[1])["data"]}

    def pid(self, deployment):
        return self.server.cli_json("deploy", "show", deployment)["versions"][0]["replicas"][0]["pid"]


class LoadedModelTest(AdapterCase):
    def alone(self):
        """What each answers when nothing else is loaded with it."""
        answers = {}
        for adapters, name in (((), "base"), (("--adapter", "poet"), "base:poet"), (("--adapter", "sage"), "base:sage")):
            self.server.cli("model", "load", "base", *adapters)
            answers[name] = {prompt: self.complete(name, prompt) for prompt in PROMPTS}
            self.server.cli("model", "unload", "base")
        return answers

    def test_two_adapters_and_their_model_interleaved_answer_as_each_does_alone(self):
        alone = self.alone()
        self.assertEqual(len({answers[PROMPTS[0]] for answers in alone.values()}), 3)
        self.server.cli("model", "load", "base", "--adapter", "poet", "--adapter", "sage")
        self.assertEqual(self.served(), {"base": None, "base:poet": "base", "base:sage": "base"})
        asked = [(name, prompt) for _ in range(3) for prompt in PROMPTS for name in alone]
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda one: self.complete(*one), asked))
        self.assertEqual(answers, [alone[name][prompt] for name, prompt in asked])
        os.kill(self.pid("base"), signal.SIGKILL)
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda one: self.complete(*one), asked))
        self.assertEqual(answers, [alone[name][prompt] for name, prompt in asked])
        self.server.stop(signal.SIGKILL)
        self.server.start()
        self.assertEqual([self.complete(name) for name in alone], [answers[PROMPTS[0]] for answers in alone.values()])

    def test_an_adapter_is_told_apart_and_never_loaded_alone(self):
        self.assertIn("siyu model load MODEL --adapter", self.write_gguf("third", "--lora", 2, seed=3))
        poet = self.library("poet")
        self.assertEqual((poet["kind"], poet["state"], poet["architecture"], poet["adapter"]), ("adapter", "stopped", "llama", {"rank": 4, "alpha": 64}))
        refused = self.server.cli("model", "load", "poet", check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("--adapter poet", refused.stderr)
        self.server.cli("model", "load", "base", "--adapter", "poet")
        self.assertEqual((self.library("poet")["state"], self.library("poet")["served_as"]), ("ready", ["base:poet"]))
        self.assertIn("unload", self.server.cli("model", "rm", "poet", check=False).stderr)
        self.assertIn("other adapters", self.server.cli("model", "load", "base", "--adapter", "sage", check=False).stderr)
        self.server.cli("model", "load", "base")  # is loaded
        self.assertEqual(set(self.served()), {"base", "base:poet"})
        self.server.cli("model", "unload", "base")
        self.server.cli("model", "rm", "poet")

    def test_what_does_not_fit_is_refused_at_the_load_with_the_reason(self):
        self.write_gguf("stranger", "--lora", 4, seed=5, arch="qwen2")
        self.write_gguf("large", "--lora", 4, seed=5, preset="small")
        for name, reason in (("stranger", "made for a qwen2 model, and base is a llama model"), ("large", "of another size"), ("base", "not an adapter"), ("nobody", "no model named nobody")):
            refused = self.server.cli("model", "load", "base", "--adapter", name, check=False)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn(reason, refused.stderr)
        self.assertEqual(self.served(), {})

    def test_an_unknown_adapter_is_not_found_and_the_known_ones_are_named(self):
        self.server.cli("model", "load", "base", "--adapter", "poet")
        status, error = self.complete("base:nobody")
        self.assertEqual((status, error["code"]), (404, "model_not_found"))
        self.assertIn("base:poet", error["message"])
        self.server.cli("model", "unload", "base")
        self.server.cli("model", "load", "base")
        status, error = self.complete("base:poet")
        self.assertEqual((status, error["code"]), (404, "model_not_found"))
        self.assertIn("--adapter poet", error["message"])

    def test_every_way_to_a_model_reaches_its_adapters(self):
        self.server.cli("model", "load", "base", "--adapter", "poet")
        post = lambda path, body: json.loads(self.server.request("POST", path, {"model": "base:poet", **body})[1])
        hello = [{"role": "user", "content": PROMPTS[0]}]
        expected = self.complete("base:poet")  # without a template a single message is a prompt
        chat = post("/v1/chat/completions", {"messages": hello, "max_tokens": 24, "temperature": 0})
        self.assertEqual((chat["model"], chat["choices"][0]["message"]["content"]), ("base:poet", expected))
        response = post("/v1/responses", {"input": PROMPTS[0], "max_output_tokens": 24, "temperature": 0})
        self.assertEqual(response["output"][0]["content"][0]["text"], expected)
        message = post("/v1/messages", {"messages": hello, "max_tokens": 24, "temperature": 0})
        self.assertEqual(message["content"][0]["text"], expected)
        self.assertEqual(json.loads(self.server.request("GET", "/v1/models/base:poet")[1])["parent"], "base")
        # Without a name the model itself answers.
        self.assertEqual(json.loads(self.server.request("POST", "/v1/completions", {"prompt": PROMPTS[0], "max_tokens": 4})[1])["model"], "base")

    def test_usage_is_told_by_the_name_that_was_asked_for(self):
        self.server.cli("model", "load", "base", "--adapter", "poet")
        for model, calls in (("base", 1), ("base:poet", 2)):
            for _ in range(calls):
                self.complete(model)
        rows = {row["name"]: row["requests"] for row in json.loads(self.server.request("GET", "/api/v1/usage?by=model")[1])["rows"]}
        self.assertEqual(rows, {"base": 1, "base:poet": 2})


class DeploymentTest(AdapterCase):
    def test_a_version_carries_its_adapters_to_all_replicas(self):
        self.server.cli("deploy", "create", "chat", "--model", "base", "--adapter", "poet", "--replicas", 2)
        plain, poetic = self.complete("chat"), self.complete("chat:poet")
        self.assertNotEqual(plain, poetic)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            prompts = [f"{prompt} {i}" for prompt in PROMPTS for i in range(8)]
            self.assertEqual(len(list(pool.map(lambda prompt: self.complete("chat:poet", prompt), prompts))), len(prompts))
        shown = self.server.cli_json("deploy", "show", "chat")["versions"][0]
        self.assertEqual(shown["options"]["adapters"], ["poet"])
        self.assertTrue(all(replica["state"] == "ready" for replica in shown["replicas"]), shown)

        self.server.cli("deploy", "create", "chat", "--version", "v2", "--model", "base", "--adapter", "poet", "--adapter", "sage")
        self.assertEqual(set(self.served()), {"chat", "chat:poet"})
        self.server.cli("deploy", "promote", "chat", "v2")
        wait_for(lambda: self.server.cli_json("deploy", "show", "chat")["state"] == "ready")
        self.assertEqual(set(self.served()), {"chat", "chat:poet", "chat:sage"})
        self.assertEqual((self.complete("chat"), self.complete("chat:poet")), (plain, poetic))
        self.assertNotIn(self.complete("chat:sage"), (plain, poetic))
        refused = self.server.cli("deploy", "create", "chat:sage", "--model", "base", check=False)
        self.assertIn("served already", refused.stderr)
        refused = self.server.cli("engine", "add", "chat:sage", "--url", "http://127.0.0.1:1/v1", check=False)
        self.assertIn("served already", refused.stderr)
        self.assertEqual(self.server.cli_json("engine", "list")["engines"], [])

    def test_a_sleeping_model_is_woken_by_a_request_for_its_adapter(self):
        self.server.cli("deploy", "create", "chat", "--model", "base", "--adapter", "poet", "--min", 0, "--idle-seconds", 1)
        poetic = self.complete("chat:poet")
        wait_for(lambda: self.server.cli_json("deploy", "show", "chat")["state"] == "asleep")
        self.assertEqual(self.complete("chat:poet"), poetic)


if __name__ == "__main__":
    unittest.main()
