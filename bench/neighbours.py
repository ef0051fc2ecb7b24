#!/usr/bin/env python3
"""What is left of a model's speed while other processes want the same processors: tokens/s of one answer alone, and beside one and two
processes that never rest, of several priorities.

    SIYU_BIN=build/release/bin/siyu bench/neighbours.py [--json]
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from one_model import WRITER, served  # beside this file

SHAPE = ["--arch", "qwen3", "--layers", 24, "--width", 1024, "--heads", 16, "--kv-heads", 8, "--feed-forward", 2816, "--type", "q8_0"]
TOKENS, LIMIT_S = 40, 60


def tokens_per_s(server):
    begin = time.monotonic()
    body = {"model": "m", "prompt": "x", "max_tokens": TOKENS, "temperature": 0, "time_limit_ms": LIMIT_S * 1000}
    status, answer, _ = server.request("POST", "/v1/completions", body, headers={"Content-Type": "application/json"})
    return json.loads(answer)["usage"]["completion_tokens"] / (time.monotonic() - begin) if status == 200 else TOKENS / LIMIT_S


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true")
    options = options.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="siyu-neighbours-") as folder:
        folder = pathlib.Path(folder)
        subprocess.run([WRITER, *map(str, SHAPE), "-o", folder / "m.gguf"], check=True)
        with served(folder, folder / "m.gguf") as server:
            tokens_per_s(server)  # pages come in
            for what, how, count in (("alone", [], 0), ("idle priority", ["chrt", "--idle", "0"], 2), ("nice 19", ["nice", "-n", "19"], 2), ("same priority", [], 1), ("same priority", [], 2)):
                busy = [subprocess.Popen([*how, sys.executable, "-c", "while True: pass"]) for _ in range(count)]
                try:
                    time.sleep(0.5)
                    rows.append({"neighbours": count, "priority": what, "tokens_per_s": tokens_per_s(server)})
                finally:
                    for one in busy:
                        one.kill()
                        one.wait()
                if not options.json:
                    print(f"{count} busy, {what:<14} {rows[-1]['tokens_per_s']:7.1f} tokens/s  {rows[-1]['tokens_per_s'] / rows[0]['tokens_per_s']:.2f} of alone", flush=True)
    if options.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
