"""gRPC's own client for Python against the twin of the HTTP API."""
import concurrent.futures
import json
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from setting import SIYU, WRITER, Server, Setting
from pictures import discs, stripes

PROTO = pathlib.Path(__file__).resolve().parents[2] / "src/rpc/proto"
CODE = grpc.StatusCode


def address_of(server):
    events = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    return [event["address"] for event in events if event["event"] == "grpc_ready"][-1]


def setUpModule():
    global setting, server, channel, pb, inference, knowledge, KEY, folder
    folder = tempfile.TemporaryDirectory(prefix="siyu-grpc-")
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO}", f"--python_out={folder.name}", f"--grpc_python_out={folder.name}", "siyu.proto"], check=True)
    sys.path.insert(0, folder.name)
    import siyu_pb2 as pb
    import siyu_pb2_grpc
    config = pathlib.Path(folder.name) / "siyu.yaml"
    config.write_text("server: { grpc_listen: 127.0.0.1:0 }\n")
    setting = Setting(["--config", str(config)])
    server = setting.server
    for name, more in (("ranker", ("--arch", "bert", "--rerank")), ("adaptable", ("--arch", "qwen2", "--seed", "5")), ("poet", ("--arch", "qwen2", "--lora", "4"))):
        subprocess.run([WRITER, *more, "-o", setting.root / f"{name}.gguf"], check=True)
        server.cli("model", "import", setting.root / f"{name}.gguf", "--name", name)
    server.cli("model", "load", "ranker")
    server.cli("model", "load", "adaptable", "--adapter", "poet")
    channel = grpc.insecure_channel(address_of(server))
    inference, knowledge = siyu_pb2_grpc.InferenceStub(channel), siyu_pb2_grpc.KnowledgeStub(channel)
    KEY = key(server.admin["api_key"])


def tearDownModule():
    channel.close()
    setting.stop()
    folder.cleanup()


def key(secret):
    return {"metadata": (("authorization", "Bearer " + secret),)}


def chat(text="Hello", **more):
    generation = pb.Generation(max_tokens=more.pop("max_tokens", 16), sampling=pb.Sampling(seed=7))
    return pb.ChatRequest(**{"model": "talker", "messages": [pb.Message(role=pb.ROLE_USER, content=text)], "generation": generation, **more})


def gather(events):
    events = list(events)
    text = "".join(event.delta.content for event in events if event.WhichOneof("event") == "delta")
    return events, text


class PicturesTest(unittest.TestCase):
    def look(self, *pictures):
        message = pb.Message(role=pb.ROLE_USER, content="What is this?", pictures=pictures)
        generation = pb.Generation(max_tokens=12, sampling=pb.Sampling(temperature=0))
        return inference.Chat(pb.ChatRequest(model="talker", messages=[message], generation=generation), **KEY)

    def test_pictures_decide_the_answer(self):
        one, again, other = (gather(self.look(file))[1] for file in (stripes(), stripes(), discs()))
        self.assertEqual(one, again)
        self.assertNotEqual(one, other)

    def test_what_is_no_picture_is_refused(self):
        with self.assertRaises(grpc.RpcError) as found:
            gather(self.look(b"GIF89a"))
        self.assertEqual(found.exception.code(), CODE.INVALID_ARGUMENT)
        self.assertIn("neither PNG nor JPEG", found.exception.details())


class InferenceTest(unittest.TestCase):
    def test_a_chat_is_the_one_that_http_gives(self):
        events, text = gather(inference.Chat(chat(), timeout=30, **KEY))
        kinds = [event.WhichOneof("event") for event in events]
        self.assertEqual((kinds[0], kinds[-1], set(kinds[1:-1])), ("begun", "finish", {"delta"}))
        self.assertEqual(events[0].begun.model, "talker")
        _, body, _ = server.request("POST", "/v1/chat/completions", {"model": "talker", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 16, "seed": 7})
        whole = json.loads(body)
        self.assertEqual(text, whole["choices"][0]["message"]["content"])
        self.assertEqual(events[-1].finish.reason, pb.FINISH_REASON_LENGTH)
        self.assertEqual(events[-1].finish.usage.completion_tokens, whole["usage"]["completion_tokens"])
        self.assertEqual(events[-1].finish.usage.prompt_tokens, whole["usage"]["prompt_tokens"])

    def test_answers_from_knowledge_are_cited(self):
        request = pb.ChatRequest(model="siyu-extractive", messages=[pb.Message(role=pb.ROLE_USER, content="每年有几天带薪年假？")], knowledge=["手册"])
        events, text = gather(inference.Chat(request, timeout=30, **KEY))
        self.assertEqual(events[0].begun.mode, "extractive")
        self.assertIn("十天带薪年假", text)
        citation = next(event.citation for event in events if event.WhichOneof("event") == "citation")
        self.assertEqual((citation.passage.document, citation.knowledge_base), ("年假.md", "手册"))
        self.assertEqual(text.encode()[citation.answer_start : citation.answer_end].decode().strip(), citation.passage.text.strip())

    def test_schemas_tools_and_log_probabilities(self):
        schema = json.dumps({"type": "object", "properties": {"days": {"enum": [1, 2, 3]}}, "required": ["days"], "additionalProperties": False})
        for seed in range(40):  # random weights may not come out of a grammar's white space; one of a few seeds does
            request = chat(max_tokens=200, json_schema=schema)
            request.generation.sampling.seed = seed
            events, text = gather(inference.Chat(request, timeout=60, **KEY))
            if events[-1].finish.reason == pb.FINISH_REASON_STOP:
                break
        self.assertIn(json.loads(text)["days"], (1, 2, 3))
        tool = pb.Tool(name="holiday", description="How many days", parameters=schema)
        for seed in range(40):
            request = chat(max_tokens=250, tools=[tool], tool_name="holiday", parallel_tool_calls=False)
            request.generation.sampling.seed = seed
            events, _ = gather(inference.Chat(request, timeout=60, **KEY))
            if events[-1].finish.reason == pb.FINISH_REASON_TOOL_CALLS:
                break
        calls = [call for event in events if event.WhichOneof("event") == "delta" for call in event.delta.tool_calls]
        self.assertEqual(calls[0].name, "holiday")
        self.assertIn(json.loads("".join(call.arguments for call in calls))["days"], (1, 2, 3))
        request = chat(max_tokens=4)
        request.generation.logprobs, request.generation.top_logprobs = True, 2
        events, _ = gather(inference.Chat(request, timeout=60, **KEY))
        tokens = [token for event in events for token in event.delta.logprobs]
        self.assertEqual([len(token.top) for token in tokens], [2] * len(tokens))
        self.assertEqual(len(tokens), 4)

    def test_completions_and_embeddings(self):
        request = pb.CompleteRequest(model="talker", text="One", echo=True, generation=pb.Generation(max_tokens=4))
        events, text = gather(inference.Complete(request, timeout=30, **KEY))
        self.assertEqual((text[:3], events[-1].finish.usage.completion_tokens), ("One", 4))
        reply = inference.Embed(pb.EmbedRequest(model="embedder", texts=["cat", "a longer text about cars"]), timeout=30, **KEY)
        _, body, _ = server.request("POST", "/v1/embeddings", {"model": "embedder", "input": ["cat"]})
        plain = json.loads(body)["data"][0]["embedding"]
        self.assertEqual([len(vector.values) for vector in reply.vectors], [len(plain)] * 2)
        self.assertTrue(all(abs(a - b) < 1e-5 for a, b in zip(plain, reply.vectors[0].values)))

    def test_documents_are_ranked_as_over_http(self):
        documents = ["Ten days a year.", "The boiler is inspected every spring.", "Visitors sign in at the front desk."]
        body = {"model": "ranker", "query": "How many days of holiday?", "documents": documents}
        _, text, _ = server.request("POST", "/v1/rerank", body)
        expected = json.loads(text)
        reply = inference.Rerank(pb.RerankRequest(**body, return_documents=True), timeout=30, **KEY)
        self.assertEqual([(one.index, one.document) for one in reply.results], [(one["index"], one["document"]["text"]) for one in expected["results"]])
        for one, other in zip(reply.results, expected["results"]):
            self.assertAlmostEqual(one.relevance_score, other["relevance_score"], 5)
        self.assertEqual((reply.model, reply.prompt_tokens), ("ranker", expected["usage"]["prompt_tokens"]))
        best = inference.Rerank(pb.RerankRequest(**body, top_n=1), timeout=30, **KEY).results
        self.assertEqual([(one.index, one.document) for one in best], [(reply.results[0].index, "")])

    def test_a_model_with_an_adapter_answers_under_its_name(self):
        ask = lambda model: gather(inference.Chat(chat(model=model, max_tokens=12), timeout=60, **KEY))
        (_, plain), (events, adapted) = ask("adaptable"), ask("adaptable:poet")
        self.assertEqual(events[0].begun.model, "adaptable:poet")
        self.assertNotEqual(plain, adapted)

    def test_search_finds_what_http_finds(self):
        reply = knowledge.Search(pb.SearchRequest(knowledge_base="手册", query="带薪年假", top=2, mode=pb.SEARCH_MODE_FULL_TEXT), timeout=30, **KEY)
        _, body, _ = server.request("POST", "/api/v1/knowledge-bases/%E6%89%8B%E5%86%8C/search", {"query": "带薪年假", "top": 2, "mode": "full_text"})
        hits = json.loads(body)["hits"]
        self.assertEqual([(hit.document, hit.start, hit.end, hit.text) for hit in reply.hits], [(hit["document"], hit["start"], hit["end"], hit["text"]) for hit in hits])
        self.assertEqual(reply.mode, pb.SEARCH_MODE_FULL_TEXT)
        self.assertEqual([(base.name, base.indexed) for base in knowledge.ListBases(pb.ListBasesRequest(), timeout=30, **KEY).bases], [("手册", 2)])


class LimitTest(unittest.TestCase):
    def fails(self, code, call, *arguments, **options):
        with self.assertRaises(grpc.RpcError) as found:
            result = call(*arguments, timeout=30, **options)
            if hasattr(result, "__iter__"):
                list(result)
        self.assertEqual(found.exception.code(), code, found.exception.details())
        return found.exception

    def test_errors_are_http_s_with_grpc_s_codes(self):
        rows = [(CODE.UNAUTHENTICATED, {}, chat(), "API key"), (CODE.UNAUTHENTICATED, key("sk-wrong"), chat(), ""), (CODE.NOT_FOUND, KEY, chat(model="nobody"), "nobody"),
                (CODE.INVALID_ARGUMENT, KEY, pb.ChatRequest(model="talker"), "messages"), (CODE.INVALID_ARGUMENT, KEY, chat(messages=[pb.Message(content="x")]), "role"),
                (CODE.INVALID_ARGUMENT, KEY, chat("word " * 9000), "tokens"), (CODE.NOT_FOUND, KEY, chat(knowledge=["nowhere"]), "nowhere")]
        for code, options, request, words in rows:
            self.assertIn(words, self.fails(code, inference.Chat, request, **options).details())
        error = self.fails(CODE.INVALID_ARGUMENT, inference.Chat, chat("word " * 9000), **KEY)
        self.assertEqual(dict(error.trailing_metadata())["siyu-error-code"], "context_length_exceeded")
        self.assertTrue(dict(error.trailing_metadata())["siyu-error-id"].startswith("req_"))
        self.fails(CODE.INVALID_ARGUMENT, knowledge.Search, pb.SearchRequest(knowledge_base="手册", query="x", top=1000), **KEY)
        self.fails(CODE.INVALID_ARGUMENT, inference.Rerank, pb.RerankRequest(model="ranker", query="x"), **KEY)
        self.fails(CODE.INVALID_ARGUMENT, inference.Rerank, pb.RerankRequest(model="ranker", query=" ", documents=["x"]), **KEY)
        self.fails(CODE.INVALID_ARGUMENT, inference.Rerank, pb.RerankRequest(model="ranker", query="x", documents=["y"], top_n=0), **KEY)
        self.fails(CODE.NOT_FOUND, inference.Rerank, pb.RerankRequest(model="nobody", query="x", documents=["y"]), **KEY)
        self.fails(CODE.NOT_FOUND, inference.Chat, chat(model="adaptable:nobody"), **KEY)
        self.fails(CODE.NOT_FOUND, inference.Embed, pb.EmbedRequest(model="nobody", texts=["x"]), **KEY)
        self.fails(CODE.INVALID_ARGUMENT, inference.Embed, pb.EmbedRequest(model="embedder"), **KEY)
        self.fails(CODE.RESOURCE_EXHAUSTED, inference.Embed, pb.EmbedRequest(model="embedder", texts=["x" * (33 << 20)]), **KEY)

    def test_accesses_are_audited_like_those_of_the_http_api(self):
        made = setting.reader("greta")
        list(inference.Chat(chat(max_tokens=2), timeout=30, **key(made["secret"])))
        knowledge.Search(pb.SearchRequest(knowledge_base="手册", query="hotel"), timeout=30, **key(made["secret"]))
        entries = server.cli_json("audit", "list", "--actor", "greta")["entries"]
        seen = {(entry["action"], entry["resource"], entry["outcome"]) for entry in entries}
        self.assertLessEqual({("chat.create", "chat/completions", "allowed"), ("knowledge.search", "knowledge-bases/手册/search", "allowed")}, seen)
        server.cli("key", "revoke", made["key"]["id"])
        self.fails(CODE.UNAUTHENTICATED, inference.Chat, chat(), **key(made["secret"]))

    def test_limits_hold_here_too_and_are_told_in_grpc_s_way(self):
        made = setting.reader("lena")
        server.cli("limit", "set", "user:lena", "--requests-per-minute", "1")
        list(inference.Chat(chat(max_tokens=3), timeout=30, **key(made["secret"])))
        error = self.fails(CODE.RESOURCE_EXHAUSTED, inference.Chat, chat(), **key(made["secret"]))
        self.assertIn("requests", error.details())
        self.assertGreater(int(dict(error.trailing_metadata())["grpc-retry-pushback-ms"]), 0)
        usage = server.cli_json("usage", "--by", "user")
        self.assertIn(("lena", 3), [(row["name"], row["completion_tokens"]) for row in usage["rows"]])
        server.cli("limit", "rm", "user:lena")

    def wait_until_idle(self):
        deadline = time.monotonic() + 5
        while setting.running() > 0:
            self.assertLess(time.monotonic(), deadline, "the generation goes on")

    def test_a_deadline_bounds_the_work(self):
        began = time.monotonic()
        with self.assertRaises(grpc.RpcError) as found:
            list(inference.Chat(chat(max_tokens=4000), timeout=0.3, **KEY))
        self.assertEqual(found.exception.code(), CODE.DEADLINE_EXCEEDED)
        self.assertLess(time.monotonic() - began, 3)
        self.wait_until_idle()

    def test_a_cancelled_call_frees_its_place(self):
        for _ in range(20):  # more than the model's sequences
            call = inference.Chat(chat(max_tokens=4000), timeout=60, **KEY)
            next(call), next(call)
            call.cancel()
        self.wait_until_idle()
        vanished = [inference.Chat(chat(max_tokens=4000), timeout=60, **KEY) for _ in range(4)]
        for call in vanished:
            next(call)
        del vanished, call  # a client that drops its calls without a word
        self.wait_until_idle()

    def test_many_streams_at_once_are_all_whole(self):
        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            answers = list(pool.map(lambda _: gather(inference.Chat(chat(max_tokens=40), timeout=120, **KEY)), range(200)))
        self.assertEqual({events[-1].finish.usage.completion_tokens for events, _ in answers}, {40})
        self.assertTrue(all(text for _, text in answers))
        threads = len(list(pathlib.Path(f"/proc/{server.process.pid}/task").iterdir()))
        self.assertLess(threads, 80, "streams hold threads")

    def test_a_stream_holds_no_thread_while_it_waits(self):
        count = lambda: len(list(pathlib.Path(f"/proc/{server.process.pid}/task").iterdir()))
        list(inference.Chat(chat(max_tokens=2), timeout=30, **KEY))
        before = count()
        calls = [inference.Chat(chat(max_tokens=4000), timeout=60, **KEY) for _ in range(100)]
        for call in calls[:10]:
            next(call)
        self.assertLess(count() - before, 16)
        # The pool that retrieves and embeds is free meanwhile.
        knowledge.Search(pb.SearchRequest(knowledge_base="手册", query="hotel"), timeout=5, **KEY)
        for call in calls:
            call.cancel()
        self.wait_until_idle()

    def test_health_reflection_and_metrics(self):
        stub = health_pb2_grpc.HealthStub(channel)
        self.assertEqual(stub.Check(health_pb2.HealthCheckRequest(), timeout=10).status, health_pb2.HealthCheckResponse.SERVING)
        names = ProtoReflectionDescriptorDatabase(channel).get_services()
        self.assertLessEqual({"siyu.v1.Inference", "siyu.v1.Knowledge", "grpc.health.v1.Health"}, set(names))
        list(inference.Chat(chat(max_tokens=2), timeout=30, **KEY))
        _, text, _ = server.request("GET", "/metrics")
        self.assertRegex(text.decode(), r'siyu_grpc_requests_total\{code="0",method="Chat"\} \d+')


class SecureTest(unittest.TestCase):
    def agreed_version(self, secure, newest):
        """The TLS version that a client who speaks none newer than this gets."""
        context = ssl.create_default_context(cafile=secure.data / "tls/cert.pem")
        context.maximum_version = newest
        context.set_alpn_protocols(["h2"])
        host, port = address_of(secure).rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=10) as plain, context.wrap_socket(plain, server_hostname=host) as wrapped:
            return wrapped.version()

    def test_tls_with_the_server_s_own_certificate_and_a_drain_that_lets_calls_finish(self):
        import siyu_pb2_grpc
        with tempfile.TemporaryDirectory(prefix="siyu-grpc-tls-") as root:
            config = pathlib.Path(root) / "siyu.yaml"
            config.write_text("server: { grpc_listen: 127.0.0.1:0 }\n")
            Server.options = ["--config", str(config)]
            secure = Server(pathlib.Path(root) / "data")
            try:
                credentials = grpc.ssl_channel_credentials((secure.data / "tls/cert.pem").read_bytes())
                with grpc.secure_channel(address_of(secure), credentials) as safe:
                    self.assertEqual(list(siyu_pb2_grpc.KnowledgeStub(safe).ListBases(pb.ListBasesRequest(), timeout=10, **key(secure.admin["api_key"])).bases), [])
                self.assertEqual(self.agreed_version(secure, ssl.TLSVersion.MAXIMUM_SUPPORTED), "TLSv1.3")
                with self.assertRaises(ssl.SSLError):
                    self.agreed_version(secure, ssl.TLSVersion.TLSv1_2)
                with grpc.insecure_channel(address_of(secure)) as plain, self.assertRaises(grpc.RpcError):
                    siyu_pb2_grpc.KnowledgeStub(plain).ListBases(pb.ListBasesRequest(), timeout=5, **key(secure.admin["api_key"]))
                busy = subprocess.run([SIYU, "serve", "--data", pathlib.Path(root) / "other", "--listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=30,
                                      env={"SIYU_SERVER_GRPC_LISTEN": address_of(secure), "PATH": "/usr/bin:/bin"})
                self.assertIn("Cannot listen on", busy.stderr)
            finally:
                self.assertEqual(secure.stop(), 0)

    def test_running_calls_finish_when_the_server_stops(self):
        import siyu_pb2_grpc
        draining = Setting(["--config", str(pathlib.Path(folder.name) / "siyu.yaml")])
        try:
            with grpc.insecure_channel(address_of(draining.server)) as other:
                call = siyu_pb2_grpc.InferenceStub(other).Chat(chat(max_tokens=600), timeout=60, **key(draining.server.admin["api_key"]))
                next(call)
                stopper = threading.Thread(target=draining.server.stop)
                stopper.start()
                events, _ = gather(call)
                self.assertEqual(events[-1].WhichOneof("event"), "finish")
                stopper.join()
        finally:
            draining.folder.cleanup()


if __name__ == "__main__":
    unittest.main()
