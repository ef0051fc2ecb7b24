"""Pictures in chat: random-weight models with projectors in real workers, beside llama-server on the same files."""
import base64
import concurrent.futures
import json
import os
import pathlib
import random
import socket
import subprocess
import time
import unittest
import urllib.error
import urllib.request

from agreement import chances
from pictures import JPEG, bomb, data_url, discs, png, png_file, stripes
from test_server import SIYU, ServerCase

LLAMA_SERVER = os.environ.get("SIYU_LLAMA_SERVER", "")
WRITER = pathlib.Path(SIYU).with_name("model_writer")
SHAPE = ["--layers", "2", "--width", "256", "--heads", "4", "--kv-heads", "2", "--feed-forward", "256"]  # heads of 64: our own attention
PLACES = 16  # of a picture, with the projector of gemma3's kind


def write_eyes(root, name, arch, projector, seed=1):
    model, eyes = root / f"{name}.gguf", root / "eyes" / f"{name}.gguf"
    eyes.parent.mkdir(exist_ok=True)
    common = [WRITER, "--arch", arch, *SHAPE, "--context", "4096", "--seed", str(seed)]
    subprocess.run([*common, "-o", model], check=True)
    subprocess.run([*common, "--projector", projector, "-o", eyes], check=True)
    return model, eyes


def content(*parts):
    """Bytes are pictures, texts are texts."""
    return [{"type": "text", "text": part} if isinstance(part, str) else
            {"type": "image_url", "image_url": {"url": data_url(part, "image/jpeg" if part.startswith(b"\xff\xd8") else "image/png")}} for part in parts]


def user(*parts):
    return {"role": "user", "content": content(*parts)}


class VisionCase(ServerCase):
    arch, projector = "qwen2", "gemma3"

    def setUp(self):
        super().setUp()
        self.model_file, self.eyes_file = write_eyes(self.root, "seer", self.arch, self.projector)
        self.server.cli("model", "import", self.model_file, "--projector", self.eyes_file)
        self.server.cli("model", "load", "seer", "--context", "4096")

    def post(self, path, body):
        status, text, _ = self.server.request("POST", path, body, headers={"Content-Type": "application/json"})
        return status, json.loads(text)

    def chat(self, *messages, model="seer", tokens=12, **more):
        status, body = self.post("/v1/chat/completions", {"model": model, "messages": list(messages), "max_tokens": tokens, "temperature": 0, **more})
        self.assertEqual(status, 200, body)
        return body

    def say(self, *messages, **more):
        return self.chat(*messages, **more)["choices"][0]["message"]["content"]

    def told(self, *messages, **more):
        """What is said, with the likelihoods that decided it."""
        return chances(self.chat(*messages, logprobs=True, top_logprobs=5, **more)["choices"][0])

    def worker(self):
        return self.server.cli_json("model", "show", "seer")["worker"]


class SightTest(VisionCase):
    def test_the_picture_decides_the_answer_and_counts_as_prompt(self):
        first = self.say(user("What is this?", stripes()))
        self.assertEqual(self.say(user("What is this?", stripes())), first)
        self.assertNotEqual(self.say(user("What is this?", discs())), first)
        self.assertNotEqual(self.say(user("What is this?", JPEG)), first)
        text = self.chat(user("What is this?"))
        seen = self.chat(user("What is this?", stripes()))
        marks = seen["usage"]["prompt_tokens"] - text["usage"]["prompt_tokens"] - PLACES
        self.assertTrue(2 <= marks <= 20, seen["usage"])  # what stands around a picture, as words of this vocabulary
        self.assertNotEqual(seen["choices"][0]["message"]["content"], text["choices"][0]["message"]["content"])

    def test_text_and_pictures_stand_where_they_were_put(self):
        def certainty(*parts):  # few words come out of so small a model, but each with a likelihood of its own
            choice = self.chat(user(*parts), tokens=1, logprobs=True)["choices"][0]
            return round(choice["logprobs"]["content"][0]["logprob"], 4)

        asked = (("First", stripes(), "second", discs(), "?"), ("First", discs(), "second", stripes(), "?"), (stripes(), discs(), "First\nsecond\n?"), ("First", stripes(), "second", "?"))
        found = [certainty(*parts) for parts in asked]
        self.assertEqual(len(set(found)), 4, found)
        self.assertAlmostEqual(certainty(*asked[0]), found[0], places=3)

    def test_a_follow_up_computes_the_picture_no_second_time(self):
        question = user("Look at this.", stripes(), "What is it?")
        first = self.chat(question)
        answer = first["choices"][0]["message"]
        again = self.chat(question, {"role": "assistant", "content": answer["content"]}, user("And why?"))
        cached = again["usage"]["prompt_tokens_details"]["cached_tokens"]
        self.assertGreaterEqual(cached, first["usage"]["prompt_tokens"] - 8, again["usage"])
        fresh = self.chat(user("Look at this.", discs(), "What is it?"), {"role": "assistant", "content": answer["content"]}, user("And why?"))
        self.assertLess(fresh["usage"]["prompt_tokens_details"]["cached_tokens"], first["usage"]["prompt_tokens"] - PLACES)
        # What was taken from the cache is what would have been computed.
        self.server.cli("model", "unload", "seer")
        self.server.cli("model", "load", "seer", "--context", "4096")
        anew = self.chat(question, {"role": "assistant", "content": answer["content"]}, user("And why?"))
        self.assertEqual(anew["choices"][0]["message"]["content"], again["choices"][0]["message"]["content"])

    def test_many_at_once_answer_as_each_alone(self):
        asked = [[user("One", stripes(), "two")], [user("One", discs(), "two")], [user("One", JPEG, discs(), "two")], [user("only text, and a little more of it")],
                 [user(png(64, 64), "what")], [{"role": "system", "content": "Be brief."}, user("One", stripes(), "two")]]
        alone = [self.say(*messages, tokens=24) for messages in asked]
        self.server.cli("model", "unload", "seer")
        self.server.cli("model", "load", "seer", "--context", "4096")
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            together = list(pool.map(lambda i: self.say(*asked[i % len(asked)], tokens=24), range(24)))
        for i, answer in enumerate(together):
            self.assertEqual(answer, alone[i % len(asked)])

    def test_answers_that_give_up_their_place_look_again(self):
        self.server.cli("model", "unload", "seer")
        self.server.cli("model", "load", "seer", "--context", "512", "--kv-tokens", "512")
        asked = [[user("One", stripes(), "two")], [user("One", discs(), "two")], [user(JPEG, "three")]]
        alone = [self.told(*messages, tokens=120) for messages in asked]  # long answers of random weights come to ties
        with concurrent.futures.ThreadPoolExecutor(9) as pool:  # three times what the cache holds
            together = list(pool.map(lambda i: self.say(*asked[i % 3], tokens=120), range(18)))
        for i, answer in enumerate(together):
            self.assert_agree(answer, alone[i % 3])

    def test_the_three_apis_see_the_same(self):
        wanted = self.say(user(stripes(), "What is this?"))
        picture = base64.b64encode(stripes()).decode()
        status, body = self.post("/v1/messages", {"model": "seer", "max_tokens": 12, "temperature": 0, "messages": [{"role": "user", "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": picture}}, {"type": "text", "text": "What is this?"}]}]})
        self.assertEqual((status, body["content"][0]["text"]), (200, wanted), body)
        status, body = self.post("/v1/responses", {"model": "seer", "max_output_tokens": 12, "temperature": 0, "input": [{"role": "user", "content": [
            {"type": "input_image", "image_url": data_url(stripes())}, {"type": "input_text", "text": "What is this?"}]}]})
        self.assertEqual((status, body["output"][-1]["content"][0]["text"]), (200, wanted), body)
        status, counted = self.post("/v1/messages/count_tokens", {"model": "seer", "messages": [{"role": "user", "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": picture}}, {"type": "text", "text": "What is this?"}]}]})
        self.assertEqual(counted["input_tokens"], self.chat(user(stripes(), "What is this?"))["usage"]["prompt_tokens"])

    def test_the_command_line_shows_pictures(self):
        file = self.root / "stripes.png"
        file.write_bytes(stripes())
        said = self.server.cli("chat", "--picture", file, "What is this?", "--max-tokens", "12", "--temperature", "0").stdout
        self.assertEqual(said.strip(), self.say(user(stripes(), "What is this?")).strip())

    def test_who_cannot_see_says_who_can(self):
        subprocess.run([WRITER, "--arch", "qwen2", "-o", self.root / "blind.gguf"], check=True)
        self.server.cli("model", "import", self.root / "blind.gguf", "--no-projector")
        self.server.cli("model", "load", "blind")
        status, body = self.post("/v1/chat/completions", {"model": "blind", "messages": [user("What?", stripes())]})
        self.assertEqual((status, body["error"]["code"]), (400, "model_cannot_see"))
        self.assertIn("models that can: seer", body["error"]["message"])
        kinds = {model["id"]: model["siyu"]["vision"] for model in json.loads(self.server.request("GET", "/v1/models")[1])["data"]}
        self.assertEqual(kinds, {"seer": True, "blind": False})

    def test_pictures_are_handed_on_to_engines_elsewhere(self):
        url = self.server.url
        self.server.cli("engine", "add", "away", "--url", url + "/v1", "--model", "seer", "--key-file", self.write("key", self.server.admin["api_key"]))
        deadline = time.monotonic() + 30
        while self.server.cli_json("engine", "list")["engines"][0]["state"] != "ready":
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        question = user("Before", JPEG, "between", stripes(), "after")
        self.assertEqual(self.say(question, model="away"), self.say(question))


class HostilePicturesTest(VisionCase):
    def refused(self, picture, words, kind="image/png", status=400):
        url = picture if isinstance(picture, str) else data_url(picture, kind)
        got, body = self.post("/v1/chat/completions", {"model": "seer", "max_tokens": 2, "messages": [{"role": "user", "content": [
            {"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]}]})
        self.assertEqual(got, status, (words, body))
        self.assertIn(words, body["error"]["message"])

    def test_each_gets_a_reason_and_the_worker_lives(self):
        before, sound = self.worker(), png()
        self.refused(sound[: len(sound) // 2], "cut off")
        self.refused(sound[:20], "damaged")
        self.refused(png_file(1, 100_000, b""), "8000 on a side")
        self.refused(png_file(8000, 8000, b""), "25 million")
        self.refused(png_file(2000, 5, b""), "200 times")
        self.refused(png_file(0, 5, b""), "damaged")
        self.refused(JPEG[: len(JPEG) // 2], "cut off", "image/jpeg")
        self.refused(b"GIF89a" + bytes(40), "neither PNG nor JPEG", "image/gif")
        self.refused(b"RIFF\x10\0\0\0WEBPVP8 " + bytes(40), "neither PNG nor JPEG", "image/webp")
        self.refused("data:image/png;base64,@@@@", "not base 64")
        self.refused("data:image/png,plain", "data:image/png;base64")
        self.refused("https://example.com/cat.png", "not fetched")
        self.refused(b"\x89PNG\r\n\x1a\n" + bytes(9 << 20), "limit is 8 MiB", status=413)
        got, body = self.post("/v1/chat/completions", {"model": "seer", "messages": [user(*[sound] * 17)]})
        self.assertEqual((got, "limit is 16" in body["error"]["message"]), (400, True), body)
        self.assertEqual(self.worker()["pid"], before["pid"])

    def test_a_file_that_unfolds_without_end_costs_no_memory(self):
        self.say(user(png()))
        before, most = self.worker(), self.peak()
        got, _ = self.post("/v1/chat/completions", {"model": "seer", "max_tokens": 2, "messages": [user(bomb(100, 100, 1 << 30))]})
        self.assertIn(got, (200, 400))
        self.assertEqual(self.worker()["pid"], before["pid"])
        self.assertLess(self.peak() - most, 64 << 20)

    def peak(self):
        """The most memory the worker ever had, in bytes."""
        status = pathlib.Path(f"/proc/{self.worker()['pid']}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) << 10

    def test_damaged_and_odd_ones_never_end_the_worker(self):
        before = self.worker()["pid"]
        chance = random.Random(7)
        pictures = [png(*size) for size in ((1, 1), (1, 150), (150, 1), (3, 500), (7, 7), (700, 20))]
        for file in (stripes(), JPEG):
            for _ in range(25):
                broken = bytearray(file)
                for _ in range(chance.randint(1, 12)):
                    broken[chance.randrange(20, len(broken))] = chance.randrange(256)
                pictures.append(bytes(broken))
        answered = 0
        for picture in pictures:
            got, body = self.post("/v1/chat/completions", {"model": "seer", "max_tokens": 1, "messages": [user("?", picture)]})
            self.assertIn(got, (200, 400), body)
            answered += got == 200
        self.assertGreaterEqual(answered, 6)
        self.assertEqual(self.worker()["pid"], before)


class TwoDimensionsTest(SightTest):
    """The same with places that lie in rows and columns, and take fewer positions than they are."""

    arch, projector = "qwen2vl", "qwen2vl_merger"

    def test_the_picture_decides_the_answer_and_counts_as_prompt(self):
        first = self.say(user("What is this?", stripes()))
        self.assertEqual(self.say(user("What is this?", stripes())), first)
        self.assertNotEqual(self.say(user("What is this?", discs())), first)
        small, large = (self.chat(user("What is this?", stripes(*size)))["usage"]["prompt_tokens"] for size in ((128, 128), (512, 256)))
        self.assertGreater(large, small)

    def test_damaged_and_odd_ones_never_end_the_worker(self):
        HostilePicturesTest.test_damaged_and_odd_ones_never_end_the_worker(self)


class TilesTest(VisionCase):
    """Larger pictures come in parts."""

    projector = "mlp"

    def test_each_part_is_seen_and_kept(self):
        large, other = (png(200, 200, lambda x, y: (x, y, (x ^ y) * mark % 256 if x > 100 and y > 100 else 128)) for mark in (1, 7))
        counts = {size: self.chat(user("What?", png(*size)))["usage"]["prompt_tokens"] for size in ((100, 100), (200, 100), (200, 200))}
        self.assertEqual([counts[200, 100] - counts[100, 100], counts[200, 200] - counts[100, 100]], [2 * 64, 4 * 64])
        whole = lambda picture: self.chat(user("What?", picture, "and why?"), tokens=4, logprobs=True)
        first, changed = whole(large), whole(other)  # another last tile
        certainty = lambda answer: answer["choices"][0]["logprobs"]["content"][0]["logprob"]
        self.assertNotAlmostEqual(certainty(first), certainty(changed), places=4)
        again = self.chat(user("What?", large, "and why?"), {"role": "assistant", "content": "So."}, user("Indeed?"))
        self.assertGreater(again["usage"]["prompt_tokens_details"]["cached_tokens"], 5 * 64)


class LibraryTest(ServerCase):
    def show(self, name):
        return self.server.cli_json("model", "show", name)

    def test_a_projector_belongs_to_its_model(self):
        model, eyes = write_eyes(self.root, "seer", "qwen2", "gemma3")
        alone = self.server.cli("model", "import", eyes, "--name", "alone", check=False)
        self.assertIn("cannot run alone", alone.stderr)
        self.server.cli("model", "import", model, "--name", "seer")
        self.assertEqual((self.show("seer")["vision"], "projector" in self.show("seer")), (False, False))
        self.server.cli("model", "rm", "seer")
        wrong = self.server.cli("model", "import", model, "--name", "wrong", "--projector", model, check=False)
        self.assertIn("is no projector", wrong.stderr)
        beside = self.root / "beside"
        beside.mkdir()
        (beside / "model.gguf").write_bytes(model.read_bytes())
        (beside / "mmproj-model-f16.gguf").write_bytes(eyes.read_bytes())
        self.assertIn("lies beside it", self.server.cli("model", "import", beside / "model.gguf", "--name", "seer").stdout)
        (beside / "other.gguf").write_bytes(model.read_bytes())  # has nothing to do with it
        self.assertNotIn("beside", self.server.cli("model", "import", beside / "other.gguf", "--name", "other").stdout)
        self.server.cli("model", "rm", "other")
        shown = self.show("seer")
        self.assertEqual((shown["vision"], shown["projector"]["origin"], shown["projector"]["bytes"]), (True, "mmproj-model-f16.gguf", eyes.stat().st_size))
        self.assertIn("chat, sees", self.server.cli("model", "list").stdout)
        self.server.cli("model", "load", "seer")
        status, body, _ = self.put_projector("seer", eyes.read_bytes())
        self.assertEqual((status, "unload it first" in body), (409, True), body)
        self.server.cli("model", "unload", "seer")
        other = write_eyes(self.root, "other", "qwen2", "gemma3", seed=2)[1]
        status, body, _ = self.put_projector("seer", other.read_bytes())
        self.assertEqual(status, 200, body)
        self.assertNotEqual(json.loads(body)["projector"]["sha256"], shown["projector"]["sha256"])
        self.server.stop()
        self.server.start()
        self.assertEqual(len(list((self.root / "data" / "models").glob("*.mmproj"))), 1)
        self.server.cli("model", "load", "seer")
        self.server.cli("model", "unload", "seer")
        self.server.cli("model", "rm", "seer")
        self.assertEqual(list((self.root / "data" / "models").glob("seer*")), [])

    def put_projector(self, name, body):
        request = urllib.request.Request(f"{self.server.url}/api/v1/models/{name}/projector", body, {"Authorization": "Bearer " + self.server.admin["api_key"], "Content-Type": "application/octet-stream"}, method="PUT")
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, response.read().decode(), response.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(), error.headers

    def test_the_eyes_of_another_model_are_told_at_its_start(self):
        model = write_eyes(self.root, "seer", "qwen2", "gemma3")[0]
        eyes = self.root / "narrow-eyes.gguf"
        subprocess.run([WRITER, "--arch", "qwen2", "--projector", "gemma3", "-o", eyes], check=True)  # for a width of 64
        self.server.cli("model", "import", model, "--projector", eyes)
        loaded = self.server.cli("model", "load", "seer", check=False)
        self.assertEqual((loaded.returncode, "made for another model" in loaded.stderr), (1, True), loaded.stderr)


@unittest.skipUnless(os.access(LLAMA_SERVER, os.X_OK), "SIYU_LLAMA_SERVER is unset")
class PeerTest(ServerCase):
    QUESTIONS = [[user("What is this?", stripes())], [user("One", discs(), "and", stripes(), "differ?")], [user(png(160, 150), "Describe it.")],
                 [user("First", stripes()), {"role": "assistant", "content": "Stripes."}, user("And this?", discs())]]

    def ask(self, url, key, messages):
        body = {"model": "seer", "messages": messages, "max_tokens": 8, "temperature": 0}
        request = urllib.request.Request(url + "/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json", "Authorization": "Bearer " + key})
        answer = json.load(urllib.request.urlopen(request, timeout=60))
        return answer["choices"][0]["message"]["content"], answer["usage"]["prompt_tokens"]

    def test_answers_are_llama_server_s(self):
        for arch, projector in (("qwen2", "gemma3"), ("qwen2vl", "qwen2vl_merger"), ("qwen2", "mlp")):
            with self.subTest(projector):
                model, eyes = write_eyes(self.root, "seer", arch, projector)
                self.server.cli("model", "import", model, "--name", projector, "--projector", eyes)
                self.server.cli("model", "load", projector, "--context", "4096")
                self.addCleanup(self.server.cli, "model", "unload", projector, check=False)
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", 0))
                    port = probe.getsockname()[1]
                with open(self.root / f"{projector}.log", "wb") as log:
                    llama = subprocess.Popen([LLAMA_SERVER, "-m", model, "--mmproj", eyes, "--host", "127.0.0.1", "--port", str(port), "--jinja", "-c", "4096", "-t", "2"], stdout=log, stderr=log)
                self.addCleanup(lambda process=llama: (process.kill(), process.wait()))
                url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 60
                while True:
                    try:
                        urllib.request.urlopen(url + "/health", timeout=5)
                        break
                    except (urllib.error.URLError, OSError):
                        self.assertLess(time.monotonic(), deadline, (self.root / f"{projector}.log").read_text()[-2000:])
                        time.sleep(0.05)
                for messages in self.QUESTIONS:
                    theirs = self.ask(url, "none", messages)
                    status, body, _ = self.server.request("POST", "/v1/chat/completions", {"model": projector, "messages": messages, "max_tokens": 8, "temperature": 0}, headers={"Content-Type": "application/json"})
                    body = json.loads(body)
                    self.assertEqual(status, 200, body)
                    self.assertEqual((body["choices"][0]["message"]["content"], body["usage"]["prompt_tokens"]), theirs)


if __name__ == "__main__":
    unittest.main()
