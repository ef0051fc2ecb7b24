"""What a worker does to be quick must not be seen in its answers: beginnings kept in host memory, and guesses of a draft model."""
import concurrent.futures
import json
import subprocess
import unittest

from agreement import chances
from test_deploy import WRITER, DeployCase
from test_remote import STORIES, wait_for

REPLICA = '{model_name="%s",version="v1",replica="v1-1"%s}'


class WorkerCase(DeployCase):
    def figure(self, name, model, more=""):
        text = self.server.request("GET", "/metrics")[1].decode()
        figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return float(figures[name + REPLICA % (model, more)])

    def guesses(self, model):
        """Of the draft model: all, and those that were right."""
        return tuple(self.figure(f"siyu_spec_decode_num_{kind}_tokens_total", model, ',source="draft"') for kind in ("draft", "accepted"))

    def answer(self, prompt, model, **fields):
        status, body, _ = self.complete(prompt, model, **fields)
        self.assertEqual(status, 200, body)
        return json.loads(body)["choices"][0]["text"]

    def told(self, prompt, model, **fields):
        """What is said at temperature 0, with the likelihoods that decided it."""
        status, body, _ = self.complete(prompt, model, temperature=0, logprobs=5, **fields)
        self.assertEqual(status, 200, body)
        return chances(json.loads(body)["choices"][0])

    def write(self, name, *arguments):
        path = self.root / f"{name}.gguf"
        subprocess.run([WRITER, "-o", path, *map(str, arguments)], check=True, capture_output=True)
        self.server.cli("model", "import", path, "--name", name)


def stories(count):
    """Prompts of some hundred tokens, each of its own from the first word."""
    names = ("Lily", "Tom", "Ben", "Sue", "Max", "Anna", "Tim", "Mia")
    return [f"{names[i]} had a red ball and a big dog. " + f"{names[i]} and {names[i - 1]} went to the park to play with the ball. " * 7 + "Then" for i in range(count)]


@unittest.skipUnless(STORIES.is_file(), "SIYU_TEST_MODELS names no folder with stories260K-f16.gguf")
class SpillTest(WorkerCase):
    def serve(self, name, *options):
        self.server.cli("deploy", "create", name, "--model", "stories", "--context", 512, *options)

    def setUp(self):
        super().setUp()
        self.server.cli("model", "import", STORIES, "--name", "stories")

    def test_beginnings_that_left_the_cache_come_back_and_answers_are_the_same(self):
        self.serve("ample", "--kv-tokens", 8192)
        self.serve("small", "--kv-tokens", 512, "--kv-spill-mb", 8)
        prompts = stories(6)
        expected = {}

        def restored():  # how much is decided by what steps were measured to cost
            for prompt in prompts:
                if prompt not in expected:
                    expected[prompt] = self.answer(prompt, "ample", max_tokens=24, temperature=0)
                self.assertEqual(self.answer(prompt, "small", max_tokens=24, temperature=0), expected[prompt])
            return self.figure("siyu_kv_cache_restored_tokens_total", "small")
        wait_for(lambda: restored() > 1000)
        self.assertGreater(self.figure("siyu_kv_cache_spilled_tokens_total", "small"), 500)
        self.assertGreater(self.figure("siyu_kv_cache_spill_bytes", "small"), 0)
        self.assertEqual(self.figure("siyu_kv_cache_restored_tokens_total", "ample"), 0)

    def test_cached_tokens_count_what_came_back(self):
        self.serve("small", "--kv-tokens", 512, "--kv-spill-mb", 8)
        first, *others = stories(4)
        self.answer(first, "small")
        for prompt in others:
            self.answer(prompt, "small")
        usage = json.loads(self.complete(first, "small")[1])["usage"]
        self.assertGreater(usage["prompt_tokens_details"]["cached_tokens"], usage["prompt_tokens"] - 80)

    def test_many_at_once_in_little_room(self):
        self.serve("ample", "--kv-tokens", 8192, "--kv-spill-mb", 0)
        self.serve("small", "--kv-tokens", 512, "--kv-spill-mb", 1)
        prompts = stories(8)
        expected = {prompt: self.answer(prompt, "ample", max_tokens=16, temperature=0) for prompt in prompts}
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda i: self.answer(prompts[i % 8], "small", max_tokens=16, temperature=0), range(64)))
        self.assertEqual(answers, [expected[prompts[i % 8]] for i in range(64)])
        wait_for(lambda: self.figure("siyu_kv_cache_restored_tokens_total", "small") > 0)
        self.assertLessEqual(self.figure("siyu_kv_cache_spill_bytes", "small"), 1 << 20)

    def test_it_can_be_off_and_odd_sizes_are_refused(self):
        self.serve("off", "--kv-tokens", 512, "--kv-spill-mb", 0)
        for _ in range(2):
            for prompt in stories(3):
                self.answer(prompt, "off")
        for kind in ("spilled", "restored"):
            self.assertEqual(self.figure(f"siyu_kv_cache_{kind}_tokens_total", "off"), 0)
        status, body, _ = self.server.request("POST", "/api/v1/models/stories/load", {"kv_spill_mb": -1})
        self.assertEqual(status, 400)
        self.assertIn(b"kv_spill_mb", body)


class DraftTest(WorkerCase):
    def chain(self, name, preset, seed=1):
        self.write(name, "--arch", "llama", "--preset", preset, "--seed", seed, "--context", 2048, "--chain")

    def test_a_draft_model_that_agrees_is_used_and_the_answers_are_the_same(self):
        self.chain("large", "small")
        self.chain("little", "tiny")
        self.server.cli("deploy", "create", "plain", "--model", "large")
        self.server.cli("deploy", "create", "quick", "--model", "large", "--draft", "little")
        for prompt in ("cat", "a big dog", "the red ball"):
            for fields in ({"temperature": 0}, {"temperature": 0.8, "seed": 5}):
                self.assertEqual(self.answer(prompt, "quick", max_tokens=200, **fields), self.answer(prompt, "plain", max_tokens=200, **fields))
        wait_for(lambda: self.answer("a cat", "quick", max_tokens=200) and self.guesses("quick")[0] > 50)  # it must have been measured to pay
        guessed, right = self.guesses("quick")
        self.assertGreater(right, 0.8 * guessed)
        self.assertEqual(self.guesses("plain"), (0, 0))

    def test_a_draft_model_that_is_wrong_costs_little_and_changes_nothing(self):
        self.write("large", "--arch", "llama", "--preset", "small", "--seed", 1, "--context", 2048)
        self.write("little", "--arch", "llama", "--preset", "tiny", "--seed", 2, "--context", 2048)
        self.server.cli("deploy", "create", "plain", "--model", "large")
        self.server.cli("deploy", "create", "wrong", "--model", "large", "--draft", "little")
        for prompt in ("cat", "a big dog"):
            self.assert_agree(self.answer(prompt, "wrong", max_tokens=150, temperature=0), self.told(prompt, "plain", max_tokens=150))
        guessed = self.guesses("wrong")[0]
        self.assertLess(guessed, 600)  # of 300 tokens; twelve to each while it is believed
        for prompt in ("the red ball", "once"):
            self.answer(prompt, "wrong", max_tokens=150, temperature=0)
        self.assertLess(self.guesses("wrong")[0] - guessed, 100)  # it is believed no longer
        prompts = (f"story {i}" for i in range(1000))
        wait_for(lambda: self.answer(next(prompts), "wrong", max_tokens=150, temperature=0) and self.guesses("wrong")[0] >= 60)  # enough to tell
        guessed, right = self.guesses("wrong")
        self.assertLessEqual(right, 0.2 * guessed)

    def test_answers_at_once_share_the_draft_model(self):
        self.chain("large", "small")
        self.chain("little", "tiny")
        self.server.cli("deploy", "create", "quick", "--model", "large", "--draft", "little")
        prompts = ["cat", "a big dog", "the red ball", "once"]
        alone = {prompt: self.answer(prompt, "quick", max_tokens=100, temperature=0) for prompt in prompts}
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda i: self.answer(prompts[i % 4], "quick", max_tokens=100, temperature=0), range(32)))
        self.assertEqual(answers, [alone[prompts[i % 4]] for i in range(32)])

    def test_what_cannot_guess_is_refused_with_the_reason(self):
        self.chain("large", "tiny")
        self.write("other", "--arch", "qwen2", "--preset", "tiny")
        self.write("vectors", "--arch", "bert", "--preset", "tiny")
        refused = lambda *arguments: self.server.cli("model", "load", "large", "--draft", *arguments, check=False).stderr
        self.assertIn("has another vocabulary than large", refused("other"))
        self.assertIn("cannot guess for itself", refused("large"))
        self.assertIn("writes no text", refused("vectors"))
        self.assertIn("no model named", refused("nope"))

    def test_it_counts_as_memory_and_is_held_as_long_as_it_is_needed(self):
        self.chain("large", "small")
        self.chain("little", "tiny")
        self.server.cli("deploy", "create", "plain", "--model", "large")
        self.server.cli("deploy", "create", "quick", "--model", "large", "--draft", "little")
        predicted = {name: self.deployment(name)["versions"][0]["replicas"][0]["predicted_bytes"] for name in ("plain", "quick")}
        self.assertGreater(predicted["quick"], predicted["plain"] + (self.root / "little.gguf").stat().st_size)
        self.assertIn("A deployment runs", self.server.cli("model", "rm", "little", check=False).stderr)
        self.server.cli("deploy", "rm", "quick")
        self.server.cli("model", "rm", "little")


if __name__ == "__main__":
    unittest.main()
