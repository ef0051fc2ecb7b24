"""Files and batches through the official OpenAI SDK for Python, and what a SIGKILL leaves of them."""
import io
import json
import signal
import time
import unittest

import openai

import test_openai
from contract import Contract
from test_openai import setUpModule as start_server, tearDownModule  # noqa: F401

ENDED = ("completed", "failed", "expired", "cancelled")


def setUpModule():
    start_server()
    connect()


def connect():
    """After a restart the server has another port."""
    global client, contract
    client = openai.OpenAI(base_url=test_openai.server.url + "/v1", api_key=test_openai.server.admin["api_key"], max_retries=0)
    contract = Contract(test_openai.server)


def chat(i, **more):
    return {"custom_id": f"line-{i}", "method": "POST", "url": "/v1/chat/completions",
            "body": {"model": "talker", "messages": [{"role": "user", "content": f"Hello {i}"}], "max_tokens": 8, **more}}


def upload(lines, name="requests.jsonl"):
    return client.files.create(file=(name, io.BytesIO("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines).encode())), purpose="batch")


def begin(lines, endpoint="/v1/chat/completions"):
    return client.batches.create(input_file_id=upload(lines).id, endpoint=endpoint, completion_window="24h")


def wait(batch, states=ENDED, seconds=120):
    deadline = time.monotonic() + seconds
    while (now := client.batches.retrieve(batch.id)).status not in states:
        if time.monotonic() > deadline:
            raise AssertionError(now)
        time.sleep(0.05)
    return now


def results(file_id):
    return [json.loads(line) for line in client.files.content(file_id).text.splitlines()]


def new_user(name):
    user = test_openai.server.cli_json("user", "add", name, "--role", "reader")
    _, session, headers = test_openai.server.request("POST", "/api/v1/session", {"username": name, "password": user["password"]}, key="")
    cookie, csrf = headers["Set-Cookie"].split(";")[0], json.loads(session)["csrf"]
    _, key, _ = test_openai.server.request("POST", "/api/v1/keys", {"name": "k"}, key="", headers={"Cookie": cookie, "X-Siyu-CSRF": csrf})
    return openai.OpenAI(base_url=test_openai.server.url + "/v1", api_key=json.loads(key)["secret"], max_retries=0)


class BatchesTest(unittest.TestCase):
    def test_files(self):
        text = json.dumps(chat(1)) + "\n" + json.dumps(chat(2))
        made = client.files.create(file=("a.jsonl", text.encode()), purpose="batch", expires_after={"anchor": "created_at", "seconds": 3600})
        self.assertEqual((made.filename, made.bytes, made.purpose, made.expires_at), ("a.jsonl", len(text), "batch", made.created_at + 3600))
        self.assertEqual(client.files.content(made.id).text, text)
        self.assertIn(made.id, [file.id for file in client.files.list(purpose="batch", limit=1)])  # the SDK turns the pages
        status, body, _ = test_openai.server.request("GET", f"/v1/files/{made.id}")
        contract.check("GET", "/v1/files/{file}", status, json.loads(body))
        other = new_user("fritz")
        for call in (other.files.retrieve, other.files.delete, other.files.content):
            self.assertRaises(openai.NotFoundError, call, made.id)
        self.assertEqual(list(other.files.list()), [])
        self.assertTrue(client.files.delete(made.id).deleted)
        self.assertRaises(openai.NotFoundError, client.files.content, made.id)
        self.assertRaises(openai.BadRequestError, client.files.create, file=("a.jsonl", text.encode()), purpose="fine-tune")

    def test_every_endpoint(self):
        bodies = {"/v1/chat/completions": chat(0)["body"], "/v1/completions": {"model": "talker", "prompt": "One", "max_tokens": 4},
                  "/v1/embeddings": {"model": "embedder", "input": "cat"}, "/v1/responses": {"model": "talker", "input": "Hello", "max_output_tokens": 4}}
        for endpoint, body in bodies.items():
            batch = wait(begin([{"custom_id": f"c{i}", "method": "POST", "url": endpoint, "body": body} for i in range(3)], endpoint))
            self.assertEqual((batch.status, batch.request_counts.completed, batch.error_file_id), ("completed", 3, None))
            lines = results(batch.output_file_id)
            self.assertEqual({line["custom_id"] for line in lines}, {"c0", "c1", "c2"})
            for line in lines:
                self.assertEqual((line["response"]["status_code"], line["error"]), (200, None))
                contract.check("POST", endpoint, 200, line["response"]["body"])
            contract.check("GET", "/v1/batches/{batch}", 200, json.loads(test_openai.server.request("GET", f"/v1/batches/{batch.id}")[1]))

    def test_lines_that_fail_have_a_file_of_their_own(self):
        batch = wait(begin([chat(0), chat(1, temperature=9), chat(2, model="nobody"), chat(3, stream=True)]))
        self.assertEqual((batch.status, batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed), ("completed", 4, 1, 3))
        failed = {line["custom_id"]: line["response"] for line in results(batch.error_file_id)}
        self.assertEqual({name: response["status_code"] for name, response in failed.items()}, {"line-1": 400, "line-2": 404, "line-3": 400})
        self.assertEqual(failed["line-1"]["body"]["error"]["param"], "temperature")

    def test_a_faulty_file_is_told_by_line(self):
        batch = wait(begin([chat(0), chat(0), "not json", {**chat(4), "url": "/v1/embeddings"}]))
        self.assertEqual((batch.status, [(fault.line, fault.code) for fault in batch.errors.data]),
                         ("failed", [(2, "duplicate_custom_id"), (3, "invalid_request"), (4, "invalid_request")]))
        self.assertIsNone(batch.output_file_id)
        for wrong in (dict(endpoint="/v1/images"), dict(completion_window="1h"), dict(input_file_id="file_none")):
            with self.assertRaises(openai.BadRequestError) as found:
                client.batches.create(**{"input_file_id": upload([chat(0)]).id, "endpoint": "/v1/chat/completions", "completion_window": "24h", **wrong})
            self.assertEqual(found.exception.param, next(iter(wrong)))

    def test_cancelling_keeps_what_is_done(self):
        batch = begin([chat(i, max_tokens=60) for i in range(400)])
        while client.batches.retrieve(batch.id).request_counts.completed < 3:
            time.sleep(0.02)
        self.assertRaises(openai.ConflictError, client.files.delete, batch.input_file_id)
        self.assertIn(client.batches.cancel(batch.id).status, ("cancelling", "cancelled"))
        ended = wait(batch)
        self.assertEqual(ended.status, "cancelled")
        lines = results(ended.output_file_id)
        self.assertEqual(len(lines), ended.request_counts.completed)
        self.assertLess(len(lines), 400)
        self.assertIn(batch.id, [one.id for one in client.batches.list(limit=2)])
        self.assertTrue(client.files.delete(batch.input_file_id).deleted)

    def test_a_revoked_owner_s_lines_are_refused(self):
        rights = new_user("gerda")
        global client
        mine, client = client, rights
        try:
            batch = begin([chat(i, max_tokens=60) for i in range(300)])
        finally:
            client = mine
        while rights.batches.retrieve(batch.id).request_counts.completed < 3:
            time.sleep(0.02)
        self.assertRaises(openai.NotFoundError, client.batches.retrieve, batch.id)
        keys = json.loads(test_openai.server.request("GET", "/api/v1/keys?all=true")[1])["keys"]
        key = next(key["id"] for key in keys if key["owner"] == "gerda")
        self.assertEqual(test_openai.server.request("DELETE", f"/api/v1/keys/{key}")[0], 204)
        deadline = time.monotonic() + 60
        ended = lambda: [line for line in test_openai.server.log.read_text().splitlines() if batch.id in line and "batch_ended" in line]
        while not ended():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        facts = json.loads(ended()[0])
        self.assertEqual(facts["completed"] + facts["failed"], 300)
        self.assertGreater(facts["failed"], 0)

    def test_z_kills_cost_no_line_and_repeat_none(self):
        count = 240
        batch = begin([chat(i, max_tokens=30) for i in range(count)])
        seen = 0
        for _ in range(3):
            deadline = time.monotonic() + 60
            while (done := client.batches.retrieve(batch.id).request_counts.completed) < min(seen + 20, count):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.02)
            seen = done
            test_openai.server.stop(signal.SIGKILL)
            test_openai.server.start()
            connect()
            self.assertGreaterEqual(wait(batch, ("in_progress", *ENDED)).request_counts.completed, seen)  # nothing done is lost
        ended = wait(batch)
        self.assertEqual((ended.status, ended.request_counts.completed, ended.request_counts.failed), ("completed", count, 0))
        self.assertEqual(sorted(line["custom_id"] for line in results(ended.output_file_id)), sorted(f"line-{i}" for i in range(count)))


if __name__ == "__main__":
    unittest.main()
