#!/usr/bin/env python3
"""The gateway beside nginx as a reverse proxy and beside LiteLLM: one engine that only echoes, alternating in one run.

    bench/gateway_peers.py [--rate 5000] [--seconds 5] [--rounds 3] [--litellm PATH/TO/bin/litellm] [--json]

Whoever is measured runs on core 0 alone; the engine and the load generator share core 1. First latency in an open loop: requests
start at their appointed times, and a time counts from the appointment. The engine asked directly is the zero, so what a gateway
"adds" is its percentile less the engine's own. Then throughput in a closed loop. Percentiles are the median of the rounds.
Idle cores poll meanwhile where that may be asked for (root): a virtual core that halts is woken milliseconds late, whoever waits.
nginx passes bytes on and writes its access log; LiteLLM and siyu read the request, check a key, choose an engine, and count tokens;
siyu writes a chained audit entry besides.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
os.environ.setdefault("SIYU_BIN", str(ROOT / "build/release/bin/siyu"))
sys.path.insert(0, str(ROOT / "tests/integration"))
TOOLS = pathlib.Path(os.environ["SIYU_BIN"]).parent
GATEWAY_CORE, OTHER_CORE = "0", "1"
LITELLM_KEY = "sk-bench-0123456789"

NGINX = """
daemon off; worker_processes 1; pid {dir}/pid; error_log {dir}/error.log;
events {{ worker_connections 12000; }}
http {{
  access_log {dir}/access.log;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  keepalive_requests 100000000;
  upstream engine {{ server 127.0.0.1:{engine}; keepalive 512; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }}
  }}
}}
"""
LITELLM = """
model_list:
  - model_name: echo
    litellm_params: {{model: openai/echo, api_base: "http://127.0.0.1:{engine}/v1", api_key: none}}
general_settings: {{master_key: {key}}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def awake():
    """No core halts until the block ends."""
    try:
        held = os.open("/dev/cpu_dma_latency", os.O_WRONLY)
        os.write(held, struct.pack("i", 0))
    except OSError as error:
        print(f"idle cores may halt, which adds to the slowest times: {error}", file=sys.stderr)
        held = None
    try:
        yield
    finally:
        if held is not None:
            os.close(held)


def pinned(core, command):
    return ["taskset", "-c", core, *map(str, command)]


def wait_for_port(process, port, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError("a peer does not listen: " + str(process.args))


@contextlib.contextmanager
def running(command, core, log, port=None, seconds=30):
    """A process until the block ends; it gets SIGTERM then."""
    with open(log, "wb") as out:
        process = subprocess.Popen(pinned(core, command), stdout=subprocess.PIPE if port is None else out, stderr=out, env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"})
    try:
        if port is not None:
            wait_for_port(process, port, seconds)
        yield process
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def echo_engine(folder, core=OTHER_CORE, interval_ms=0):
    with running([TOOLS / "echo_engine", "--interval-ms", interval_ms], core, folder / "engine.log") as process:
        yield int(process.stdout.readline())


@contextlib.contextmanager
def siyu(folder, engine, core=GATEWAY_CORE, options=()):
    from test_server import Server

    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {int(core)})  # its threads inherit it
    Server.options = ["--insecure-http", *options]
    server = Server(folder / "data")
    os.sched_setaffinity(0, before)
    try:
        server.cli("engine", "add", "echo", "--url", f"http://127.0.0.1:{engine}")
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def nginx(folder, engine):
    port = free_port()
    place = folder / "nginx"
    place.mkdir()
    (place / "conf").write_text(NGINX.format(dir=place, engine=engine, port=port))
    with running([shutil.which("nginx") or "/usr/sbin/nginx", "-c", place / "conf", "-p", place], GATEWAY_CORE, folder / "nginx.log", port):
        yield port


@contextlib.contextmanager
def litellm(program, folder, engine):
    port = free_port()
    (folder / "litellm.yaml").write_text(LITELLM.format(engine=engine, key=LITELLM_KEY))
    with running([program, "--config", folder / "litellm.yaml", "--host", "127.0.0.1", "--port", port, "--num_workers", 1], GATEWAY_CORE, folder / "litellm.log", port, 180):
        yield port


def load(port, key=None, core=OTHER_CORE, **options):
    """One run of the load generator."""
    command = [TOOLS / "gateway_load", "--port", port]
    if key:
        command += ["--header", "Authorization: Bearer " + key]
    for name, value in options.items():
        command += ["--" + name, value]
    found = json.loads(subprocess.run(pinned(core, command), capture_output=True, text=True, check=True).stdout)
    if found["failed"]:
        raise RuntimeError(f"{found['failed']} of {found['requests']} requests failed at port {port}")
    return found


def median(rounds, *path):
    def pick(value):
        for key in path:
            value = value[key]
        return value

    return statistics.median(pick(one) for one in rounds)


def latencies(sides, rate, seconds, rounds):
    """Percentiles of whole answers at a fixed rate, each side in its turn."""
    found = {name: [] for name in sides}
    for _ in range(rounds):
        for name, (port, key) in sides.items():
            found[name].append(load(port, key, rate=rate, seconds=seconds, connections=64))
    return {name: {at: median(runs, "latency_us", at) for at in ("p50", "p90", "p99", "p999")} for name, runs in found.items()}


def throughputs(sides, seconds, rounds):
    found = {name: [] for name in sides}
    for _ in range(rounds):
        for name, (port, key) in sides.items():
            found[name].append(load(port, key, seconds=seconds, connections=32))
    return {name: median(runs, "per_second") for name, runs in found.items()}


def measure(given):
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="siyu-bench-")))
        stack.enter_context(awake())
        engine = stack.enter_context(echo_engine(folder))
        server = stack.enter_context(siyu(folder, engine))
        ours = (int(server.url.rsplit(":", 1)[1]), server.admin["api_key"])
        sides = {"engine": (engine, None), "siyu": ours}
        if not given.alone:
            sides["nginx"] = (stack.enter_context(nginx(folder, engine)), None)
        result = {"rate": given.rate, "latency_us": latencies(sides, given.rate, given.seconds, given.rounds)}
        zero = result["latency_us"]["engine"]
        result["added_us"] = {name: {at: round(times[at] - zero[at], 1) for at in times} for name, times in result["latency_us"].items() if name != "engine"}
        if given.litellm:
            sides["litellm"] = (stack.enter_context(litellm(given.litellm, folder, engine)), LITELLM_KEY)
            load(*sides["litellm"], seconds=2, connections=8)  # it loads modules on its first requests
        del sides["engine"]
        result["per_second"] = throughputs(sides, given.seconds, given.rounds)
        result["ratio"] = {f"siyu / {name}": round(result["per_second"]["siyu"] / each, 2) for name, each in result["per_second"].items() if name != "siyu"}
    return result


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rate", type=float, default=5000)
    options.add_argument("--seconds", type=float, default=5)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--litellm", help="its program, in a virtual environment with litellm[proxy]; without it LiteLLM is left out")
    options.add_argument("--alone", action="store_true", help="without nginx")
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    result = measure(given)
    if given.json:
        print(json.dumps(result))
        return
    print(f"at {given.rate:.0f} requests/s, added to the engine's own time:")
    for name, added in result["added_us"].items():
        print(f"  {name:8} p50 {added['p50']:8.0f} µs   p90 {added['p90']:8.0f} µs   p99 {added['p99']:8.0f} µs   p99.9 {added['p999']:8.0f} µs")
    print("closed loop, 32 connections:")
    for name, each in result["per_second"].items():
        ratio = result["ratio"].get(f"siyu / {name}")
        print(f"  {name:8} {each:9.0f} requests/s" + (f"   siyu / {name} = {ratio}" if ratio else ""))


if __name__ == "__main__":
    main()
