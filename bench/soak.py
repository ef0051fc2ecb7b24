#!/usr/bin/env python3
"""Does the server's memory stay where it is? Many requests, printing its resident memory on the way; and many streams at once.

    bench/soak.py [--requests 1000000] [--streams 5000] [--rounds 5] [--tokens 20] [--interval-ms 1000] [--json]

Requests are sent as fast as they are answered, a hundred thousand a line; at one request a second that is a day's work each. The
first tenth warms the caches up; growth is what comes after it. Then `streams` clients at once have answers streamed to them, a
token every interval, several rounds over: what a leak adds it adds each round, what an allocator keeps it keeps once.
"""
import argparse
import contextlib
import json
import os
import pathlib
import resource
import tempfile

from gateway_peers import echo_engine, load, siyu

MIB = 1 << 20


def resident(process):
    return int(pathlib.Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def soak(server, port, requests, step):
    """Resident memory after each `step` requests."""
    found = [{"requests": 0, "rss": resident(server.process)}]
    while found[-1]["requests"] < requests:
        part = min(step, requests - found[-1]["requests"])
        run = load(port, server.admin["api_key"], requests=part, connections=64, warmup=0)
        found.append({"requests": found[-1]["requests"] + part, "rss": resident(server.process), "per_second": run["per_second"]})
        print(f"{found[-1]['requests']:9} requests   {found[-1]['rss'] / MIB:7.1f} MiB   {run['per_second']:7.0f} requests/s", flush=True)
    return found


def streams(server, port, count, tokens, rounds):
    """Rounds of `count` streams at once; the memory at the height of each comes from the kernel's high-water mark."""
    body = json.dumps({"model": "paced", "stream": True, "max_tokens": tokens, "messages": [{"role": "user", "content": "Say hello to the bench."}]}, separators=(",", ":"))
    found = []
    for _ in range(rounds):
        pathlib.Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")  # the high-water mark begins anew
        run = load(port, server.admin["api_key"], requests=count, connections=count, warmup=0, body=body)
        status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
        height = int(status.split("VmHWM:")[1].split()[0]) * 1024
        found.append({"streams": count, "answered": run["requests"], "tokens": run["token_us"]["count"], "token_us": run["token_us"], "rss_height": height, "rss_after": resident(server.process)})
        print(f"{count} streams: {run['requests']} answered, {run['token_us']['count']} tokens, p50 {run['token_us']['p50'] / 1000:.2f} ms, p99 {run['token_us']['p99'] / 1000:.2f} ms on their way; "
              f"{height / MIB:.1f} MiB at the height, {found[-1]['rss_after'] / MIB:.1f} MiB after", flush=True)
    return found


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--requests", type=int, default=1_000_000)
    options.add_argument("--step", type=int, default=100_000)
    options.add_argument("--streams", type=int, default=5000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--tokens", type=int, default=20)
    options.add_argument("--interval-ms", type=int, default=1000)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    result = {}
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="siyu-bench-")))
        engine = stack.enter_context(echo_engine(folder))
        paced = stack.enter_context(echo_engine(folder, interval_ms=given.interval_ms))
        server = stack.enter_context(siyu(folder, engine))
        server.cli("engine", "add", "paced", "--url", f"http://127.0.0.1:{paced}")
        port = int(server.url.rsplit(":", 1)[1])
        if given.requests:
            result["soak"] = soak(server, port, given.requests, given.step)
            settled = next(one for one in result["soak"] if one["requests"] * 10 >= given.requests)
            result["growth_bytes"] = result["soak"][-1]["rss"] - settled["rss"]
            print(f"growth after the first tenth: {result['growth_bytes'] / MIB:.1f} MiB")
        if given.streams:
            result["streams"] = streams(server, port, given.streams, given.tokens, given.rounds)
    if given.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
