"""`siyu plan` as an engineer meets it: without a server, on files and on names; and its figures beside llama.cpp's own."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SIYU = pathlib.Path(os.environ["SIYU_BIN"])
WRITER, REPORT = SIYU.with_name("model_writer"), SIYU.with_name("llama_memory")
# 20 shapes: architecture, weight type, and what else is unlike.
SHAPES = [("llama", "f16"), ("llama", "q8_0"), ("llama", "q4_0", "--kv-heads", 8), ("llama", "q6_k", "--width", 768, "--heads", 12, "--kv-heads", 4), ("qwen2", "q8_0"), ("qwen2", "q4_k"),
          ("qwen2", "q5_0", "--layers", 3), ("qwen2", "bf16", "--width", 256, "--heads", 4), ("qwen3", "q8_0"), ("qwen3", "q4_0", "--head", 128), ("qwen3", "f16", "--feed-forward", 2816), ("qwen3", "q5_k"),
          ("qwen3moe", "q8_0"), ("qwen3moe", "q4_k", "--layers", 4), ("qwen3moe", "q4_0", "--feed-forward", 4096), ("deepseek2", "q8_0"), ("deepseek2", "q4_0"), ("deepseek2", "f16", "--layers", 5), ("gemma3", "q8_0"),
          ("gemma3", "q4_0", "--head", 128)]


def siyu(*arguments, check=True, text=None):
    done = subprocess.run([SIYU, *map(str, arguments)], capture_output=True, text=True, timeout=300, input=text, env={**os.environ, "LC_ALL": "C.UTF-8"})
    if check and done.returncode != 0:
        raise AssertionError(f"{arguments} exited {done.returncode}: {done.stderr}")
    return done


def siyu_json(*arguments):
    return json.loads(siyu(*arguments, "--json").stdout)


class PlanCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="siyu-plan-")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)


class SizesTest(PlanCase):
    def test_weights_and_cache_are_what_llama_cpp_says_on_twenty_shapes(self):
        for architecture, kind, *more in SHAPES:
            file = self.root / "model.gguf"
            subprocess.run([WRITER, "--arch", architecture, "--preset", "small", "--type", kind, *map(str, more), "-o", file], check=True, capture_output=True)
            for context, sequences, cache in ((1000, 1, "f16"), (4096, 8, "q8_0")):
                with self.subTest(architecture=architecture, kind=kind, more=more, context=context):
                    theirs = json.loads(subprocess.run([REPORT, file, "--context", str(context), "--sequences", str(sequences), "--kv-type", cache], check=True, capture_output=True, text=True).stdout)
                    ours = siyu_json("plan", "memory", "--model", file, "--ctx", context, "--users", sequences, "--kv-tokens", context, "--kv-type", cache)
                    self.assertEqual(ours["parameters"], theirs["parameters"])
                    self.assertEqual(ours["kv"], theirs["kv"])
                    self.assertAlmostEqual(ours["weights"] / theirs["weights"], 1, delta=0.001)

    def test_one_line_sizes_a_model_and_names_cards_that_hold_it(self):
        answer = siyu_json("plan", "memory", "--model", "Qwen3-32B", "--weights", "int8", "--ctx", 8192, "--users", 20)
        self.assertGreater(answer["total"], 32e9)
        self.assertEqual(answer["cards"], sorted(answer["cards"], key=lambda one: (one.get("cards", 1 << 30))))
        self.assertTrue(all({"id", "label", "formula", "inputs"} <= set(figure) for figure in answer["figures"]))
        shown = siyu("plan", "memory", "--model", "Qwen3-32B", "--weights", "int8", "--explain", "--lang", "zh").stdout
        self.assertIn("权重", shown)
        self.assertIn("= 权重 + KV 缓存 + 缓冲区 + 运行时开销", shown)

    def test_only_a_size_gives_the_first_estimate(self):
        answer = siyu_json("plan", "memory", "--parameters", "70b")
        self.assertEqual((answer["FP32"], answer["FP16"], answer["INT8"], answer["INT4"]), (280e9, 140e9, 70e9, 35e9))

    def test_nonsense_gets_a_message_that_says_what_is_expected(self):
        for arguments, expected in ((("memory", "--model", "Qwen3-32B", "--ctx", -5), "`context` must be a number of tokens"), (("memory", "--model", "/nowhere.gguf"), "There is no file"),
                                    (("memory",), "Name a model with --model"), (("memory", "--parameters", "many"), "such as 7b"), (("speed", "--model", "Qwen3-32B", "--accelerator", "H9"), "did you mean"),
                                    (("fleet", "--model", "Qwen3-8B", "--users", 0), "`users.daily_active`"), (("tco",), "Name a model with --model")):
            done = siyu("plan", *arguments, check=False)
            self.assertEqual(done.returncode, 1, arguments)
            self.assertIn(expected, done.stderr)

    def test_a_broken_file_is_refused_in_words(self):
        for name, data in (("cut.gguf", b"GGUF\x03\x00\x00\x00"), ("other.gguf", b"MZ" * 100), ("config.json", b"{\"num_hidden_layers\": \"many\"}"), ("a.safetensors", b"\xff" * 64)):
            path = self.root / name
            path.write_bytes(data)
            done = siyu("plan", "memory", "--model", path, check=False)
            self.assertEqual(done.returncode, 1, name)
            self.assertRegex(done.stderr, r"malformed|not a GGUF|must be|put the model's config|no safetensors")


class WholePlanTest(PlanCase):
    def test_a_scenario_becomes_a_fleet_a_cost_advice_and_papers(self):
        scenario = self.root / "bank.yaml"
        scenario.write_text("""name: 投研与制度问答
organisation: {name: 某银行, industry: finance}
model: {name: Qwen3-32B, weights: int8}
users: {daily_active: 2000, growth_per_year: 0.3}
tokens: {prompt: 2000, output: 400}
constraints: {edition: domestic, data_class: confidential, cloud_allowed: false}
cost: {currency: CNY, card_price: 90000, server_price: 250000, network_price: 20000, storage_price: 100000, rack_per_unit_and_month: 100, staff_per_year: 300000,
       cloud_input_per_million: 2, cloud_output_per_million: 8}
""", "utf-8")
        plan = siyu_json("plan", "fleet", "--scenario", scenario)
        self.assertEqual(plan["cards"], plan["replicas"] * plan["split"]["tensor"])
        self.assertEqual([year["year"] for year in plan["fleet"]["years"]], [0, 1, 2, 3])
        cost = siyu_json("plan", "tco", "--scenario", scenario)
        self.assertFalse(cost["missing"])
        self.assertGreater(cost["on_premise"]["total"]["base"], 0)
        self.assertEqual(siyu_json("plan", "advise", "--scenario", scenario)["mode"]["mode"], "on_premise")
        for language, word in (("zh", "容量测算"), ("en", "Sizing")):
            out = self.root / language
            files = siyu_json("plan", "report", "--scenario", scenario, "--out", out, "--lang", language, "--format", "md,html,docx,pdf", "--date", "2026-11-26")["files"]
            self.assertEqual({path.suffix for path in out.iterdir()}, {".md", ".html", ".docx", ".pdf", ".svg"})
            self.assertEqual(len(files), len(list(out.iterdir())))
            text = subprocess.run(["pdftotext", out / "sizing.pdf", "-"], check=True, capture_output=True, text=True).stdout
            self.assertIn(word, text)
            self.assertIn("Qwen3-32B", text)
            if shutil.which("soffice"):
                subprocess.run(["soffice", f"-env:UserInstallation=file://{self.root}/office", "--headless", "--convert-to", "pdf", "--outdir", self.root, out / "alignment.docx"], check=True, capture_output=True, timeout=180)
                self.assertGreater((self.root / "alignment.pdf").stat().st_size, 10_000)
            else:
                print("LibreOffice is not installed: the DOCX is not opened with it")

    def test_the_guide_asks_saves_and_plans(self):
        saved = self.root / "mine.json"
        done = siyu("plan", "guide", "--out", saved, "--lang", "zh", text="教育\nQwen3-8B\nbf16\nmany\n300\n\n\n\n\n\n\n")
        self.assertIn("副本", done.stdout)
        self.assertEqual(json.loads(saved.read_text())["users"]["daily_active"], 300)

    def test_a_catalogue_of_ones_own_counts(self):
        (self.root / "accelerators.yaml").write_text("""format: 1
accelerators:
  - {name: Test-Card, vendor: Us, edition: domestic, kind: npu, memory_gib: 96, memory_gb_per_s: 3000, tflops: {bf16: 400, int8_tops: 800}, power_w: 300, software: X, engines: [X], source: our lab, date: 2026-11}
""", "utf-8")
        answer = siyu_json("plan", "fleet", "--model", "Qwen3-8B", "--users", 500, "--accelerator", "test card", "--catalogue", self.root)
        self.assertEqual(answer["accelerator"], "Test-Card")

    def test_published_speeds_stand_beside_predictions(self):
        answer = siyu_json("plan", "published")
        compared = [row for row in answer["rows"] if "ratio" in row]
        self.assertGreaterEqual(len(compared), 15)
        self.assertTrue(all(row["source"] for row in answer["rows"]))


class CalibrateTest(PlanCase):
    def test_this_machine_is_measured_and_other_models_are_foretold(self):
        for name, more in (("small", []), ("other", ["--layers", 4])):
            subprocess.run([WRITER, "--arch", "llama", "--preset", "small", "--type", "q8_0", *map(str, more), "-o", self.root / f"{name}.gguf"], check=True, capture_output=True)
        rates = self.root / "rates.json"
        answer = siyu_json("plan", "calibrate", "--model", self.root / "small.gguf", "--out", rates)
        self.assertEqual([one["weights"] for one in answer["rates"]], ["q8_0"])
        again = siyu_json("plan", "calibrate", "--model", self.root / "small.gguf", "--out", rates, "--again", "--seconds", 1)
        self.assertEqual([one["models"][0]["passes"] for one in (answer, again)], [1, 2])
        refused = siyu("plan", "calibrate", "--model", self.root / "other.gguf", "--out", rates, "--again", check=False)
        self.assertIn("leave --again away", refused.stderr)
        speed = siyu_json("plan", "speed", "--model", self.root / "other.gguf", "--calibration", rates)
        self.assertGreater(speed["decode_tokens_per_s"], 0)
        other = siyu("plan", "speed", "--model", "Qwen3-8B", "--weights", "q4_k_m", "--calibration", rates, check=False)
        self.assertIn("calibrate with a model of that type too", other.stderr)


if __name__ == "__main__":
    unittest.main()
