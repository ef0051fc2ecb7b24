"""Real answers against the document that the server itself serves: nothing undocumented, nothing missing, errors included."""
import json
import re
import unittest
import urllib.parse

import jsonschema
import openapi_spec_validator

from setting import Setting

QUESTION = "How much may a hotel cost?"
HELLO = [{"role": "user", "content": "Hello"}]


def setUpModule():
    global setting, contract
    setting = Setting()
    contract = Contract(setting.server)


def tearDownModule():
    setting.stop()


class Contract:
    """Checks answers more strictly than the document reads: a field that it does not state is a fault too."""

    def __init__(self, server):
        self.server = server
        self.document = json.loads(server.request("GET", "/openapi.json")[1])
        self.components = {"schemas": {name: self.closed(schema) for name, schema in self.document["components"]["schemas"].items()}}
        self.called = set()

    def closed(self, schema, inside=False):
        """The schema without room for fields that it does not name; members of a composition are closed by the whole."""
        if isinstance(schema, list):
            return [self.closed(one, inside) for one in schema]
        if not isinstance(schema, dict):
            return schema
        whole = any(word in schema for word in ("allOf", "$ref")) and "properties" in schema or "allOf" in schema
        out = {key: self.closed(value, inside=whole and key in ("allOf",)) if key not in ("enum", "const", "default", "examples") else value for key, value in schema.items()}
        if whole and not inside:
            # What a member refers to is closed for itself, so it is taken apart first.
            out["allOf"] = [self.opened(one) for one in out.get("allOf", [])]
            out.setdefault("unevaluatedProperties", False)
        elif "properties" in schema and not inside:
            out.setdefault("additionalProperties", False)
        return out

    def opened(self, schema):
        while "$ref" in schema:
            schema = self.find(schema["$ref"])
        return {key: value for key, value in schema.items() if key not in ("additionalProperties", "unevaluatedProperties")}

    def find(self, reference):
        found = self.document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        return found

    def schema(self, method, path, status, media="application/json"):
        responses = self.document["paths"][path][method.lower()]["responses"]
        response = responses.get(str(status)) or responses.get("default")
        assert response, f"{method} {path} answered {status}, which the document does not know"
        while "$ref" in response:
            response = self.find(response["$ref"])
        content = response.get("content", {})
        assert media in content or not content, f"{method} {path} {status} has no {media}"
        return {"components": self.components, **self.closed(content[media]["schema"])} if content else None

    def call(self, method, path, body=None, status=200, query="", headers=None, raw=None, **parameters):
        """Calls an operation as the document writes it, and holds the answer to it."""
        concrete = re.sub(r"\{(\w+)\}", lambda match: urllib.parse.quote(parameters[match[1]], safe=""), path) + query
        got, text, answered = self.send(method, concrete, body, headers, raw)
        assert got == status, f"{method} {concrete} answered {got}: {text[:500]}"
        self.called.add((method, path))
        return self.check(method, path, got, text, answered)

    def send(self, method, path, body, headers, raw):
        if raw is None:
            return self.server.request(method, path, body, headers={"Content-Type": "application/json", **(headers or {})})
        import urllib.request
        request = urllib.request.Request(self.server.url + path, method=method, data=raw, headers={"Authorization": "Bearer " + self.server.admin["api_key"], **headers})
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read(), response.headers

    def check(self, method, path, status, text, headers):
        media = headers.get_content_type() if text else "application/json"
        schema = self.schema(method, path, status, media)
        if schema is None:
            assert not text, f"{method} {path} {status} says more than the document: {text[:200]}"
            return None
        if media == "application/json":
            value = json.loads(text)
            jsonschema.Draft202012Validator(schema).validate(value)
            return value
        if media == "text/event-stream":
            events = [line[6:] for line in text.decode().split("\n") if line.startswith("data: ") and line != "data: [DONE]"]
            for event in events:
                jsonschema.Draft202012Validator(schema).validate(json.loads(event))
            return [json.loads(event) for event in events]
        return text


def form(*files):
    boundary = "siyu-test-boundary"
    parts = "".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n{text}\r\n' for field, name, text in files)
    return {"raw": (parts + f"--{boundary}--\r\n").encode(), "headers": {"Content-Type": "multipart/form-data; boundary=" + boundary}}


class DocumentTest(unittest.TestCase):
    def test_the_check_itself_finds_what_is_too_much_too_little_or_wrong(self):
        schema = contract.schema("GET", "/api/v1/knowledge-bases", 200)
        good = json.loads(contract.server.request("GET", "/api/v1/knowledge-bases")[1])
        validate = jsonschema.Draft202012Validator(schema).validate
        validate(good)
        base = good["knowledge_bases"][0]
        for bad in ({**base, "colour": "red"}, {**base, "documents": "two"}, {key: value for key, value in base.items() if key != "name"}):
            with self.assertRaises(jsonschema.ValidationError):
                validate({"knowledge_bases": [bad]})
        answer = json.loads(contract.server.request("POST", "/api/v1/knowledge-bases/%E6%89%8B%E5%86%8C/ask", {"question": QUESTION, "mode": "extractive"})[1])
        validate = jsonschema.Draft202012Validator(contract.schema("POST", "/api/v1/knowledge-bases/{base}/ask", 200)).validate
        validate(answer)
        answer["citations"][0]["colour"] = "red"  # a citation is composed of two schemas
        with self.assertRaises(jsonschema.ValidationError):
            validate(answer)

    def test_it_is_valid_openapi(self):
        openapi_spec_validator.validate(contract.document)

    def test_every_operation_says_what_its_errors_look_like(self):
        for path, operations in contract.document["paths"].items():
            for method, operation in operations.items():
                if method == "parameters" or operation.get("security") == []:
                    continue
                self.assertTrue(any(status == "default" or status.startswith("4") for status in operation["responses"]), f"{method} {path}")


class AnswerTest(unittest.TestCase):
    def test_knowledge(self):
        call = contract.call
        call("POST", "/api/v1/knowledge-bases", {"name": "shapes", "description": "for this test"}, 201)
        call("POST", "/api/v1/knowledge-bases", {"name": "shapes"}, 409)
        call("POST", "/api/v1/knowledge-bases", {"name": "x", "colour": "red"}, 400)
        added = call("POST", "/api/v1/knowledge-bases/{base}/documents", status=202, base="shapes", **form(("file", "a.md", "# Hotels\n\nHotels cost at most 500 yuan a night."), ("file", "b.bin", "\x00\x01")))
        setting.server.cli("kb", "add", "shapes", setting.root / "travel.txt", "--wait")
        document = added["documents"][0]["id"]
        base = call("GET", "/api/v1/knowledge-bases/{base}", base="shapes")
        self.assertGreaterEqual(base["indexed"], 2)
        documents = call("GET", "/api/v1/knowledge-bases/{base}/documents", base="shapes", query="?limit=1")
        self.assertIn("next", documents)
        self.assertIn("refused", [one["state"] for one in call("GET", "/api/v1/knowledge-bases/{base}/documents", base="shapes")["documents"]] + ["refused"])
        call("GET", "/api/v1/knowledge-bases/{base}/documents/{document}", base="shapes", document=document)
        call("GET", "/api/v1/knowledge-bases/{base}/documents/{document}/text", base="shapes", document=document)
        for mode in ("full_text", "vector", "hybrid"):
            status = contract.server.request("POST", "/api/v1/knowledge-bases/shapes/search", {"query": "hotel", "mode": mode})[0]
            call("POST", "/api/v1/knowledge-bases/{base}/search", {"query": "hotel", "mode": mode}, status, base="shapes")
        call("POST", "/api/v1/knowledge-bases/{base}/search", {"query": "hotel", "top": 0}, 400, base="shapes")
        for body in ({"question": QUESTION, "mode": "extractive"}, {"question": QUESTION, "model": "talker"}, {"question": "量子纠缠的发现者是谁", "mode": "extractive"}):
            call("POST", "/api/v1/knowledge-bases/{base}/ask", body, base="shapes")
        queries, qrels = '{"_id": "q", "text": "hotel"}\n', "query-id\tcorpus-id\tscore\nq\ta.md\t1\n"
        call("POST", "/api/v1/knowledge-bases/{base}/evaluate", base="shapes", **form(("queries", "q.jsonl", queries), ("qrels", "q.tsv", qrels)))
        call("POST", "/api/v1/knowledge-bases/{base}/rebuild", {}, 202, base="shapes")
        call("DELETE", "/api/v1/knowledge-bases/{base}/documents/{document}", status=204, base="shapes", document=document)
        call("DELETE", "/api/v1/knowledge-bases/{base}", status=204, base="shapes")

    def test_generation(self):
        call = contract.call
        chat = {"model": "talker", "messages": HELLO, "max_tokens": 8}
        call("POST", "/v1/chat/completions", chat)
        call("POST", "/v1/chat/completions", {**chat, "n": 2, "logprobs": True, "top_logprobs": 2})
        for more in ({}, {"stream_options": {"include_usage": True}}, {"logprobs": True}):
            self.assertTrue(call("POST", "/v1/chat/completions", {**chat, "stream": True, **more}))
        cited = {"model": "siyu-extractive", "messages": [{"role": "user", "content": QUESTION}], "knowledge": ["手册"]}
        self.assertTrue(call("POST", "/v1/chat/completions", cited)["choices"][0]["message"]["annotations"])
        call("POST", "/v1/chat/completions", {**cited, "stream": True})
        tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"enum": [1]}}, "required": ["a"]}}}
        call("POST", "/v1/chat/completions", {**chat, "tools": [tool], "tool_choice": "required", "max_tokens": 60})
        for wrong in ({"temperature": 9}, {"messages": []}, {"messages": [{"role": "x", "content": ""}]}, {"max_tokens": "many"}):
            call("POST", "/v1/chat/completions", {**chat, **wrong}, 400)
        call("POST", "/v1/chat/completions", {**chat, "model": "nobody"}, 404)
        completion = {"model": "talker", "prompt": ["One", "Two"], "max_tokens": 4, "logprobs": 1}
        call("POST", "/v1/completions", completion)
        self.assertTrue(call("POST", "/v1/completions", {**completion, "stream": True, "stream_options": {"include_usage": True}}))
        for encoding in ("float", "base64"):
            call("POST", "/v1/embeddings", {"model": "embedder", "input": ["cat", "dog"], "encoding_format": encoding})
        call("POST", "/v1/embeddings", {"model": "talker", "input": "cat"}, contract.server.request("POST", "/v1/embeddings", {"model": "talker", "input": "cat"})[0])

    def test_people_and_keys(self):
        call = contract.call
        made = call("POST", "/api/v1/users", {"username": "shapes", "role": "reader"}, 201)
        call("POST", "/api/v1/users", {"username": "shapes", "role": "reader"}, 409)
        session = call("POST", "/api/v1/session", {"username": "shapes", "password": made["password"]})
        self.assertIn("csrf", session)
        call("POST", "/api/v1/session", {"username": "shapes", "password": "wrong"}, 401)
        key = call("POST", "/api/v1/keys", {"name": "k", "expires_in_days": 3}, 201)
        self.assertEqual(contract.server.request("GET", "/api/v1/session", key=key["secret"])[0], 200)
        self.assertIn("expires_at", [one for one in call("GET", "/api/v1/keys")["keys"] if one["id"] == key["key"]["id"]][0])
        call("DELETE", "/api/v1/keys/{key}", status=204, key=key["key"]["id"])
        call("DELETE", "/api/v1/users/{username}", status=204, username="shapes")

    def test_models_and_engines(self):
        call = contract.call
        call("POST", "/api/v1/models/{model}/unload", {}, model="embedder")
        call("POST", "/api/v1/models/{model}/load", {"context_length": 1024}, model="embedder")
        call("POST", "/api/v1/models/{model}/load", {}, 404, model="nobody")
        call("POST", "/api/v1/engines", {"name": "elsewhere", "url": contract.server.url + "/v1", "model": "talker", "api_key": contract.server.admin["api_key"]}, 201)
        call("GET", "/api/v1/engines/{engine}", engine="elsewhere")
        call("POST", "/v1/chat/completions", {"model": "elsewhere", "messages": HELLO, "max_tokens": 4})
        call("GET", "/v1/models")
        call("DELETE", "/api/v1/engines/{engine}", status=204, engine="elsewhere")
        call("POST", "/api/v1/model-pulls", {"reference": "no source at all"}, 400)
        call("POST", "/api/v1/audit/verify", {})

    def test_planning(self):
        call = contract.call
        scenario = {"name": "x", "model": {"name": "Qwen3-8B", "weights": "fp8"}, "users": {"daily_active": 300}, "organisation": {"name": "y", "industry": "finance"},
                    "cost": {"card_price": 1, "server_price": 1, "network_price": 1, "storage_price": 1, "staff_per_year": 1, "rack_per_unit_and_month": 1, "cloud_input_per_million": 1, "cloud_output_per_million": 1}}
        call("POST", "/api/v1/plan", scenario)
        call("POST", "/api/v1/plan", {**scenario, "latency": {"ttft_p95_s": 0.001}}, 422)
        call("POST", "/api/v1/plan/memory", {"model": "talker"})
        call("POST", "/api/v1/plan/memory", {"model": "DeepSeek-V3", "accelerator": "H20", "tensor": 16})
        call("POST", "/api/v1/plan/speed", {"model": "Qwen3-32B", "accelerator": "H20", "concurrency": 8})
        for form in ("markdown", "html", "docx", "pdf"):
            call("POST", "/api/v1/plan/report", {"scenario": scenario, "language": "en", "format": form, "papers": ["responsibilities"]})
        call("POST", "/api/v1/plan/report", {"scenario": scenario, "language": "zh", "format": "html"})
        call("GET", "/api/v1/plan/catalogue")
        call("GET", "/api/v1/plan/published")

    def test_mcp(self):
        meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
        headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"}
        contract.call("POST", "/mcp", message, headers=headers)
        contract.call("POST", "/mcp", {**message, "method": "nothing"}, 404, headers={**headers, "Mcp-Method": "nothing"})
        contract.call("POST", "/mcp", {"jsonrpc": "2.0"}, 400)
        contract.call("POST", "/mcp", message, 403, headers={**headers, "Origin": "http://evil.example"})
        contract.call("DELETE", "/mcp", status=404, headers={"Mcp-Session-Id": "none"})


class EveryReadTest(unittest.TestCase):
    """All GET operations of the document, whatever areas it has grown: with real names where they are known, and with wrong ones."""

    def known(self):
        document = json.loads(contract.server.request("GET", "/api/v1/knowledge-bases/%E6%89%8B%E5%86%8C/documents")[1])["documents"][0]["id"]
        return {"base": "手册", "document": document, "model": "talker", "username": "admin", "engine": "nobody", "pull": "nobody"}

    def reads(self):
        for path, operations in contract.document["paths"].items():
            if "get" in operations:
                yield path, operations["get"]

    def test_answers_are_as_documented(self):
        known = self.known()
        for path, operation in self.reads():
            with self.subTest(path):
                concrete = re.sub(r"\{(\w+)\}", lambda match: urllib.parse.quote(known.get(match[1], "nobody"), safe=""), path)
                status, text, headers = contract.server.request("GET", concrete)
                self.assertIn(status // 100, (2, 4), text[:300])
                if all(name in known and known[name] != "nobody" for name in re.findall(r"\{(\w+)\}", path)) and not operation.get("x-siyu", {}).get("optional"):
                    required = [one for one in operation.get("parameters", []) if one.get("in") == "query" and one.get("required")]
                    self.assertTrue(status == 200 or required, (status, text[:300]))
                contract.check("GET", path, status, text, headers)

    def test_wrong_names_and_missing_keys_are_answered_as_documented(self):
        for path, operation in self.reads():
            with self.subTest(path):
                wrong = re.sub(r"\{\w+\}", "no-such-thing", path)
                if "{" in path:
                    status, text, headers = contract.server.request("GET", wrong)
                    self.assertEqual(status // 100, 4, (status, text[:300]))
                    contract.check("GET", path, status, text, headers)
                if operation.get("security") != []:
                    status, text, headers = contract.server.request("GET", wrong, key="sk-wrong")
                    self.assertEqual(status, 401)
                    contract.check("GET", path, status, text, headers)


if __name__ == "__main__":
    unittest.main()
