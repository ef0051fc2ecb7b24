#!/usr/bin/env python3
"""How well `siyu plan speed` foretells models on this machine after `siyu plan calibrate` with two others of the same weight type: prefill of
four lengths, decode behind three contexts. All times are the quickest of three.

    SIYU_BIN=build/release/bin/siyu bench/planner/speed.py [--type q8_0 --type q4_0] [--json]
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIYU = pathlib.Path(os.environ.get("SIYU_BIN", ROOT / "build/release/bin/siyu"))
WRITER = SIYU.with_name("model_writer")
CALIBRATED_BY = {
    "by-qwen2": ["--arch", "qwen2", "--preset", "small"],
    "by-llama": ["--arch", "llama", "--preset", "small", "--layers", 16, "--width", 1024, "--heads", 16, "--kv-heads", 4, "--feed-forward", 4096],
}
FORETOLD = {
    "qwen2-0.5b": ["--arch", "qwen2", "--preset", "0.5b"],
    "qwen3-0.3b": ["--arch", "qwen3", "--preset", "small", "--layers", 12, "--width", 1024, "--heads", 16, "--kv-heads", 8, "--head", 128, "--feed-forward", 3072],
    "llama-0.1b": ["--arch", "llama", "--preset", "small", "--layers", 12, "--width", 768, "--heads", 12, "--kv-heads", 4, "--feed-forward", 2048],
}


def siyu(*arguments):
    return json.loads(subprocess.run([SIYU, "plan", *map(str, arguments), "--json"], check=True, capture_output=True, text=True).stdout)


def compare(name, file, measured, rates):
    def foretold(prompt):
        return siyu("speed", "--model", file, "--prompt", int(prompt), "--output", 1, "--calibration", rates)

    for one in measured["prompts"]:
        yield {"model": name, "what": "prefill", "tokens": one["tokens"], "measured": one["tokens"] / one["seconds"], "predicted": foretold(one["tokens"])["prefill_tokens_per_s"]}
    for one in measured["outputs"]:
        yield {"model": name, "what": "decode", "tokens": one["context"], "measured": 1 / one["seconds"], "predicted": foretold(one["context"])["decode_tokens_per_s"]}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--type", action="append", help="weight types; q8_0 and q4_0 when absent")
    options.add_argument("--json", action="store_true")
    options = options.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="siyu-speed-") as folder:
        folder = pathlib.Path(folder)
        for kind in options.type or ["q8_0", "q4_0"]:
            files = {}
            for name, shape in {**CALIBRATED_BY, **FORETOLD}.items():
                files[name] = folder / f"{name}-{kind}.gguf"
                subprocess.run([WRITER, *map(str, shape), "--type", kind, "-o", files[name]], check=True)
            rates = folder / f"rates-{kind}.json"
            siyu("calibrate", *(part for name in CALIBRATED_BY for part in ("--model", files[name])), "--out", rates)
            for name in FORETOLD:
                measured = siyu("calibrate", "--model", files[name], "--out", folder / "own.json")["models"][0]
                (folder / "own.json").unlink()
                for row in compare(f"{name} {kind}", files[name], measured, rates):
                    row["error"] = row["predicted"] / row["measured"] - 1
                    rows.append(row)
                    if not options.json:
                        print(f"{row['model']:>16} {row['what']:>8} {row['tokens']:6.0f}  measured {row['measured']:7.1f}  predicted {row['predicted']:7.1f} tokens/s  {row['error']:+.0%}", flush=True)
            for file in files.values():
                file.unlink()
    errors = [abs(row["error"]) for row in rows]
    summary = {"rows": len(rows), "median_error": statistics.median(errors), "worst_error": max(errors)}
    print(json.dumps({**summary, "all": rows}) if options.json else f"{len(rows)} speeds: median error {summary['median_error']:.1%}, worst {summary['worst_error']:.1%}")


if __name__ == "__main__":
    main()
