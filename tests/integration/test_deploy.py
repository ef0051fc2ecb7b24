"""Deployments: replicas that die, versions that are released and rolled back, and one budget of memory."""
import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import unittest

from test_remote import STORIES, Peer, delta, finish, sse, wait_for
from test_server import SIYU, ServerCase

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import chaos  # noqa: E402  the bench, here for some seconds

WRITER = pathlib.Path(SIYU).with_name("model_writer")
MIB = 1 << 20


class DeployCase(ServerCase):
    def write_model(self, name, seed=1, preset="tiny", context=2048):
        path = self.root / f"{name}.gguf"
        subprocess.run([WRITER, "--arch", "llama", "--preset", preset, "--seed", str(seed), "--context", str(context), "-o", path], check=True, capture_output=True)
        self.server.cli("model", "import", path, "--name", name)

    def deployment(self, name="chat"):
        return self.server.cli_json("deploy", "show", name)

    def version(self, version, name="chat"):
        return next(one for one in self.deployment(name)["versions"] if one["version"] == version)

    def complete(self, prompt, model="chat", **fields):
        body = {"model": model, "prompt": prompt, "max_tokens": 4, **fields}
        return self.server.request("POST", "/v1/completions", body, headers={"Content-Type": "application/json"})

    def chat(self, content, model="chat"):
        return self.server.request("POST", "/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": content}], "max_tokens": 4})

    def kinds(self, name="chat"):
        """Kinds of its events, the oldest first."""
        return [event["kind"] for event in self.server.cli_json("deploy", "events", name, "--limit", 1000)["events"]][::-1]

    def pids(self, name="chat"):
        return [replica["pid"] for version in self.deployment(name)["versions"] for replica in version["replicas"] if replica.get("pid")]


@unittest.skipUnless(STORIES.is_file(), "SIYU_TEST_MODELS names no folder with stories260K-f16.gguf")
class ReplicasTest(DeployCase):
    def setUp(self):
        super().setUp()
        self.server.cli("model", "import", STORIES, "--name", "stories")

    def test_a_loaded_model_is_a_deployment_of_one_version_and_one_replica(self):
        self.server.cli("model", "load", "stories")
        shown = self.deployment("stories")
        self.assertEqual((shown["origin"], shown["state"], len(shown["versions"]), len(shown["versions"][0]["replicas"])), ("model", "ready", 1, 1))
        self.server.cli("deploy", "scale", "stories", "--replicas", 2)
        wait_for(lambda: self.deployment("stories")["state"] == "ready" and len(self.pids("stories")) == 2)
        self.server.cli("model", "unload", "stories")
        self.assertEqual(self.server.cli_json("deploy", "list")["deployments"], [])
        self.assertEqual(self.kinds("stories")[-1], "removed")

    def test_replicas_killed_at_random_under_load_are_not_seen_by_clients(self):
        self.server.cli("deploy", "create", "chat", "--model", "stories", "--replicas", 3)
        result = chaos.run(self.server, "chat", seconds=30, clients=8, kill_every=1.0)
        self.assertGreater(result["kills"], 15)
        self.assertGreater(result["answered"], 100)
        self.assertEqual(result["failed_before_first_byte"], 0, result["faults"])
        wait_for(lambda: self.deployment()["state"] == "ready")
        self.assertIn("replica_restarted", self.kinds())

    def test_a_deployment_of_one_replica_outlives_its_process_too(self):
        self.server.cli("deploy", "create", "chat", "--model", "stories")
        for _ in range(3):
            os.kill(self.pids()[0], signal.SIGKILL)
            status, body, _ = self.complete("Once upon a time")
            self.assertEqual(status, 200, body)

    def test_deployments_are_there_after_a_kill_of_the_server(self):
        self.server.cli("deploy", "create", "chat", "--model", "stories", "--replicas", 2)
        self.server.cli("deploy", "create", "chat", "--version", "v2", "--model", "stories")
        self.server.cli("deploy", "traffic", "chat", "v1=80", "v2=20")
        self.server.stop(signal.SIGKILL)
        self.server.start()
        wait_for(lambda: self.deployment()["state"] == "ready")
        self.assertEqual({one["version"]: (one["traffic"], len(one["replicas"])) for one in self.deployment()["versions"]}, {"v1": (80, 2), "v2": (20, 1)})
        self.assertEqual(self.complete("Once")[0], 200)

    def test_the_figures_of_versions_and_replicas_stand_at_metrics(self):
        self.server.cli("deploy", "create", "chat", "--model", "stories", "--replicas", 2)
        for number in range(4):
            self.assertEqual(self.complete(f"Once {number}")[0], 200)
        text = self.server.request("GET", "/metrics")[1].decode()
        figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        self.assertEqual(figures['siyu_requests_total{model_name="chat",version="v1"}'], "4")
        self.assertEqual(figures['siyu_time_to_first_token_seconds_count{model_name="chat",version="v1"}'], "4")
        self.assertEqual(figures['siyu_time_to_first_token_seconds_bucket{model_name="chat",version="v1",le="+Inf"}'], "4")
        self.assertEqual([figures['siyu_replica_ready{model_name="chat",version="v1",replica="v1-%d"}' % i] for i in (1, 2)], ["1", "1"])
        self.assertLess(float(figures["siyu_model_memory_used_bytes"]), float(figures["siyu_model_memory_budget_bytes"]))

    def test_what_cannot_be_is_refused_with_the_reason(self):
        self.server.cli("deploy", "create", "chat", "--model", "stories")
        refused = lambda *arguments: self.server.cli("deploy", *arguments, check=False).stderr
        self.assertIn("add up to 100", refused("traffic", "chat", "v1=50"))
        self.assertIn("no version v9", refused("traffic", "chat", "v9=100"))
        self.assertIn("served already", refused("create", "chat", "--model", "stories"))
        self.assertIn("no model named", refused("create", "other", "--model", "nope"))
        self.assertIn("gets requests", refused("rm", "chat", "--version", "v1"))
        self.assertIn("nothing to roll back to", refused("rollback", "chat"))
        self.assertIn("no deployment named", refused("show", "other"))
        self.assertIn("A deployment runs", self.server.cli("model", "rm", "stories", check=False).stderr)

    def test_a_full_queue_is_told_with_when_to_come_again(self):
        self.server.cli("deploy", "create", "chat", "--model", "stories", "--sequences", 1, "--queue-limit", 2)
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            answers = list(pool.map(lambda i: self.complete(f"Once {i}", max_tokens=200, logit_bias={"2": -100}), range(24)))
        refused = [headers for status, _, headers in answers if status == 503]
        self.assertTrue(refused)
        self.assertTrue(all(headers["Retry-After"] for headers in refused))
        self.assertTrue(any(status == 200 for status, _, _ in answers))


class ReleasesTest(DeployCase):
    def setUp(self):
        super().setUp()
        self.peers = {}
        for name in ("old", "new"):
            peer = self.peers[name] = Peer()
            self.addCleanup(peer.stop)
            peer.answer = lambda reply, path, body, name=name: reply.stream(sse(delta(content=f"I am {name}"), *finish()))
            self.server.cli("engine", "add", name, "--url", peer.url)
        self.server.cli("deploy", "create", "chat", "--engine", "old")
        self.server.cli("deploy", "create", "chat", "--version", "v2", "--engine", "new")

    def ask(self, number):
        status, body, _ = self.chat(f"conversation {number}")
        return json.loads(body)["choices"][0]["message"]["content"] if status == 200 else (status, body)

    def ask_many(self, numbers):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(pool.map(self.ask, numbers))

    def ask_until(self, what, limit=30):
        """Keeps asking until something has happened; every answer."""
        answers, done = [], threading.Event()

        def work(first):
            number = first
            while not done.is_set():
                answers.append(self.ask(number))
                number += 4

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            working = [pool.submit(work, i) for i in range(4)]
            try:
                wait_for(what, limit)
            except AssertionError:
                raise AssertionError(self.server.cli("deploy", "events", "chat").stdout)
            finally:
                done.set()
            for one in working:
                one.result()
        return answers

    def fail_new(self):
        self.peers["new"].answer = lambda reply, path, body: reply.whole(500, {"error": {"message": "bad build"}})

    def test_the_traffic_split_is_honoured_and_rolled_back_in_one_call(self):
        self.assertEqual(set(self.ask_many(range(40))), {"I am old"})
        self.server.cli("deploy", "traffic", "chat", "v1=90", "v2=10")
        answers = self.ask_many(range(600))
        self.assertEqual(set(answers), {"I am old", "I am new"})
        self.assertGreater(answers.count("I am new"), 30)
        self.assertLess(answers.count("I am new"), 100)
        self.assertEqual(self.ask_many(range(50)), answers[:50])  # a conversation stays with its version
        self.server.cli("deploy", "rollback", "chat")
        self.assertEqual(set(self.ask_many(range(100))), {"I am old"})
        self.assertEqual(self.kinds()[-2:], ["traffic", "rolled_back"])

    def test_a_bad_version_is_rolled_back_and_no_client_sees_it(self):
        self.fail_new()
        self.server.cli("deploy", "release", "chat", "v2", "--step-seconds", 60, "--min-requests", 20)
        answers = self.ask_until(lambda: "rolled_back" in self.kinds())
        self.assertEqual(set(answers), {"I am old"})
        shown = self.version("v2")
        self.assertEqual((shown["traffic"], shown["rejected"]), (0, True))
        self.assertGreaterEqual(shown["figures"]["failures"], 5)
        events = self.server.cli_json("deploy", "events", "chat")["events"]
        self.assertRegex(next(one["text"] for one in events if one["kind"] == "rolled_back"), r"100\.0 % of its \d+ requests failed, against 0\.0 %")
        self.assertIn("deployment.rolled_back", json.dumps(self.server.cli_json("audit", "list", "--limit", 200)))

    def test_a_good_version_goes_step_by_step_and_a_kill_does_not_stop_it(self):
        self.server.cli("deploy", "release", "chat", "v2", "--steps", "10,50,100", "--step-seconds", 1, "--min-requests", 5)
        self.ask_until(lambda: self.kinds().count("release_step") >= 1)
        self.server.stop(signal.SIGKILL)
        self.server.start()
        answers = self.ask_until(lambda: "release_finished" in self.kinds(), 60)
        self.assertEqual([one for one in answers if one not in ("I am old", "I am new")], [])
        self.assertEqual({one["version"]: one["traffic"] for one in self.deployment()["versions"]}, {"v1": 0, "v2": 100})
        self.assertEqual(set(self.ask_many(range(20))), {"I am new"})
        self.server.cli("deploy", "rollback", "chat")
        wait_for(lambda: set(self.ask_many(range(8))) == {"I am old"})

    def test_a_release_that_is_under_way_when_the_server_is_killed_is_still_judged(self):
        self.server.cli("deploy", "release", "chat", "v2", "--step-seconds", 60, "--min-requests", 20)
        wait_for(lambda: "release_step" in self.kinds())
        self.server.stop(signal.SIGKILL)
        self.fail_new()
        self.server.start()
        self.assertEqual(set(self.ask_until(lambda: "rolled_back" in self.kinds())), {"I am old"})

    def test_shadow_traffic_is_answered_by_both_and_shown_by_one(self):
        self.fail_new()
        self.server.cli("deploy", "traffic", "chat", "--shadow", "v2=100")
        self.assertEqual(set(self.ask_many(range(40))), {"I am old"})
        wait_for(lambda: len(self.peers["new"].requests) >= 20)
        self.assertGreaterEqual(self.version("v2")["figures"]["failures"], 20)
        self.assertEqual(self.version("v2")["traffic"], 0)

    def test_promoting_asks_nobody_to_wait(self):
        answers = []
        self.server.cli("deploy", "promote", "chat", "v2")
        answers += self.ask_many(range(20))
        self.assertEqual(set(answers) - {"I am old", "I am new"}, set())
        self.assertEqual(set(self.ask_many(range(20))), {"I am new"})


class MemoryTest(DeployCase):
    """Models of random weights; the budget holds eight of them."""

    def setUp(self):
        super().setUp()
        for number in range(9):
            self.write_model(f"m{number}", seed=number + 1)
        self.server.cli("model", "load", "m0")
        used = self.server.cli_json("deploy", "list")["memory"]["used_bytes"]
        self.server.stop()
        os.environ["SIYU_WORKER_MEMORY_BYTES"] = str(int(used * 8.5))
        self.addCleanup(os.environ.pop, "SIYU_WORKER_MEMORY_BYTES", None)
        self.server.start()
        for number in range(8):
            self.server.cli("model", "load", f"m{number}")

    def states(self):
        return {one["name"]: one["state"] for one in self.server.cli_json("deploy", "list")["deployments"]}

    def test_eight_models_answer_at_once_and_the_ninth_puts_the_longest_idle_to_sleep(self):
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda i: self.complete(f"cat {i}", f"m{i % 8}")[0], range(160)))
        self.assertEqual(set(answers), {200})
        self.assertEqual(set(self.states().values()), {"ready"})
        memory = self.server.cli_json("deploy", "list")["memory"]
        self.assertLessEqual(memory["used_bytes"], memory["budget_bytes"])
        for name in ("m3", "m0", "m1", "m2", "m4", "m5", "m6", "m7"):
            self.assertEqual(self.complete("dog", name)[0], 200)
        self.assertEqual(self.server.cli_json("model", "load", "m8")["evicted"], ["m3"])
        self.assertEqual({name for name, state in self.states().items() if state == "asleep"}, {"m3"})
        self.assertIn("evicted", self.kinds("m3"))
        self.assertEqual(self.complete("bird", "m3")[0], 200)  # it wakes, and another one sleeps
        self.assertEqual([name for name, state in self.states().items() if state == "asleep"], ["m0"])
        memory = self.server.cli_json("deploy", "list")["memory"]
        self.assertLessEqual(memory["used_bytes"], memory["budget_bytes"])

    def test_models_that_answer_or_are_pinned_do_not_give_way(self):
        for number in range(7):
            self.server.cli("deploy", "scale", f"m{number}", "--pin")
        self.assertEqual(self.server.cli_json("model", "load", "m8")["evicted"], ["m7"])
        self.server.cli("deploy", "scale", "m8", "--pin")
        refused = self.server.cli("model", "load", "m7", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("answering or pinned", refused.stderr)

    def test_after_a_restart_what_does_not_fit_sleeps_until_it_is_asked(self):
        self.server.cli("model", "load", "m8")
        self.server.stop(signal.SIGKILL)
        self.server.start()
        wait_for(lambda: sorted(self.states().values()) == ["asleep"] + ["ready"] * 8)
        asleep = next(name for name, state in self.states().items() if state == "asleep")
        self.assertEqual(self.complete("cat", asleep)[0], 200)

    def test_a_model_larger_than_the_budget_is_refused_with_figures(self):
        refused = self.server.cli("deploy", "create", "huge", "--model", "m8", "--kv-tokens", 50_000_000, check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertRegex(refused.stderr, r"needs about [\d.]+ GiB of memory, and all models together may take [\d.]+")

    def test_the_prediction_is_near_what_the_worker_takes(self):
        for deployment in self.server.cli_json("deploy", "list")["deployments"]:
            replica = deployment["versions"][0]["replicas"][0]
            self.assertLess(replica["resident_bytes"], replica["predicted_bytes"] * 1.25, replica)


class SleepTest(DeployCase):
    def test_an_idle_deployment_sleeps_and_its_next_requests_wake_it(self):
        self.write_model("tiny")
        self.server.cli("deploy", "create", "chat", "--model", "tiny", "--min", 0, "--max", 2, "--idle-seconds", 1)
        wait_for(lambda: self.deployment()["state"] == "asleep")
        self.assertEqual(self.pids(), [])
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda i: self.complete(f"cat {i}"), range(16)))
        self.assertEqual({status for status, _, _ in answers}, {200})
        self.assertEqual([kind for kind in self.kinds() if kind in ("asleep", "woken")][:2], ["asleep", "woken"])

    def test_the_number_of_replicas_follows_the_load(self):
        self.write_model("tiny")
        self.server.cli("deploy", "create", "chat", "--model", "tiny", "--min", 1, "--max", 3, "--target-qps", 5)
        stop = time.monotonic() + 20
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            while time.monotonic() < stop and len(self.pids()) < 3:
                self.assertEqual({answer[0] for answer in pool.map(lambda i: self.complete(f"cat {i}"), range(24))}, {200})
        self.assertEqual(len(self.pids()), 3)
        self.assertIn("autoscaled", self.kinds())


if __name__ == "__main__":
    unittest.main()
