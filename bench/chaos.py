#!/usr/bin/env python3
"""Kills replicas at random under load, and counts what clients see of it.

    SIYU_BIN=… bench/chaos.py --model FILE.gguf [--seconds 600] [--replicas 3] [--clients 8] [--kill-every 2] [--json]

Half of the requests are streamed, half are not. A failure is any answer but 200, or a stream or connection that ends early,
before the first byte of the body; a stream that breaks later is counted by itself, since its beginning was already shown.
"""
import argparse
import http.client
import json
import os
import pathlib
import random
import signal
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/integration"))

REQUEST_LIMIT = 120  # seconds; nothing here should take that long


class Counts:
    def __init__(self):
        self.lock = threading.Lock()
        self.answered = self.whole = self.streamed = self.failed = self.broken = self.tokens = self.cached = 0
        self.faults, self.first = [], []

    def fault(self, what, begun):
        with self.lock:
            self.broken += begun
            self.failed += not begun
            if not begun and len(self.faults) < 20:
                self.faults.append(what)


def ask(connection, server, model, number, counts):
    streamed = number % 2 == 0
    # Every fourth begins alike, so that one replica has its beginning in memory.
    prompt = ("Once upon a time there was a little girl named Lily. " * 4 if number % 4 == 0 else "") + f"One day number {number} "
    body = {"model": model, "prompt": prompt, "max_tokens": random.choice((8, 32, 96)), "stream": streamed, "seed": number}
    if streamed:
        body["stream_options"] = {"include_usage": True}
    begun, sent = False, time.perf_counter()
    try:
        connection.request("POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json", "Authorization": "Bearer " + server.admin["api_key"]})
        answer = connection.getresponse()
        if answer.status != 200:
            return counts.fault(f"{answer.status} {answer.read()[:200]!r}", False)
        if not streamed:
            usage = json.loads(answer.read())["usage"]
        else:
            text = b""
            while piece := answer.read1(65536):
                if not begun:
                    with counts.lock:
                        counts.first.append(time.perf_counter() - sent)
                begun = True
                text += piece
            if b"[DONE]" not in text:
                return counts.fault(f"the stream ended early: {text[-200:]!r}", begun)
            usage = json.loads(text.rsplit(b"data: ", 2)[1])["usage"]
        with counts.lock:
            counts.answered += 1
            counts.streamed += streamed
            counts.whole += not streamed
            counts.tokens += usage["completion_tokens"]
            counts.cached += usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
    except (OSError, http.client.HTTPException, ValueError, KeyError, IndexError) as error:
        connection.close()
        counts.fault(f"{type(error).__name__}: {error}", begun)


def worker_pids(server, model):
    deployment = json.loads(server.request("GET", "/api/v1/deployments/" + model)[1])
    return [replica["pid"] for version in deployment["versions"] for replica in version["replicas"] if replica.get("pid")]


def run(server, model, seconds, clients, kill_every):
    counts, over = Counts(), time.monotonic() + seconds
    numbers = iter(range(10**9))
    address = urllib.parse.urlsplit(server.url)

    def client():
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=REQUEST_LIMIT)
        while time.monotonic() < over:
            with counts.lock:
                number = next(numbers)
            ask(connection, server, model, number, counts)
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    kills = 0
    while time.monotonic() < over:
        time.sleep(random.uniform(0.5, 1.5) * kill_every)
        pids = worker_pids(server, model)
        if pids:
            try:
                os.kill(random.choice(pids), signal.SIGKILL)
                kills += 1
            except ProcessLookupError:
                pass  # it ended between the look and the kill
    for thread in threads:
        thread.join()
    first = sorted(counts.first)
    return {"seconds": seconds, "clients": clients, "kills": kills, "answered": counts.answered, "answered_whole": counts.whole, "answered_streamed": counts.streamed,
            "failed_before_first_byte": counts.failed, "streams_broken_later": counts.broken, "completion_tokens": counts.tokens, "cached_tokens": counts.cached,
            "first_byte_p50_ms": round(1000 * first[len(first) // 2], 1) if first else None, "first_byte_p99_ms": round(1000 * first[len(first) * 99 // 100], 1) if first else None,
            "faults": counts.faults}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--kill-every", type=float, default=2, help="seconds on average")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    from test_server import Server

    with tempfile.TemporaryDirectory(prefix="siyu-bench-") as folder:
        server = Server(pathlib.Path(folder) / "data")
        try:
            server.cli("model", "import", options.model, "--name", "m")
            server.cli("deploy", "create", "chat", "--model", "m", "--replicas", options.replicas)
            result = run(server, "chat", options.seconds, options.clients, options.kill_every)
            result["figures"] = json.loads(server.request("GET", "/api/v1/deployments/chat")[1])["versions"][0]["figures"]
        finally:
            server.stop()
    if options.json:
        print(json.dumps(result))
    else:
        print(f"{result['kills']} kills in {result['seconds']:.0f} s, {result['answered']} requests answered, {result['failed_before_first_byte']} failed before their first byte, "
              f"{result['streams_broken_later']} streams broken after it; first byte p50 {result['first_byte_p50_ms']} ms, p99 {result['first_byte_p99_ms']} ms")
    for fault in result["faults"]:
        print(fault, file=sys.stderr)
    return 1 if result["failed_before_first_byte"] else 0


if __name__ == "__main__":
    sys.exit(main())
