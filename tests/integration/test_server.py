"""The real server as a user meets it: its command line, its API, and what survives SIGKILL. Standard library only."""
import gzip
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from agreement import parting

SIYU = os.environ["SIYU_BIN"]


class Server:
    """`siyu serve` on a free loopback port over a data folder of its own."""

    options = ["--insecure-http"]
    listen = "127.0.0.1:0"

    def __init__(self, data):
        self.data = pathlib.Path(data)
        self.log = self.data.with_name(self.data.name + ".log")  # a pipe that nobody empties would stop the server
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            begin = log.tell()
            self.process = subprocess.Popen([SIYU, "serve", "--data", self.data, "--listen", self.listen, *self.options], stderr=log)
        self.url = None
        deadline = time.monotonic() + 60
        while not self.url:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("the server did not become ready: " + self.log.read_text()[-2000:])
            time.sleep(0.01)
            lines = self.log.read_bytes()[begin:].split(b"\n")[:-1]
            events = [json.loads(line) for line in lines if line.startswith(b"{")]
            self.url = next((event["url"] for event in events if event["event"] == "server_ready"), None)
        self.admin = json.loads((self.data / "initial-admin.json").read_text())

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(30)

    def cli(self, *arguments, check=True):
        environment = {**os.environ, "SIYU_SERVER": self.url, "SIYU_API_KEY": self.admin["api_key"]}
        done = subprocess.run([SIYU, *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=120)
        if check and done.returncode != 0:
            raise AssertionError(f"{arguments} exited {done.returncode}: {done.stderr}")
        return done

    def cli_json(self, *arguments):
        return json.loads(self.cli(*arguments, "--json").stdout)

    def request(self, method, path, body=None, key=None, headers=None):
        request = urllib.request.Request(self.url + path, method=method, headers=dict(headers or {}))
        if key != "":
            request.add_header("Authorization", "Bearer " + (key or self.admin["api_key"]))
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, data, timeout=60) as response:
                return response.status, response.read(), response.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(), error.headers


class ServerCase(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="siyu-test-")
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)
        self.server = Server(self.root / "data")
        self.addCleanup(lambda: self.server.process.poll() is None and self.server.stop(signal.SIGKILL))

    def write(self, name, text, encoding="utf-8"):
        path = self.root / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(encoding))
        return path

    def assert_agree(self, text, told):
        """The text was computed as what was told (agreement.chances of it), but for rounding."""
        self.assertIsNone(parting(text, told))


class KnowledgeTest(ServerCase):
    def test_folder_becomes_cited_answers(self):
        self.write("制度/年假.md", "# 休假\n\n员工满一年后，每年享有十天带薪年假。\n\n# 其他\n\n食堂十二点开门。\n")
        self.write("travel.txt", "Train tickets are booked by the office. Hotels cost at most 500 yuan a night.")
        self.write("gbk.txt", "服务器机房的温度应保持在二十二度。", "gb18030")
        self.server.cli("kb", "create", "手册")
        added = self.server.cli_json("kb", "add", "手册", self.root / "files", "--wait")
        self.assertEqual([one["outcome"] for one in added["documents"]], ["queued"] * 3)
        self.assertEqual(added["knowledge_base"]["indexed"], 3)

        answer = self.server.cli_json("ask", "--kb", "手册", "每年有几天带薪年假？")
        self.assertEqual(answer["mode"], "extractive")
        self.assertIn("十天带薪年假", answer["answer"])
        citation = answer["citations"][0]
        self.assertEqual(citation["document"], "制度/年假.md")
        status, body, _ = self.server.request("GET", f"/api/v1/knowledge-bases/%E6%89%8B%E5%86%8C/documents/{citation['document_id']}/text")
        self.assertEqual(status, 200)
        markdown = json.loads(body)["markdown"].encode()
        self.assertEqual(markdown[citation["start"] : citation["end"]].decode(), citation["text"])

        self.assertIn("500 yuan", self.server.cli_json("ask", "--kb", "手册", "How much may a hotel cost?")["answer"])
        self.assertEqual(self.server.cli_json("kb", "search", "手册", "机房温度", "--top", "1")["hits"][0]["document"], "gbk.txt")
        self.assertEqual(self.server.cli_json("ask", "--kb", "手册", "量子纠缠的发现者是谁")["mode"], "none")

        again = self.server.cli_json("kb", "add", "手册", self.root / "files")
        self.assertEqual([one["outcome"] for one in again["documents"]], ["unchanged"] * 3)
        self.server.cli("kb", "remove-doc", "手册", citation["document_id"])
        self.assertNotIn("年假", json.dumps(self.server.cli_json("kb", "search", "手册", "带薪年假", "--top", "5"), ensure_ascii=False))

    def test_line_collections_are_evaluated(self):
        lines = [{"_id": f"d{i}", "title": "", "text": f"The colour of item{i} is shade{i * 7}."} for i in range(50)]
        path = self.root / "corpus.jsonl.gz"
        path.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
        self.server.cli("kb", "create", "items")
        self.server.cli("kb", "add", "items", path, "--wait")
        queries = self.write("queries.jsonl", "\n".join(json.dumps({"_id": f"q{i}", "text": f"colour of item{i}?"}) for i in range(50)))
        qrels = self.write("qrels.tsv", "query-id\tcorpus-id\tscore\n" + "\n".join(f"q{i}\td{i}\t1" for i in range(50)))
        result = self.server.cli_json("kb", "eval", "items", "--queries", queries, "--qrels", qrels, "--k", "1,5,10")
        self.assertEqual(result["queries"], 50)
        self.assertEqual(result["recall"]["1"], 1.0)
        self.assertEqual(result["mrr_at_10"], 1.0)

    def test_mistakes_are_answered_with_what_to_do(self):
        self.assertIn("no knowledge base named nowhere", self.server.cli("ask", "--kb", "nowhere", "x", check=False).stderr)
        self.assertEqual(self.server.cli("kb", "nonsense", check=False).returncode, 2)
        self.server.cli("kb", "create", "a")
        self.assertIn("exists already", self.server.cli("kb", "create", "a", check=False).stderr)
        self.assertIn("There is no file or folder", self.server.cli("kb", "add", "a", "/nowhere/at/all", check=False).stderr)

    def test_chat_completions_cite_in_both_modes(self):
        self.server.cli("kb", "create", "kb")
        self.server.cli("kb", "add", "kb", self.write("a.txt", "The warranty lasts three years. Repairs are free."), "--wait")
        body = {"model": "any", "messages": [{"role": "user", "content": "How long is the warranty?"}], "knowledge": ["kb"]}
        status, answer, _ = self.server.request("POST", "/v1/chat/completions", body, headers={"Content-Type": "application/json"})
        self.assertEqual(status, 200)
        message = json.loads(answer)["choices"][0]["message"]
        self.assertIn("three years", message["content"])
        self.assertEqual(message["annotations"][0]["file_citation"]["filename"], "a.txt")
        status, stream, headers = self.server.request("POST", "/v1/chat/completions", {**body, "stream": True})
        self.assertTrue(headers["Content-Type"].startswith("text/event-stream"))
        events = [line[6:] for line in stream.decode().split("\n") if line.startswith("data: ")]
        self.assertEqual(events[-1], "[DONE]")
        deltas = [json.loads(event)["choices"][0]["delta"] for event in events[:-1]]
        self.assertEqual("".join(delta.get("content") or "" for delta in deltas), message["content"])
        self.assertEqual(deltas[-1]["annotations"], message["annotations"])


class AccessTest(ServerCase):
    def test_keys_and_roles(self):
        self.assertEqual(self.server.request("GET", "/api/v1/users", key="")[0], 401)
        status, body, _ = self.server.request("GET", "/api/v1/users", key="sk-wrong")
        self.assertEqual(status, 401)
        self.assertEqual(json.loads(body)["error"]["type"], "authentication_error")
        user = self.server.cli_json("user", "add", "rita", "--role", "reader")
        status, body, headers = self.server.request("POST", "/api/v1/session", {"username": "rita", "password": user["password"]}, key="")
        self.assertEqual(status, 200)
        cookie, csrf = headers["Set-Cookie"].split(";")[0], json.loads(body)["csrf"]
        self.assertEqual(self.server.request("POST", "/api/v1/keys", {"name": "k"}, key="", headers={"Cookie": cookie})[0], 403)
        status, body, _ = self.server.request("POST", "/api/v1/keys", {"name": "k"}, key="", headers={"Cookie": cookie, "X-Siyu-CSRF": csrf})
        self.assertEqual(status, 201)
        reader = json.loads(body)["secret"]
        self.assertEqual(self.server.request("GET", "/api/v1/knowledge-bases", key=reader)[0], 200)
        self.assertEqual(self.server.request("POST", "/api/v1/knowledge-bases", {"name": "x"}, key=reader)[0], 403)
        self.assertEqual(self.server.request("GET", "/api/v1/audit", key=reader)[0], 403)
        denied = self.server.cli_json("audit", "list", "--actor", "rita")["entries"]
        self.assertIn(("audit.list", "denied"), [(entry["action"], entry["outcome"]) for entry in denied])

    def test_no_secret_or_document_reaches_the_log(self):
        secret = "corpus-secret-4711"
        self.server.cli("kb", "create", "kb")
        self.server.cli("kb", "add", "kb", self.write("a.txt", secret), "--wait")
        self.server.cli("ask", "--kb", "kb", secret)
        self.server.request("POST", "/api/v1/session", {"username": "admin", "password": secret}, key="")
        self.server.stop()
        log = self.server.log.read_text()
        self.assertNotIn(secret, log)
        self.assertNotIn(self.server.admin["api_key"], log)
        audit = "".join(path.read_text() for path in (self.server.data / "audit").glob("*.jsonl"))
        self.assertNotIn(secret, audit)

    def test_plain_http_is_for_loopback_only(self):
        done = subprocess.run([SIYU, "serve", "--data", self.root / "x", "--listen", "0.0.0.0:0", "--insecure-http"], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 2)
        self.assertIn("loopback", done.stderr)

    def test_a_second_server_on_the_folder_is_refused(self):
        done = subprocess.run([SIYU, "serve", "--data", self.server.data, "--listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn("Another server", done.stderr)


class SecureConnectionTest(unittest.TestCase):
    def test_https_with_the_made_certificate(self):
        with tempfile.TemporaryDirectory(prefix="siyu-test-") as folder:
            process = subprocess.Popen([SIYU, "serve", "--data", folder, "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
            try:
                url = json.loads(process.stderr.readline())["url"]
                self.assertTrue(url.startswith("https://"))
                done = subprocess.run([SIYU, "status", "--data", folder, "--server", url, "--json"], capture_output=True, text=True, timeout=30)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertLess(json.loads(done.stdout)["resident_bytes"], 60 << 20)
            finally:
                process.terminate()
                process.wait(30)
                process.stderr.close()


if __name__ == "__main__":
    unittest.main()
