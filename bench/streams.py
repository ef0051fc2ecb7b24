#!/usr/bin/env python3
"""Many connections on one server: memory of an idle connection and of a streamed answer, and the time the server adds to a token.

    bench/streams.py [--idle 1000] [--active 200] [--tokens 100] [--interval 0.1] [--tls]

The tokens come from a scripted engine in a process of its own; each carries the moment it was sent (CLOCK_MONOTONIC is the
same for all processes of a machine), so a token's time here is scripted engine → server → client, Python's part included.
"""
import argparse
import asyncio
import json
import multiprocessing
import os
import pathlib
import re
import resource
import ssl
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
SENT = re.compile(rb'"content":"([0-9.]+) "')


def raise_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def scripted_engine(port, tokens, interval):
    """Streams `tokens` tokens, one every `interval` seconds, to everyone who asks."""

    def chunk(data):
        return b"%x\r\n%s\r\n" % (len(data), data)

    async def serve(reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if head.startswith(b"GET"):
                    body = b'{"data":[{"id":"scripted"}]}'
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                    continue
                await reader.readexactly(int(re.search(rb"content-length: (\d+)", head.lower())[1]))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
                for _ in range(tokens):
                    await asyncio.sleep(interval)
                    writer.write(chunk(b'data: {"choices":[{"index":0,"delta":{"content":"%.6f "}}]}\n\n' % time.monotonic()))
                    await writer.drain()
                writer.write(chunk(b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n') + b"0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def listen():
        listener = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
        port.send(listener.sockets[0].getsockname()[1])
        await listener.serve_forever()

    raise_limit()
    asyncio.run(listen())


def resident(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def idle_connection(connect):
    reader, writer = await connect()
    await ask_health(reader, writer)
    return reader, writer


async def ask_health(reader, writer):
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(re.search(rb"content-length: (\d+)", head.lower())[1]))
    return head.startswith(b"HTTP/1.1 200")


async def stream(connect, key, begun, delays):
    """One streamed chat; returns how many tokens came."""
    reader, writer = await connect()
    body = json.dumps({"model": "scripted", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}).encode()
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s" % (key.encode(), len(body), body))
    tokens = 0
    while line := await reader.readline():
        if sent := SENT.search(line):
            delays.append(time.monotonic() - float(sent[1]))
            tokens += 1
            begun.add(id(reader))
        if line.startswith(b"data: [DONE]"):
            break
    writer.close()
    return tokens


async def drive(server, idle, active, tokens):
    url, pid = urllib.parse.urlsplit(server.url), server.process.pid
    trusted = ssl.create_default_context(cafile=server.data / "tls/cert.pem") if url.scheme == "https" else None
    connect = lambda: asyncio.open_connection(url.hostname, url.port, ssl=trusted)
    found = {"idle": idle, "active": active, "tokens": tokens, "rss_before": resident(pid)}
    connections = []
    for _ in range(idle):
        connections.append(await idle_connection(connect))
    found["rss_idle"] = resident(pid)
    begun, delays = set(), []
    running = [asyncio.create_task(stream(connect, server.admin["api_key"], begun, delays)) for _ in range(active)]
    # At its height: everyone has begun and nobody has ended.
    deadline = time.monotonic() + 60
    while len(begun) < active and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    found["rss_active"] = resident(pid)
    got = await asyncio.gather(*running)
    found["whole_streams"] = sum(one == tokens for one in got)
    found["idle_alive"] = sum([await ask_health(*one) for one in connections])
    for _, writer in connections:
        writer.close()
    delays.sort()
    found["idle_bytes"] = (found["rss_idle"] - found["rss_before"]) // max(idle, 1)
    found["active_bytes"] = (found["rss_active"] - found["rss_idle"]) // max(active, 1)
    for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
        found[f"token_ms_{name}"] = round(delays[min(int(len(delays) * share), len(delays) - 1)] * 1000, 2)
    return found


def measure(server, idle, active, tokens, interval):
    """Numbers of one run over a running server, whose engine list gains and loses `scripted`."""
    raise_limit()
    receive, send = multiprocessing.Pipe(False)
    engine = multiprocessing.get_context("fork").Process(target=scripted_engine, args=(send, tokens, interval), daemon=True)
    engine.start()
    try:
        server.cli("engine", "add", "scripted", "--url", f"http://127.0.0.1:{receive.recv()}")
        return asyncio.run(drive(server, idle, active, tokens))
    finally:
        server.cli("engine", "rm", "scripted", check=False)
        engine.kill()
        engine.join()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, fallback in (("--idle", 1000), ("--active", 200), ("--tokens", 100)):
        options.add_argument(name, type=int, default=fallback)
    options.add_argument("--interval", type=float, default=0.1)
    options.add_argument("--tls", action="store_true")
    given = options.parse_args()
    os.environ.setdefault("SIYU_BIN", str(ROOT / "build/release/bin/siyu"))
    sys.path.insert(0, str(ROOT / "tests/integration"))
    from test_server import Server

    with tempfile.TemporaryDirectory(prefix="siyu-bench-") as folder:
        os.environ["SIYU_DATA"] = folder + "/data"  # where the command line finds the certificate
        Server.options = [] if given.tls else Server.options
        server = Server(folder + "/data")
        try:
            print(json.dumps(measure(server, given.idle, given.active, given.tokens, given.interval), indent=2))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
