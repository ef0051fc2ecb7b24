#!/usr/bin/env python3
"""How well `siyu plan speed` foretells several requests at once on this machine, after `siyu plan calibrate` with two other models: a real
server, clients that each ask again when they are answered, prompts of random tokens, no beginning shared.

    SIYU_BIN=build/release/bin/siyu bench/planner/several.py [--type q8_0] [--json]
"""
import argparse
import concurrent.futures
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import urllib.request

import speed  # beside this file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from one_model import served  # noqa: E402

PROMPT, OUTPUT, ROUNDS = 256, 64, 2
FORETOLD, WORDS = "qwen3-0.3b", 150_000


def ask(server, seed):
    dice = random.Random(seed)
    body = json.dumps({"model": "m", "prompt": [dice.randrange(300, WORDS) for _ in range(PROMPT)], "max_tokens": OUTPUT, "temperature": 1, "seed": seed}).encode()
    request = urllib.request.Request(server.url + "/v1/completions", body, {"Authorization": "Bearer " + server.admin["api_key"], "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)["usage"]["completion_tokens"]


def tokens_per_s(server, clients, seed):
    """The better of two rounds, in which each client asks twice."""
    best = 0
    for round_ in range(ROUNDS):
        first = seed + 1000 * round_
        with concurrent.futures.ThreadPoolExecutor(clients) as pool:
            begin = time.monotonic()
            tokens = sum(pool.map(lambda one: ask(server, one), range(first, first + max(3, 2 * clients))))
            best = max(best, tokens / (time.monotonic() - begin))
    return best


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--type", default="q8_0")
    options.add_argument("--json", action="store_true")
    options = options.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="siyu-several-") as folder:
        folder = pathlib.Path(folder)
        files = {name: folder / f"{name}.gguf" for name in (*speed.CALIBRATED_BY, FORETOLD)}
        for name, file in files.items():
            subprocess.run([speed.WRITER, *map(str, {**speed.CALIBRATED_BY, **speed.FORETOLD}[name]), "--type", options.type, "-o", file], check=True)
        speed.siyu("calibrate", *(part for name in speed.CALIBRATED_BY for part in ("--model", files[name])), "--out", folder / "rates.json")
        with served(folder, files[FORETOLD], "--context", 2048, "--sequences", 32, "--kv-tokens", 16384, "--kv-spill-mb", 0) as server:
            ask(server, 1)
            for clients in (1, 4, 8, 16):
                measured = tokens_per_s(server, clients, 100 * clients)
                plan = speed.siyu("speed", "--model", files[FORETOLD], "--prompt", PROMPT, "--output", OUTPUT, "--users", clients, "--calibration", folder / "rates.json")
                predicted = plan["at_concurrency"]["output_tokens_per_s"]
                rows.append({"clients": clients, "measured": measured, "predicted": predicted, "error": predicted / measured - 1})
                if not options.json:
                    print(f"{clients:3} at once  measured {measured:6.1f}  predicted {predicted:6.1f} tokens/s  {predicted / measured - 1:+.0%}", flush=True)
    if options.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
