#!/usr/bin/env python3
"""What the gateway adds to a request: siyu beside llama-server of the same bundle, the same model, alternating in one run.

    SIYU_BIN=… SIYU_LLAMA_SERVER=… bench/gateway.py --model stories260K.gguf [--requests 2000] [--tokens 16] [--json]

Both answer the same non-streamed completion over one kept-alive connection of plain HTTP. Printed are the times of whole requests
at both, and siyu's own part of it: the header X-Siyu-Overhead-Ms, the time from the request's arrival at a thread to the
answer, without what the worker says it took.
"""
import argparse
import http.client
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/integration"))


class Side:
    def __init__(self, url, headers):
        self.connection = http.client.HTTPConnection(urllib.parse.urlparse(url).netloc, timeout=60)
        self.headers = {"Content-Type": "application/json", **headers}
        self.seconds, self.overhead = [], []

    def ask(self, body):
        begun = time.perf_counter()
        self.connection.request("POST", "/v1/completions", body, self.headers)
        answer = self.connection.getresponse()
        data = answer.read()
        self.seconds.append(time.perf_counter() - begun)
        if answer.status != 200:
            raise RuntimeError(data.decode())
        if own := answer.headers.get("X-Siyu-Overhead-Ms"):
            self.overhead.append(float(own) / 1000)
        return json.loads(data)


def figures(values):
    values = sorted(values)
    return {"p50_ms": 1000 * values[len(values) // 2], "p99_ms": 1000 * values[len(values) * 99 // 100]}


def wait_until_healthy(port):
    for _ in range(600):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise RuntimeError("llama-server does not become healthy")


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--tokens", type=int, default=16)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    from test_server import Server

    with tempfile.TemporaryDirectory(prefix="siyu-bench-") as folder:
        server = Server(pathlib.Path(folder) / "data")
        port = free_port()
        peer = subprocess.Popen([os.environ["SIYU_LLAMA_SERVER"], "-m", options.model, "--host", "127.0.0.1", "--port", str(port), "-t", "1", "-np", "1", "-c", "512", "--no-webui"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            server.cli("model", "import", options.model, "--name", "m")
            server.request("POST", "/api/v1/models/m/load", {"threads": 1}, headers={"Content-Type": "application/json"})
            wait_until_healthy(port)
            ours = Side(server.url, {"Authorization": "Bearer " + server.admin["api_key"]})
            theirs = Side(f"http://127.0.0.1:{port}", {})
            body = json.dumps({"model": "m", "prompt": "Once upon a time", "max_tokens": options.tokens, "temperature": 0, "cache_prompt": False})
            own = json.dumps({key: value for key, value in json.loads(body).items() if key != "cache_prompt"})
            for side, text in ((ours, own), (theirs, body)):
                for _ in range(50):
                    side.ask(text)
                side.seconds, side.overhead = [], []
            for _ in range(options.requests):
                ours.ask(own)
                theirs.ask(body)
        finally:
            peer.kill()
            peer.wait()
            server.stop()
    result = {"requests": options.requests, "tokens": options.tokens, "siyu": figures(ours.seconds), "siyu_overhead": figures(ours.overhead), "llama_server": figures(theirs.seconds)}
    result["ratio_p50"] = result["siyu"]["p50_ms"] / result["llama_server"]["p50_ms"]
    if options.json:
        print(json.dumps(result))
        return
    for name in ("siyu", "llama_server", "siyu_overhead"):
        print(f"{name:14} p50 {result[name]['p50_ms']:7.3f} ms   p99 {result[name]['p99_ms']:7.3f} ms")
    print(f"siyu / llama_server at p50: {result['ratio_p50']:.2f}")


if __name__ == "__main__":
    main()
