"""The planner's API of the real server: models by name and never by path, messages that name the field, papers as files, two plans at once."""
import concurrent.futures
import http.client
import io
import json
import os
import pathlib
import re
import signal
import subprocess
import time
import unittest
import urllib.parse
import zipfile

from fake_hub import split_gguf
from test_pull import REPO, SOURCE, PullCase
from test_remote import wait_for
from test_server import SIYU, ServerCase

SCENARIO = {"name": "政务问答", "model": {"name": "Qwen3-32B", "weights": "fp8"}, "users": {"daily_active": 2000, "growth_per_year": 0.3}}


class PlanCase(ServerCase):
    def plan(self, what, body=None, key=None):
        """Status and answer of an operation of the planner."""
        status, text, _ = self.server.request("POST" if body is not None else "GET", "/api/v1/plan" + what, body, key=key, headers={"Content-Type": "application/json"})
        return status, json.loads(text)

    def refused(self, what, body, status, *words):
        got, answer = self.plan(what, body)
        self.assertEqual(got, status, answer)
        for word in words:
            self.assertIn(word, answer["error"]["message"])
        return answer["error"]

    def import_model(self, name):
        file = self.root / f"{name}.gguf"
        writer = pathlib.Path(SIYU).with_name("model_writer")
        subprocess.run([writer, "--arch", "llama", "--preset", "tiny", "--seed", "1", "--context", "2048", "-o", file], check=True)
        self.server.cli("model", "import", file, "--name", name)
        return self.server.cli_json("model", "list")["models"][0]

    def new_reader(self):
        self.assertEqual(self.server.request("POST", "/api/v1/users", {"username": "rita", "role": "reader", "password": "correct horse"})[0], 201)
        _, body, headers = self.server.request("POST", "/api/v1/session", {"username": "rita", "password": "correct horse"}, key="")
        session = {"Cookie": headers["Set-Cookie"].split(";")[0], "X-Siyu-CSRF": json.loads(body)["csrf"]}
        return json.loads(self.server.request("POST", "/api/v1/keys", {"name": "rita's"}, key="", headers=session)[1])["secret"]


class NumbersTest(PlanCase):
    def test_memory_of_an_imported_model_is_that_of_its_file(self):
        model = self.import_model("small")
        status, answer = self.plan("/memory", {"model": "small", "context": 512, "users": 4})
        self.assertEqual(status, 200, answer)
        self.assertEqual((answer["model"], answer["parameters"]), ("small", model["parameters"]))
        tensors = answer["weights"]
        self.assertTrue(0.8 * model["bytes"] < tensors <= model["bytes"], f"{tensors} of a file of {model['bytes']} bytes, its words included")
        self.assertEqual(answer["kv"], answer["kv_tokens"] * answer["kv_bytes_per_token"])
        self.assertAlmostEqual(answer["total"], answer["weights"] + answer["kv"] + answer["activations"] + answer["runtime"])
        self.assertEqual(answer["cards"][0]["cards"], 1)
        more = self.plan("/memory", {"model": "small", "context": 512, "users": 8})[1]
        self.assertEqual(more["kv"], 2 * answer["kv"])

    def test_speed_is_of_a_card_of_the_catalogue(self):
        status, speed = self.plan("/speed", {"model": "Qwen3-32B", "weights": "fp8", "accelerator": "H20", "concurrency": 16})
        self.assertEqual(status, 200, speed)
        self.assertGreater(speed["at_concurrency"]["output_tokens_per_s"], speed["decode_tokens_per_s"])
        self.refused("/speed", {"model": "Qwen3-32B"}, 400, "accelerator")

    def test_a_plan_has_a_formula_and_a_source_for_what_it_says(self):
        status, plan = self.plan("", SCENARIO)
        self.assertEqual(status, 200, plan)
        self.assertEqual(plan["cards"], plan["replicas"] * plan["split"]["tensor"] * plan["split"]["pipeline"])
        self.assertEqual([option["chosen"] for option in plan["hardware"]].count(True), 1)
        self.assertEqual([year["year"] for year in plan["fleet"]["years"]], [0, 1, 2, 3])
        self.assertGreaterEqual(plan["fleet"]["years"][3]["replicas"], plan["replicas"])
        for part in ("memory", "speed", "fleet", "cost", "advice"):
            known = {figure["id"] for figure in plan[part]["figures"]}
            self.assertTrue(known)
            for figure in plan[part]["figures"]:
                self.assertTrue(figure["label"]["zh"] and figure["label"]["en"], figure)
                self.assertFalse(re.search("[a-z]{4}", figure["formula"]["zh"]), f"not in Chinese: {figure['formula']}")
                for given in figure["inputs"]:
                    self.assertTrue(given.get("figure", figure["id"]) in known, f"{figure['id']} ← {given}")
        self.assertTrue(plan["cost"]["missing"], "nobody gave prices, and none are made up")
        self.assertNotIn("base", plan["cost"]["on_premise"]["total"])


class RefusalTest(PlanCase):
    def test_nonsense_is_answered_with_the_field_and_what_was_expected(self):
        self.refused("/memory", {}, 400, "model")
        self.refused("/memory", {"model": ""}, 400, "model")
        self.refused("/memory", {"model": "Qwen3-8B", "contxt": 5}, 400, "contxt")
        self.refused("/memory", {"model": "Qwen3-8B", "context": "long"}, 400, "context", "a number")
        self.refused("/memory", {"model": "Qwen3-8B", "context": -5}, 400, "context")
        self.refused("/memory", {"model": "Qwen3-8B", "tensor": 0, "accelerator": "H20"}, 400, "tensor")
        self.refused("/memory", {"model": "Qwen3-8B", "weights": "int3.14"}, 400, "int3.14")
        self.refused("/memory", {"model": "Qwen3-8B", "engine": "abacus"}, 400, "engine", "llama_server")
        self.refused("/memory", {"model": "Qwen3-8", "accelerator": "H20"}, 404, "Qwen3-8B")
        self.refused("/speed", {"model": "Qwen3-8B", "accelerator": "Abacus-1"}, 404, "Abacus-1")
        self.refused("", {**SCENARIO, "users": {"daily_active": -1}}, 400, "users.daily_active")
        self.refused("", {**SCENARIO, "name": ""}, 400, "name")
        self.refused("", {**SCENARIO, "colour": "red"}, 400, "colour")
        self.refused("", {**SCENARIO, "latency": {"ttft_p95_s": 0.001}}, 422)
        for date in ("2026-02-30", "2026- 1-01", "2026-+1-01", "2026--1-01", "26-01-2026"):
            self.refused("/report", {"scenario": SCENARIO, "language": "zh", "format": "docx", "date": date}, 400, "date")
        self.refused("/report", {"scenario": SCENARIO, "language": "zh", "format": "doc"}, 400, "format", "docx")
        self.refused("/report", {"scenario": SCENARIO, "language": "zh", "format": "docx", "papers": []}, 400, "papers")
        self.assertEqual(self.server.request("POST", "/api/v1/plan", {**SCENARIO, "goals": ["x" * 1000] * 80})[0], 413)

    def test_a_path_is_no_name_of_a_model(self):
        self.import_model("small")
        inside = self.server.data / "models" / "small.gguf"
        self.assertTrue(inside.exists())
        for path in (str(inside), str(self.root / "small.gguf"), "../models/small.gguf", "./small.gguf", "models/small.gguf", "small.gguf", "/etc/passwd", str(self.server.data), "file://" + str(inside), "small\u0000.gguf"):
            for what, body in (("/memory", {"model": path}), ("/speed", {"model": path, "accelerator": "H20"}), ("", {**SCENARIO, "model": {"name": path}}),
                               ("/report", {"scenario": {**SCENARIO, "model": {"name": path}}, "language": "en", "format": "html"})):
                self.refused(what, body, 404, "is not a model of the catalogue")

    def test_a_caller_without_a_key_gets_nothing_and_a_reader_may_plan(self):
        for key in ("", "sk-wrong"):
            for what, body in (("/memory", {"model": "Qwen3-8B"}), ("", SCENARIO), ("/report", {"scenario": SCENARIO, "language": "zh", "format": "html"}), ("/catalogue", None), ("/published", None)):
                self.assertEqual(self.plan(what, body, key=key)[0], 401, what)
        reader = self.new_reader()
        self.assertEqual(self.plan("/memory", {"model": "Qwen3-8B"}, key=reader)[0], 200)
        self.assertEqual(self.plan("", SCENARIO, key=reader)[0], 200)
        entries = self.server.cli_json("audit", "list")["entries"]
        self.assertEqual([entry["action"] for entry in entries if entry["actor"] == "rita" and entry["action"].startswith("plan.")][::-1], ["plan.memory", "plan.make"])

    def test_two_plans_are_made_at_once_and_the_others_are_told_when_to_come_again(self):
        slow = {**SCENARIO, "model": {"name": "DeepSeek-V3", "weights": "fp8"}, "users": {"daily_active": 20000}}
        ask = lambda _: self.server.request("POST", "/api/v1/plan", slow)
        with concurrent.futures.ThreadPoolExecutor(8) as crowd:
            answers = list(crowd.map(ask, range(8)))
        self.assertEqual({status for status, _, _ in answers}, {200, 503})
        for status, body, headers in answers:
            if status == 503:
                self.assertEqual(headers["Retry-After"], "3")
                self.assertEqual(json.loads(body)["error"]["code"], "planner_busy")
        self.assertEqual(ask(0)[0], 200)

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self.server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def test_a_plan_whose_client_has_left_is_given_up(self):
        slow = {**SCENARIO, "model": {"name": "DeepSeek-V3", "weights": "fp8"}, "users": {"daily_active": 1_000_000, "growth_per_year": 0.3}}
        begin = self.processor_seconds()
        self.assertEqual(self.plan("", slow)[0], 200)
        whole = self.processor_seconds() - begin
        url = urllib.parse.urlsplit(self.server.url)
        begin = self.processor_seconds()
        for what, body in (("", slow), ("/report", {"language": "en", "format": "pdf", "scenario": slow})):
            client = http.client.HTTPConnection(url.hostname, url.port)
            client.request("POST", "/api/v1/plan" + what, json.dumps(body), {"Authorization": "Bearer " + self.server.admin["api_key"], "Content-Type": "application/json"})
            taken = self.processor_seconds()
            wait_for(lambda: self.processor_seconds() > taken + 0.1)  # it is being made
            client.sock.close()
            client.close()
        wait_for(lambda: self.plan("", SCENARIO)[0] == 200)  # a turn is free again
        self.assertLess(self.processor_seconds() - begin, whole, "of two that were given up and a small one")
        self.assertEqual(self.server.stop(signal.SIGTERM), 0)


class SplitModelTest(PullCase):
    def test_a_model_in_three_files_takes_what_it_would_take_in_one(self):
        whole = pathlib.Path(self.folder.name) / "whole.gguf"
        subprocess.run([pathlib.Path(SIYU).with_name("model_writer"), "--arch", "llama", "--preset", "tiny", "--seed", "1", "--context", "2048", "-o", whole], check=True)
        for number, part in enumerate(split_gguf(whole.read_bytes(), 3), 1):
            self.hub.files[(REPO, f"parted-{number:05}-of-00003.gguf")] = part
        self.pull(f"{SOURCE}:parted-00001-of-00003.gguf")
        self.server.cli("model", "import", whole, "--name", "whole")
        answers = [json.loads(self.server.request("POST", "/api/v1/plan/memory", {"model": name, "context": 512})[1]) for name in ("parted", "whole")]
        for part in ("parameters", "weights", "kv", "total"):
            self.assertEqual(answers[0][part], answers[1][part], part)
        for name in ("parted", "whole"):
            self.server.cli("model", "load", name, "--context", 512)
        charged = {one["name"]: one["versions"][0]["replicas"][0]["predicted_bytes"] for one in self.server.cli_json("deploy", "list")["deployments"]}
        self.assertAlmostEqual(charged["parted"], charged["whole"], delta=4096, msg="what it is charged of the memory for models, the files' heads aside")


class PaperTest(PlanCase):
    def report(self, **more):
        status, body, headers = self.server.request("POST", "/api/v1/plan/report", {"scenario": SCENARIO, "language": "zh", **more})
        self.assertEqual(status, 200, body[:300])
        return body, headers

    def test_one_paper_is_a_file_and_several_are_an_archive(self):
        page, headers = self.report(format="html", papers=["alignment"], date="2026-03-01")
        self.assertEqual((headers.get_content_type(), headers["Content-Disposition"]), ("text/html", 'attachment; filename="alignment-zh.html"'))
        self.assertIn("政务问答", page.decode())
        self.assertIn("2026-03-01", page.decode())
        word, headers = self.report(format="docx", papers=["sizing"])
        self.assertEqual(headers["Content-Disposition"], 'attachment; filename="sizing-zh.docx"')
        self.assertIn("word/document.xml", zipfile.ZipFile(io.BytesIO(word)).namelist())
        both, headers = self.report(format="pdf", papers=["risks", "cost"], language="en")
        self.assertEqual((headers.get_content_type(), headers["Content-Disposition"]), ("application/zip", 'attachment; filename="plan-en.zip"'))
        archive = zipfile.ZipFile(io.BytesIO(both))
        self.assertEqual(archive.namelist(), ["risks-en.pdf", "cost-en.pdf"])
        self.assertTrue(all(archive.read(name).startswith(b"%PDF-") for name in archive.namelist()))

    def test_markdown_of_every_paper_comes_with_its_charts(self):
        archive = zipfile.ZipFile(io.BytesIO(self.report(format="markdown")[0]))
        names = archive.namelist()
        self.assertEqual(len([name for name in names if name.endswith(".md")]), 7)
        self.assertEqual(len(names), len(set(names)))
        for name in names:
            if name.endswith(".svg"):
                self.assertTrue(any(name in archive.read(paper).decode() for paper in names if paper.endswith(".md")), f"{name} belongs to no paper")


class CatalogueTest(PlanCase):
    def catalogue(self):
        status, answer = self.plan("/catalogue")
        self.assertEqual(status, 200)
        return answer

    def test_facts_have_sources_and_predictions_stand_beside_what_was_published(self):
        answer = self.catalogue()
        self.assertNotIn("problem", answer)
        for part in ("accelerators", "models", "networks", "industries", "token_prices", "user_classes"):
            self.assertTrue(answer[part])
            self.assertTrue(all(entry["source"] and entry["date"] for entry in answer[part]), part)
        rows = self.plan("/published")[1]["rows"]
        self.assertTrue(all(row["ratio"] > 0 if "ratio" in row else row["why_not"]["zh"] and row["why_not"]["en"] for row in rows))

    def restarted_with(self, name, text):
        self.server.stop()
        (self.server.data / "catalogue").mkdir(exist_ok=True)
        (self.server.data / name).write_text(text)
        self.server.start()

    def test_a_folder_of_the_users_adds_to_it_and_a_broken_one_does_not_stop_the_server(self):
        entry = 'format: 1\naccelerators:\n  - {name: "House-1", vendor: "House", edition: "domestic", kind: "gpu", memory_gib: 64, memory_gb_per_s: 1000, software: "own", engines: ["vLLM"], source: "measured here", date: "2026-03"}\n'
        self.restarted_with("catalogue/accelerators.yaml", entry)
        answer = self.catalogue()
        self.assertIn("House-1", [card["name"] for card in answer["accelerators"]])
        self.assertNotIn("problem", answer)
        self.assertEqual(self.plan("/memory", {"model": "Qwen3-8B", "accelerator": "House-1"})[0], 200)

        self.restarted_with("catalogue/accelerators.yaml", entry.replace("memory_gib: 64", "memory_gib: many"))
        answer = self.catalogue()
        self.assertNotIn("House-1", [card["name"] for card in answer["accelerators"]])
        for language in ("zh", "en"):
            self.assertIn("accelerators.yaml", answer["problem"][language])
        self.assertIn("plan_catalogue_refused", self.server.log.read_text())
        self.assertEqual(self.plan("/memory", {"model": "Qwen3-8B"})[0], 200)

    def test_without_a_card_the_speed_is_that_of_the_machine_when_it_was_measured(self):
        question = {"model": "Qwen3-8B", "weights": "q8_0"}
        self.refused("/speed", question, 400, "calibrate")
        rates = {"weights": "q8_0", "weight_bytes_per_s": 2e10, "kv_ops_per_s": 3e10, "flop_per_s": 1e11, "attention_flop_per_s": 5e10, "step_s": 0.001, "layer_s": 0.0001, "source": "by hand"}
        calibration = {"machine": "this one", "date": "2026-03-01", "rates": [rates], "models": []}
        self.restarted_with("calibration.json", json.dumps(calibration))
        slow = self.plan("/speed", question)[1]["decode_tokens_per_s"]
        self.restarted_with("calibration.json", json.dumps({**calibration, "rates": [{**rates, "weight_bytes_per_s": 4e10}]}))
        self.assertGreater(self.plan("/speed", question)[1]["decode_tokens_per_s"], 1.5 * slow)
        self.restarted_with("calibration.json", "{broken")
        self.assertIn("plan_calibration_refused", self.server.log.read_text())
        self.refused("/speed", question, 400, "calibrate")


if __name__ == "__main__":
    unittest.main()
