"""`siyu model pull` against a loopback hub that cuts, lies, stalls and redirects."""
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import unittest

from fake_hub import COMMIT, Hub, split_gguf, split_keys, tiny_gguf, wait_until
from test_server import SIYU, Server

REPO = "Qwen/Tiny-GGUF"
FILE = "Tiny-Q4_K_M.gguf"
SOURCE = f"hf:{REPO}"


class PullCase(unittest.TestCase):
    environment = {}

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="siyu-test-")
        self.addCleanup(self.folder.cleanup)
        self.hub = Hub()
        self.addCleanup(self.hub.close)
        self.data = tiny_gguf()
        self.hub.files[(REPO, FILE)] = self.data
        settings = {"HF_ENDPOINT": self.hub.url, "MODELSCOPE_ENDPOINT": self.hub.url, "SIYU_PULL_STALL_SECONDS": "30", "SIYU_PULL_GIVE_UP_SECONDS": "30",
                    "HF_TOKEN": "", "HF_HUB_OFFLINE": "", **self.environment}
        before = {name: os.environ.get(name) for name in settings}
        os.environ.update(settings)
        self.addCleanup(lambda: [os.environ.pop(name) if value is None else os.environ.update({name: value}) for name, value in before.items()])
        self.server = Server(pathlib.Path(self.folder.name) / "data")
        self.addCleanup(lambda: self.server.process.poll() is None and self.server.stop(signal.SIGKILL))

    def pull(self, source=SOURCE, *options):
        return self.server.cli_json("model", "pull", source, *options)

    def refused(self, source=SOURCE, *options):
        done = self.server.cli("model", "pull", source, *options, check=False)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertEqual(self.server.cli_json("model", "list")["models"], [])
        return done.stderr

    def start(self, source=SOURCE, *options):
        return self.pull(source, "--detach", *options)["id"]

    def state(self, pull):
        return json.loads(self.server.request("GET", f"/api/v1/model-pulls/{pull}")[1])

    def library(self):
        return {model["name"]: model for model in self.server.cli_json("model", "list")["models"]}

    def staged(self):
        """Bytes of what is on its way."""
        return sum(path.stat().st_size for path in (self.server.data / "models" / ".pulls").rglob("*") if path.is_file())

    def check_whole(self, name="Tiny-Q4_K_M"):
        model = self.library()[name]
        self.assertEqual((model["bytes"], model["sha256"]), (len(self.data), hashlib.sha256(self.data).hexdigest()))
        self.assertEqual((self.server.data / "models" / f"{name}.gguf").read_bytes(), self.data)
        self.assertEqual(self.staged(), 0)


class SourcesTest(PullCase):
    def test_hugging_face_by_its_default_quantisation(self):
        self.hub.files[(REPO, "Tiny-Q8_0.gguf")] = tiny_gguf(1000, 2)
        done = self.pull()
        self.assertEqual((done["state"], done["name"], done["bytes_done"], done["bytes_total"]), ("done", "Tiny-Q4_K_M", len(self.data), len(self.data)))
        self.check_whole()
        self.assertEqual(self.library()["Tiny-Q4_K_M"]["origin"], SOURCE)
        self.assertEqual(self.hub.asked("front", "resolve")[0][0], f"/{REPO}/resolve/{COMMIT}/{FILE}")
        self.assertEqual(self.hub.asked("front", "api/models")[0][0], f"/api/models/{REPO}?blobs=true")
        actions = [(entry["actor"], entry["action"]) for entry in self.server.cli_json("audit", "list")["entries"]]
        self.assertIn(("admin", "model.pull"), actions)
        self.assertIn("is in the library", self.server.cli("model", "pull", SOURCE + ":Q8_0").stdout)

    def test_model_scope_by_file_under_a_chosen_name(self):
        self.hub.files[(REPO, "sub/中文 x.gguf")] = self.data
        self.pull(f"ms:{REPO}:sub/中文 x.gguf", "--name", "mine")
        self.check_whole("mine")

    def test_a_plain_address_with_a_checksum(self):
        address = f"{self.hub.content_url}/plain/{REPO}/{FILE}"
        self.assertIn("SHA-256", self.refused(address, "--sha256", "0" * 64))
        self.pull(address, "--sha256", hashlib.sha256(self.data).hexdigest().upper())
        self.check_whole()

    def test_all_parts_of_a_split_model(self):
        parts = [tiny_gguf(50_000 + part, part, split_keys(part, 3)) for part in (1, 2, 3)]
        for number, data in enumerate(parts, 1):
            self.hub.files[(REPO, f"Q8_0/big-{number:05}-of-00003.gguf")] = data
        self.assertEqual(self.pull(f"{SOURCE}:Q8_0")["name"], "big")
        self.assertEqual(self.library()["big"]["bytes"], sum(map(len, parts)))
        folder = self.server.data / "models" / "big.parts"
        self.assertEqual([(folder / f"model-{number:05}-of-00003.gguf").read_bytes() for number in (1, 2, 3)], parts)
        self.server.stop()
        self.server.start()
        self.server.cli("model", "rm", "big")
        self.assertFalse(folder.exists())
        self.assertIn("one of 3 parts", self.refused(f"{self.hub.content_url}/plain/{REPO}/Q8_0/big-00001-of-00003.gguf"))

    def test_the_projector_of_a_vision_model_comes_along(self):
        kind = lambda name: (len(name).to_bytes(8, "little") + name.encode())
        eyes = tiny_gguf(40_000, 7, [("general.type", 8, kind("mmproj")), ("clip.has_vision_encoder", 7, b"\x01")])
        self.hub.files[(REPO, "mmproj-Tiny-F16.gguf")] = eyes
        self.hub.files[(REPO, "mmproj-Tiny-F32.gguf")] = tiny_gguf(80_000, 8)
        self.hub.cuts = [20_000]  # of the model; what comes later is whole
        done = self.pull(SOURCE, "--sha256", hashlib.sha256(self.data).hexdigest())
        self.assertEqual((done["name"], done["bytes_total"]), ("Tiny-Q4_K_M", len(self.data) + len(eyes)))
        self.check_whole()
        model = self.library()["Tiny-Q4_K_M"]
        self.assertEqual((model["vision"], model["projector"]), (True, {"bytes": len(eyes), "sha256": hashlib.sha256(eyes).hexdigest(), "origin": "mmproj-Tiny-F16.gguf"}))
        self.server.cli("model", "rm", "Tiny-Q4_K_M")
        self.hub.files[(REPO, "mmproj-Tiny-F16.gguf")] = tiny_gguf(40_000, 7)  # called so, but none
        self.assertIn("is no projector", self.refused())

    def test_the_token_goes_to_the_hub_alone(self):
        self.hub.gated = True
        message = self.refused()
        self.assertIn(f"{self.hub.url}/{REPO}", message)
        self.assertIn("HF_TOKEN", message)
        self.server.stop()
        os.environ["HF_TOKEN"] = "hf_secret"
        self.server.start()
        self.pull()
        self.check_whole()
        self.assertTrue(all(headers["authorization"] == "Bearer hf_secret" for _, headers in self.hub.asked("front", "")[1:]))
        self.assertTrue(self.hub.asked("content", ""))
        self.assertFalse([path for path, headers in self.hub.asked("content", "") if "authorization" in headers])
        self.server.stop()

    def test_offline_no_hub_is_asked(self):
        self.server.stop()
        os.environ["HF_HUB_OFFLINE"] = "1"
        self.server.start()
        self.assertIn("HF_HUB_OFFLINE", self.refused())
        self.assertIn("HF_HUB_OFFLINE", self.refused(f"ms:{REPO}"))
        self.assertEqual(self.hub.requests, [])

    def test_mistakes_are_answered_with_what_to_do(self):
        self.assertIn("no public repository", self.refused("hf:No/Such"))
        self.assertIn("no public repository", self.refused("ms:No/Such"))
        self.assertIn(FILE, self.refused(f"{SOURCE}:Q9_X"))
        self.assertIn("has no file", self.refused(f"{self.hub.content_url}/plain/{REPO}/none.gguf"))
        self.assertIn("OWNER/REPO", self.refused("Qwen/Tiny"))
        self.assertIn("user name or password", self.refused("https://u:p@127.0.0.1/x.gguf"))
        self.hub.files[(REPO, "page.gguf")] = b"<!doctype html>" * 100
        self.assertIn("not a GGUF", self.refused(f"{SOURCE}:page.gguf"))
        self.assertIn("Cannot reach http://127.0.0.1:9", self.refused("http://127.0.0.1:9/x.gguf"))
        self.pull()
        self.assertIn("exists already", self.server.cli("model", "pull", SOURCE, check=False).stderr)

    def test_readers_see_pulls_but_order_none(self):
        user = self.server.cli_json("user", "add", "rita", "--role", "reader")
        _, body, headers = self.server.request("POST", "/api/v1/session", {"username": "rita", "password": user["password"]}, key="")
        session = {"Cookie": headers["Set-Cookie"].split(";")[0], "X-Siyu-CSRF": json.loads(body)["csrf"]}
        self.assertEqual(self.server.request("POST", "/api/v1/model-pulls", {"reference": SOURCE}, key="", headers=session)[0], 403)
        self.assertEqual(self.server.request("GET", "/api/v1/model-pulls", key="", headers=session)[0], 200)
        self.assertEqual(self.hub.requests, [])


class FaultsTest(PullCase):
    def test_cut_at_many_offsets_it_goes_on_where_it_stopped(self):
        self.hub.cuts = [0, 1, 3, 4, 5, 100, 4095, 16384, 16385, 65536, 20000, 1, 70001]
        self.pull()
        self.check_whole()
        asked = self.hub.asked("content", "")
        self.assertEqual(len(asked), 14)
        begins = [int(headers.get("range", "bytes=0-")[6:-1]) for _, headers in asked]
        self.assertEqual(begins, sorted(begins))
        self.assertTrue(all("if-range" in headers for _, headers in asked if "range" in headers))

    def test_without_ranges_it_begins_again(self):
        self.hub.ranges = False
        self.hub.cuts = [1000, 50_000]
        self.pull()
        self.check_whole()

    def test_without_checksum_and_validator_nothing_is_stitched_together(self):
        self.hub.etag = False
        self.hub.cuts = [100_000]
        self.pull(f"{self.hub.content_url}/plain/{REPO}/{FILE}")
        self.check_whole()
        self.assertTrue(all("range" not in headers for _, headers in self.hub.asked("content", "")))

    def test_a_busy_hub_is_asked_again(self):
        self.hub.broken_times = 2
        self.pull()
        self.check_whole()

    def test_a_wrong_checksum_leaves_nothing_behind(self):
        self.hub.wrong_sha256 = True
        self.assertIn("SHA-256", self.refused())
        self.assertEqual(self.staged(), 0)
        self.hub.wrong_sha256 = False
        self.pull()
        self.check_whole()

    def test_a_model_larger_than_the_disk_is_not_begun(self):
        self.hub.announced = shutil.disk_usage(self.folder.name).free * 2
        self.assertIn("free space", self.refused())
        self.assertEqual(self.hub.asked("content", ""), [])
        self.assertIn("free space", self.refused(f"{self.hub.content_url}/plain/{REPO}/{FILE}"))
        self.assertEqual(self.staged(), 0)

    def test_cancelled_it_keeps_what_has_arrived(self):
        self.hub.pace = 0.05
        pull = self.start()
        wait_until(lambda: self.staged() > 0, "the first bytes")
        self.server.cli("model", "pulls", "--cancel", pull)
        wait_until(lambda: self.state(pull)["state"] == "cancelled", "the cancellation")
        kept = self.staged()
        self.assertGreater(kept, 0)
        self.hub.pace = None
        wait_until(lambda: self.pull()["state"] == "done", "the second pull")
        self.check_whole()
        self.assertEqual(self.hub.asked("content", "")[-1][1]["range"], f"bytes={kept}-")
        self.server.cli("model", "pulls", "--cancel", pull)
        self.assertEqual(self.server.cli_json("model", "pulls")["pulls"], [])

    def test_ctrl_c_leaves_the_download_to_the_server(self):
        self.hub.pace = 0.05
        environment = {**os.environ, "SIYU_SERVER": self.server.url, "SIYU_API_KEY": self.server.admin["api_key"]}
        process = subprocess.Popen([SIYU, "model", "pull", SOURCE], env=environment, stderr=subprocess.PIPE, text=True)
        wait_until(lambda: self.staged() > 0, "the first bytes")
        process.send_signal(signal.SIGINT)
        message = process.communicate(timeout=30)[1]
        self.assertIn("siyu model pulls --cancel pull_", message)
        self.hub.pace = None
        wait_until(lambda: "Tiny-Q4_K_M" in self.library(), "the model")
        self.check_whole()

    def test_of_two_that_want_one_name_the_second_is_told_at_once(self):
        self.hub.files[("Other/Repo", FILE)] = tiny_gguf(300_000, seed=9)
        self.hub.pace = 0.05
        pull = self.start()
        wait_until(lambda: self.staged() > 0, "the first bytes")
        self.assertIn("Another pull", self.refused("hf:Other/Repo"))
        self.assertEqual(self.start(), pull)
        self.hub.pace = None
        wait_until(lambda: self.state(pull)["state"] == "done", "the end")
        self.check_whole()


class ImpatientTest(PullCase):
    environment = {"SIYU_PULL_STALL_SECONDS": "1", "SIYU_PULL_GIVE_UP_SECONDS": "3"}

    def test_a_file_that_changes_between_two_connections_is_taken_anew(self):
        address = f"{self.hub.content_url}/plain/{REPO}/{FILE}"
        self.hub.stall_after = 100_000
        pull = self.start(address)
        wait_until(lambda: self.staged() >= 100_000, "the first part")
        self.data = self.hub.files[(REPO, FILE)] = tiny_gguf(300_000, seed=7)
        self.hub.stall_after = None
        wait_until(lambda: self.state(pull)["state"] == "done", "the end")
        self.check_whole()

    def test_a_stalled_server_is_left_and_asked_again(self):
        self.hub.stall_after = 50_000
        pull = self.start()
        wait_until(lambda: "Trying again" in self.state(pull).get("reason", ""), "a second try")
        self.hub.stall_after = None
        wait_until(lambda: self.state(pull)["state"] == "done", "the end")
        self.check_whole()

    def test_it_gives_up_in_the_end_and_can_be_taken_up_again(self):
        self.hub.cuts = [100_000]
        self.hub.always_cut = 0
        self.assertIn("Pull again", self.refused())
        self.assertEqual(self.staged(), 100_000)
        self.hub.always_cut = None
        self.pull()
        self.check_whole()
        self.assertEqual(self.hub.asked("content", "")[-1][1]["range"], "bytes=100000-")


class SurvivalTest(PullCase):
    def test_killed_midway_it_resumes_by_itself_after_the_restart(self):
        self.hub.pace = 0.05
        pull = self.start()
        for begun in (1, 65536, 130_000, 200_000):
            wait_until(lambda: self.staged() >= begun, "some bytes")
            self.server.stop(signal.SIGKILL)
            kept = self.staged()
            self.server.start()
        self.hub.pace = None
        wait_until(lambda: self.state(pull)["state"] == "done", "the end")
        self.check_whole()
        asked = [headers for _, headers in self.hub.asked("content", "")]
        self.assertIn(f"bytes={kept}-", [headers.get("range") for headers in asked])
        self.assertTrue(all("if-range" in headers for headers in asked[1:]))

    def test_stopped_it_ends_quickly_and_resumes(self):
        self.hub.stall_after = 100_000
        pull = self.start()
        wait_until(lambda: self.staged() >= 100_000, "some bytes")
        self.assertEqual(self.server.stop(), 0)
        self.hub.stall_after = None
        self.server.start()
        wait_until(lambda: self.state(pull)["state"] == "done", "the end")
        self.check_whole()

    def test_a_pulled_model_loads(self):
        models = os.environ.get("SIYU_TEST_MODELS")
        if not models:
            self.skipTest("SIYU_TEST_MODELS is unset")
        self.data = self.hub.files[(REPO, FILE)] = (pathlib.Path(models) / "stories260K-f16.gguf").read_bytes()
        self.hub.cuts = [200_000, 100_000]
        self.pull()
        self.check_whole()
        self.assertEqual(self.server.cli_json("model", "load", "Tiny-Q4_K_M")["state"], "ready")

    def test_a_pulled_split_model_loads(self):
        models = os.environ.get("SIYU_TEST_MODELS")
        if not models:
            self.skipTest("SIYU_TEST_MODELS is unset")
        whole = (pathlib.Path(models) / "stories260K-f16.gguf").read_bytes()
        for number, part in enumerate(split_gguf(whole, 3), 1):
            self.hub.files[(REPO, f"stories-{number:05}-of-00003.gguf")] = part
        self.pull(f"{SOURCE}:stories-00001-of-00003.gguf")
        self.server.cli("model", "rm", "stories")
        self.pull(f"{SOURCE}:stories-00001-of-00003.gguf", "--load")
        loaded = self.server.cli_json("model", "load", "stories")
        self.assertEqual((loaded["state"], loaded["quantization"]), ("ready", "F16"))
        answer = self.server.cli_json("chat", "Once upon a time", "--model", "stories", "--max-tokens", "8", "--temperature", "0")
        self.assertEqual(answer["usage"]["completion_tokens"], 8)

    def test_killed_between_arrival_and_record_it_is_done_all_the_same(self):
        pull = self.pull()["id"]
        self.server.stop(signal.SIGKILL)
        with contextlib.closing(sqlite3.connect(self.server.data / "siyu.db")) as db, db:
            db.execute("UPDATE model_pulls SET state = 'queued', ended_at = NULL WHERE id = ?", [pull])
        self.server.start()
        wait_until(lambda: self.state(pull)["state"] == "done", "the end")
        self.check_whole()
        self.assertEqual(len(self.hub.asked("content", "")), 1)


class UpTest(PullCase):
    def up(self, *options):
        """What `siyu up` says until it is ready, on the stopped server's folder."""
        process = subprocess.Popen([SIYU, "up", "--data", self.server.data, "--listen", "127.0.0.1:0", "--insecure-http", *options], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True)
        said = ""
        try:
            for line in process.stdout:
                said += line
                if "Next:" in line:
                    break
            pulls = self.server.data / "siyu.db"
            if "--pull" in options and "background" in said:
                wait_until(lambda: self.ended(pulls), "the end of the pull")
            return said
        finally:
            process.terminate()
            process.wait(30)
            process.stdout.close()

    def ended(self, database):
        with contextlib.closing(sqlite3.connect(database)) as db:
            return db.execute("SELECT count(*) FROM model_pulls WHERE state IN ('done', 'failed')").fetchone()[0] > 0

    def test_without_being_asked_no_hub_is_asked(self):
        self.server.stop()
        said = self.up()
        self.assertIn("nothing has been downloaded", said)
        self.assertIn("未下载", said)
        self.assertEqual(self.hub.requests, [])

    def test_asked_it_downloads_in_the_background_and_loads(self):
        self.server.stop()
        self.hub.broken_times = 1
        self.assertIn("in the background", self.up("--pull", SOURCE))
        self.assertIn("Nothing is downloaded", self.up("--pull"))
        self.server.start()
        self.check_whole()

    def test_a_hub_out_of_reach_or_switched_off_does_not_hold_it_up(self):
        self.server.stop()
        os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"
        self.assertIn("siyu model pull --load ms:", self.up("--pull"))
        os.environ["HF_HUB_OFFLINE"] = "1"
        self.assertIn("HF_HUB_OFFLINE", self.up("--pull"))
        self.assertEqual(self.hub.requests, [])


class RecommendTest(PullCase):
    def test_what_is_recommended_fits_and_asks_no_hub(self):
        answer = self.server.cli_json("model", "recommend")
        machine, models = answer["machine"], answer["recommendations"]
        memory = int(pathlib.Path("/proc/meminfo").read_text().split()[1]) * 1024
        self.assertLessEqual(machine["memory_available_bytes"], machine["memory_bytes"])
        self.assertLessEqual(machine["memory_bytes"], memory)
        self.assertLessEqual(machine["cores"], len(os.sched_getaffinity(0)))
        for one in models:
            self.assertEqual(one["command"], "siyu model pull " + one["reference"])
            if one["fits"]:
                self.assertLess(one["predicted_bytes"], machine["memory_available_bytes"])
        self.assertEqual([one["fits"] for one in models], sorted((one["fits"] for one in models), reverse=True))
        shown = self.server.cli("model", "recommend").stdout
        self.assertEqual("siyu model pull hf:" in shown, models[0]["fits"])
        self.assertEqual(self.hub.requests, [])


class HostileTest(PullCase):
    def test_a_body_beyond_the_announced_size_is_cut_off(self):
        self.hub.extra = b"x" * 100_000
        self.assertIn("more than", self.refused())
        self.assertEqual(self.staged(), 0)

    def test_redirects_are_followed_under_rules_only(self):
        for target, word in [("file:///etc/passwd", "not followed"), ("/loop/1", "redirects more than"), ("ftp://127.0.0.1/x", "not followed"),
                             ("http://user:secret@127.0.0.1/x", "not followed"), ("gopher://127.0.0.1:70/x", "not followed")]:
            self.hub.redirect_to = target
            self.assertIn(word, self.refused(), target)
        self.assertLess(len(self.hub.asked("front", "/loop/")), 12)

    def test_names_that_climb_write_nowhere_else(self):
        for name in ["../../../evil-Q4_0.gguf", "/etc/evil-Q4_0.gguf", "..\\evil.gguf", ".gguf/../x.gguf"]:
            self.hub.files = {(REPO, name): self.data}
            self.assertIn("no GGUF file", self.refused(), name)
        self.hub.files = {(REPO, "a/..evil name;rm -rf.gguf"): self.data}
        self.assertEqual(self.pull()["name"], "evil-name-rm--rf")
        self.check_whole("evil-name-rm--rf")

    def test_orders_that_are_none_are_refused(self):
        self.assertEqual(self.server.request("POST", "/api/v1/model-pulls", {"reference": "x" * 5000})[0], 400)
        self.assertEqual(self.server.request("POST", "/api/v1/model-pulls", {"reference": SOURCE, "name": "../x"})[0], 400)
        self.assertEqual(self.server.request("POST", "/api/v1/model-pulls", {"reference": SOURCE, "sha256": "abc"})[0], 400)
        self.assertEqual(self.server.request("POST", "/api/v1/model-pulls", {"reference": SOURCE, "surprise": 1})[0], 400)
        self.assertEqual(self.server.request("DELETE", "/api/v1/model-pulls/..%2F..%2Fx")[0], 404)


if __name__ == "__main__":
    unittest.main()
