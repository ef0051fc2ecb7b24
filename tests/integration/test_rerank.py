"""Ranking of documents: a reranker in the worker beside llama-server on the same file, and behind a URL; embeddings of many calls at once."""
import concurrent.futures
import json
import math
import os
import pathlib
import socket
import subprocess
import time
import unittest
import urllib.request

from test_server import SIYU, ServerCase

LLAMA_SERVER = os.environ.get("SIYU_LLAMA_SERVER", "")
WRITER = pathlib.Path(SIYU).with_name("model_writer")
QUERY = "How many days of holiday?"
DOCUMENTS = ["Ten days a year.", "The boiler is inspected every spring.", "Visitors sign in at the front desk of the main building before nine.", "员工每年享有十天带薪年假。"]


class RerankTest(ServerCase):
    def setUp(self):
        super().setUp()
        self.model = self.root / "ranker.gguf"
        subprocess.run([WRITER, "--arch", "bert", "--rerank", "-o", self.model], check=True)
        self.server.cli("model", "import", self.model, "--name", "ranker")
        self.server.cli("model", "load", "ranker")

    def post(self, path, **body):
        status, text, _ = self.server.request("POST", path, body, headers={"Content-Type": "application/json"})
        return status, json.loads(text)

    def scores(self, **more):
        status, body = self.post("/v1/rerank", **{"query": QUERY, "documents": DOCUMENTS, **more})
        self.assertEqual(status, 200, body)
        return body

    def test_documents_come_best_first(self):
        body = self.scores()
        scores = [one["relevance_score"] for one in body["results"]]
        self.assertEqual(scores, sorted(scores, reverse=True))
        self.assertTrue(all(0 <= score <= 1 for score in scores))
        self.assertEqual({one["index"]: one["document"]["text"] for one in body["results"]}, dict(enumerate(DOCUMENTS)))
        self.assertGreater(body["usage"]["prompt_tokens"], 40)
        best = self.scores(top_n=1, return_documents=False, documents=[{"text": text} for text in DOCUMENTS])["results"]
        self.assertEqual(best, [{key: body["results"][0][key] for key in ("index", "relevance_score")}])
        kinds = {model["id"]: model["siyu"]["kind"] for model in json.loads(self.server.request("GET", "/v1/models")[1])["data"]}
        self.assertEqual(kinds, {"ranker": "rerank"})

    def test_many_calls_share_steps_and_keep_their_own_answers(self):
        alone = {query: self.scores(query=query) for query in ("one", "two words", "a third question")}
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            for query, body in pool.map(lambda i: (query := list(alone)[i % 3], self.scores(query=query)), range(120)):
                for got, wanted in zip(body["results"], alone[query]["results"]):
                    self.assertAlmostEqual(got["relevance_score"], wanted["relevance_score"], places=3)

    def test_mistakes(self):
        subprocess.run([WRITER, "--arch", "bert", "-o", self.root / "embedder.gguf"], check=True)
        self.server.cli("model", "import", self.root / "embedder.gguf", "--name", "embedder")
        self.server.cli("model", "load", "embedder")
        for path, body, status, words in (("/v1/rerank", {"query": QUERY, "documents": []}, 400, "documents"), ("/v1/rerank", {"query": " ", "documents": ["a"]}, 400, "query"),
                                          ("/v1/rerank", {"query": QUERY, "documents": [5]}, 400, "documents[0]"), ("/v1/rerank", {"query": QUERY, "documents": ["word " * 900]}, 400, "512 tokens"),
                                          ("/v1/rerank", {"query": QUERY, "documents": ["a"], "model": "embedder"}, 422, "no reranker"),
                                          ("/v1/embeddings", {"input": "a", "model": "ranker"}, 422, "/v1/rerank"),
                                          ("/v1/chat/completions", {"messages": [{"role": "user", "content": "a"}], "model": "ranker"}, 422, "/v1/rerank")):
            got, answer = self.post(path, **body)
            self.assertEqual(got, status, answer)
            self.assertIn(words, answer["error"]["message"])

    @unittest.skipUnless(os.access(LLAMA_SERVER, os.X_OK), "SIYU_LLAMA_SERVER is unset")
    def test_scores_are_llama_server_s(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with open(self.root / "llama.log", "wb") as log:
            llama = subprocess.Popen([LLAMA_SERVER, "-m", self.model, "--host", "127.0.0.1", "--port", str(port), "--rerank", "-t", "2"], stdout=log, stderr=log)
        self.addCleanup(lambda: (llama.kill(), llama.wait()))
        self.server.cli("engine", "add", "away", "--url", f"http://127.0.0.1:{port}", "--rerank")
        deadline = time.monotonic() + 60
        while self.server.cli_json("engine", "list")["engines"][0]["state"] != "ready":
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/rerank", json.dumps({"query": QUERY, "documents": DOCUMENTS}).encode(), {"Content-Type": "application/json"})
        theirs = {one["index"]: one["relevance_score"] for one in json.load(urllib.request.urlopen(request, timeout=30))["results"]}
        ours = {one["index"]: one["relevance_score"] for one in self.scores(model="ranker")["results"]}
        for index, logit in theirs.items():  # llama-server tells the logit
            self.assertAlmostEqual(ours[index], 1 / (1 + math.exp(-logit)), places=3)
        away = {one["index"]: one["relevance_score"] for one in self.scores(model="away")["results"]}
        for index, logit in theirs.items():
            self.assertAlmostEqual(away[index], logit, places=4)


if __name__ == "__main__":
    unittest.main()
