#!/usr/bin/env python3
"""What `siyu plan memory` foretells beside what a worker takes, for models of random weights: five architectures, four weight types, three
contexts, three numbers of sequences. Each model is loaded by a real server, answers as many prompts at once as it has sequences, one of
them as long as its context, and its process is then weighed (Rss). With --card larger models run on a card of NVIDIA's, and what the driver
says of the process is weighed instead.

    SIYU_BIN=build/release/bin/siyu bench/planner/memory.py [--card] [--only deepseek2] [--type q8_0] [--most-context 4096] [--layers 12] [--json]
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import tempfile
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("SIYU_BIN", str(ROOT / "build/release/bin/siyu"))
sys.path.insert(0, str(ROOT / "tests/integration"))
from test_server import Server  # noqa: E402

SIYU = pathlib.Path(os.environ["SIYU_BIN"])
WRITER = SIYU.with_name("model_writer")
SHAPE = ["--preset", "small", "--layers", 12, "--width", 768, "--heads", 12, "--kv-heads", 4, "--feed-forward", 2048, "--context", 16384]
CARD_SHAPE = ["--preset", "small", "--layers", 24, "--width", 2048, "--heads", 16, "--kv-heads", 8, "--feed-forward", 8192, "--context", 16384, "--repeat"]
ARCHITECTURES = ["llama", "qwen2", "qwen3", "qwen3moe", "deepseek2"]
TYPES = ["f16", "q8_0", "q4_k", "q4_0"]
CONTEXTS = [1024, 4096, 8192]
SEQUENCES = [1, 4, 16]


def resident(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Rss:\s+(\d+)", text, re.MULTILINE).group(1)) * 1024


def of_files(pid):
    """Of it, pages of files: weights, programs. Some kernels take back those that nothing has read for a while; they count as they were after loading."""
    text = pathlib.Path(f"/proc/{pid}/smaps").read_text()
    mappings = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", text, flags=re.MULTILINE)
    return sum(int(re.search(r"^Rss:\s+(\d+)", one, re.MULTILINE).group(1)) * 1024 for one in mappings if "/" in one.partition("\n")[0])


def on_card(pid):
    listed = subprocess.run(["nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"], check=True, capture_output=True, text=True).stdout
    used = {int(line.split(",")[0]): int(line.split(",")[1]) for line in listed.splitlines() if line.split(",")[1].strip().isdigit()}
    if pid in used:
        return used[pid] << 20
    # Inside some virtual machines processes are not listed; the worker is then all that uses the card.
    all_used = subprocess.run(["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"], check=True, capture_output=True, text=True).stdout
    return sum(int(line) for line in all_used.split()) << 20


def exercise(server, name, context, sequences, vocabulary):
    """Random tokens, so that no beginning is shared and nothing is guessed."""
    def ask(seed, tokens):
        dice = random.Random(seed)
        prompt = [dice.randrange(300, vocabulary) for _ in range(tokens)]
        body = json.dumps({"model": name, "prompt": prompt, "max_tokens": 8, "temperature": 1, "seed": seed}).encode()
        request = urllib.request.Request(server.url + "/v1/completions", body, {"Authorization": "Bearer " + server.admin["api_key"], "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=3600) as answer:  # latent attention takes its time on processors
            answer.read()

    ask(1, context - 16)
    with concurrent.futures.ThreadPoolExecutor(sequences) as pool:
        list(pool.map(lambda i: ask(2 + i, max(16, context // sequences - 16)), range(sequences)))


def measure(server, name, file, context, sequences, card):
    server.cli("model", "load", name, "--context", context, "--sequences", sequences, "--kv-tokens", context, "--kv-spill-mb", 0)
    pid = server.cli_json("model", "show", name)["worker"]["pid"]
    files = of_files(pid)
    exercise(server, name, context, sequences, 31_000 if name.startswith("llama") else 150_000)
    worker = server.cli_json("model", "show", name)["worker"]
    measured = on_card(pid) if card else resident(pid) + max(0, files - of_files(pid))
    server.cli("model", "unload", name)
    plan = json.loads(subprocess.run([SIYU, "plan", "memory", "--model", file, "--ctx", str(context), "--users", str(sequences), "--kv-tokens", str(context), "--engine", "siyu-card" if card else "siyu", "--json"],
                                     capture_output=True, text=True, check=True).stdout)
    parts = {part: plan[part] for part in ("weights", "kv", "activations", "runtime")}
    return {"model": name, "context": context, "sequences": sequences, "measured": measured, "predicted": plan["total"], "error": plan["total"] / measured - 1, "parts": parts, "worker": worker}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", action="append", choices=ARCHITECTURES, help="architecture; all when absent")
    options.add_argument("--card", action="store_true")
    options.add_argument("--type", action="append", choices=TYPES, help="weight type; all when absent")
    options.add_argument("--most-context", type=int, default=CONTEXTS[-1])
    options.add_argument("--layers", type=int, help="fewer make long prompts through latent attention quicker; 12 when absent, with --card 24")
    options.add_argument("--json", action="store_true")
    options = options.parse_args()
    shape = list(CARD_SHAPE if options.card else SHAPE)
    if options.layers:
        shape[shape.index("--layers") + 1] = options.layers
    rows = []
    with tempfile.TemporaryDirectory(prefix="siyu-memory-") as folder:
        server = Server(pathlib.Path(folder) / "data")
        try:
            for architecture in options.only or ARCHITECTURES:
                for kind in options.type or TYPES:
                    name, file = f"{architecture}-{kind}", pathlib.Path(folder) / f"{architecture}-{kind}.gguf"
                    subprocess.run([WRITER, "--arch", architecture, *map(str, shape), "--type", kind, "-o", file], check=True)
                    server.cli("model", "import", file, "--name", name)
                    for context in (one for one in CONTEXTS if one <= options.most_context):
                        for sequences in SEQUENCES:
                            rows.append(measure(server, name, file, context, sequences, options.card))
                            one = rows[-1]
                            if not options.json:
                                print(f"{one['model']:>16} {context:6} × {sequences:2}  measured {one['measured'] / 1e6:7.1f} MB  predicted {one['predicted'] / 1e6:7.1f} MB  {one['error']:+.1%}", flush=True)
                    server.cli("model", "rm", name)
                    file.unlink()
        finally:
            server.stop()
    errors = sorted(abs(row["error"]) for row in rows)
    summary = {"loads": len(rows), "median_error": statistics.median(errors), "worst_error": errors[-1]}
    print(json.dumps({**summary, "rows": rows}) if options.json else f"{len(rows)} loads: median error {summary['median_error']:.1%}, worst {summary['worst_error']:.1%}")


if __name__ == "__main__":
    main()
