#!/usr/bin/env python3
"""How well `siyu plan speed` foretells models on this machine after `siyu plan calibrate` with two others of the same weight type: prefill of
four lengths, decode behind three contexts. Every time is the middle of several rounds. With --passes 5 all of it is done
five times, in short turns: each time, of the models that calibrate as of those that are foretold, is the mean of all passes (--again). A machine
that is shared with others is slow for minutes, and then for all of them alike; the bench also says how far the passes' measurements of the same
were apart. With --card the models are as large as a card deserves.

    SIYU_BIN=build/release/bin/siyu bench/planner/speed.py [--card] [--type q8_0 --type q4_0] [--passes 5] [--json]
"""
import argparse
import itertools
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
# The shapes of published models of 1.5, 3, 7, 0.6 and 8 G parameters; weights of a few rows over and over, which costs no card a different time.
CARD_CALIBRATED_BY = {
    "by-qwen2-1.5b": ["--arch", "qwen2", "--preset", "small", "--layers", 28, "--width", 1536, "--heads", 12, "--kv-heads", 2, "--feed-forward", 8960, "--repeat"],
    "by-llama-3b": ["--arch", "llama", "--preset", "small", "--layers", 28, "--width", 3072, "--heads", 24, "--kv-heads", 8, "--feed-forward", 8192, "--repeat"],
}
CARD_FORETOLD = {
    "qwen2-7b": ["--arch", "qwen2", "--preset", "small", "--layers", 28, "--width", 3584, "--heads", 28, "--kv-heads", 4, "--feed-forward", 18944, "--repeat"],
    "qwen3-0.6b": ["--arch", "qwen3", "--preset", "small", "--layers", 28, "--width", 1024, "--heads", 16, "--kv-heads", 8, "--head", 128, "--feed-forward", 3072, "--repeat"],
    "llama-8b": ["--arch", "llama", "--preset", "small", "--layers", 32, "--width", 4096, "--heads", 32, "--kv-heads", 8, "--feed-forward", 14336, "--repeat"],
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


def calibrate(options, out, *files):
    """One more measurement of these models; the mean with those before is in `out`."""
    again = ["--again"] if out.exists() else []
    short = ["--seconds", 1] if options.passes > 1 else []
    return siyu("calibrate", *(part for file in files for part in ("--model", file)), "--out", out, "--threads", options.threads, *short, *again)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--type", action="append", help="weight types; q8_0 and q4_0 when absent")
    options.add_argument("--threads", type=int, default=0)
    options.add_argument("--passes", type=int, default=1)
    options.add_argument("--card", action="store_true")
    options.add_argument("--json", action="store_true")
    options = options.parse_args()
    calibrated_by, predicted_for = (CARD_CALIBRATED_BY, CARD_FORETOLD) if options.card else (CALIBRATED_BY, FORETOLD)
    rows = []
    with tempfile.TemporaryDirectory(prefix="siyu-speed-") as folder:
        folder = pathlib.Path(folder)
        for kind in options.type or ["q8_0", "q4_0"]:
            files = {}
            for name, shape in {**calibrated_by, **predicted_for}.items():
                files[name] = folder / f"{name}-{kind}.gguf"
                subprocess.run([WRITER, *map(str, shape), "--type", kind, "-o", files[name]], check=True)
            passes = []
            for _ in range(options.passes):
                rates = folder / f"rates-{kind}.json"
                calibrate(options, rates, *(files[name] for name in calibrated_by))
                passes.append([])
                for name in predicted_for:
                    measured = calibrate(options, folder / f"{name}-{kind}.json", files[name])["models"][0]
                    passes[-1] += compare(f"{name} {kind}", files[name], measured, rates)
            for same in zip(*passes, strict=True):
                sums = [0, *(i / one["measured"] for i, one in enumerate(same, 1))]  # a measurement is the mean of the seconds so far
                alone = [after - before for before, after in itertools.pairwise(sums)]
                row = {**same[-1], "after_each_pass": [one["predicted"] / one["measured"] - 1 for one in same], "apart": max(alone) / min(alone) - 1}
                row["error"] = row["after_each_pass"][-1]
                rows.append(row)
                if not options.json:
                    before = "".join(f", after {i} {'pass' if i == 1 else 'passes'} {error:+.0%}" for i, error in enumerate(row["after_each_pass"][:-1], 1))
                    print(f"{row['model']:>16} {row['what']:>8} {row['tokens']:6.0f}  measured {row['measured']:7.1f}  predicted {row['predicted']:7.1f} tokens/s  {row['error']:+.0%}{before}", flush=True)
            for file in files.values():
                file.unlink()
    errors = [abs(row["error"]) for row in rows]
    summary = {"rows": len(rows), "median_error": statistics.median(errors), "worst_error": max(errors)}
    print(json.dumps({**summary, "all": rows}) if options.json else f"{len(rows)} speeds: median error {summary['median_error']:.1%}, worst {summary['worst_error']:.1%}")
    if options.passes > 1 and not options.json:
        apart = [row["apart"] for row in rows]
        print(f"the same measured again: median {statistics.median(apart):.1%} apart, at most {max(apart):.1%}")


if __name__ == "__main__":
    main()
