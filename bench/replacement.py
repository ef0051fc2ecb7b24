#!/usr/bin/env python3
"""How soon a model answers again after its worker is killed.

    SIYU_BIN=… bench/replacement.py --model stories260K.gguf [--kills 20] [--json]

Each round loads the model anew, kills its worker, and asks until it answers: the time holds the detection of the death, the
replacement's start, and the request. Kills soon after one another wait longer, for the back-off; that is not measured here.
"""
import argparse
import json
import os
import pathlib
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/integration"))


def replaced_after(server):
    server.cli("model", "load", "m")
    pid = server.cli_json("model", "list")["models"][0]["worker"]["pid"]
    killed = time.perf_counter()
    os.kill(pid, signal.SIGKILL)
    while server.request("POST", "/v1/completions", {"model": "m", "prompt": "Once", "max_tokens": 1}, headers={"Content-Type": "application/json"})[0] != 200:
        time.sleep(0.005)
    seconds = time.perf_counter() - killed
    server.cli("model", "unload", "m")
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    from test_server import Server

    with tempfile.TemporaryDirectory(prefix="siyu-bench-") as folder:
        server = Server(pathlib.Path(folder) / "data")
        try:
            server.cli("model", "import", options.model, "--name", "m")
            seconds = sorted(replaced_after(server) for _ in range(options.kills))
        finally:
            server.stop()
    result = {"kills": len(seconds), "p50_s": seconds[len(seconds) // 2], "longest_s": seconds[-1]}
    print(json.dumps(result) if options.json else f"answers again after p50 {result['p50_s']:.3f} s, at most {result['longest_s']:.3f} s, over {result['kills']} kills")


if __name__ == "__main__":
    main()
