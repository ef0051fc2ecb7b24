#!/usr/bin/env bash
# The benches of docs/benchmarks.md that need no sample data, over a model of random weights, beside llama-server of the same bundle.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
deps=${SIYU_DEPS_DIR:-$root/build/deps}
export SIYU_BIN=${SIYU_BIN:-$root/build/release/bin/siyu}
"$root/scripts/fetch_sources.sh" --with-server
export SIYU_LLAMA_SERVER=${SIYU_LLAMA_SERVER:-$deps/llama-build/bin/llama-server}
mkdir -p "$root/build/bench"
model=$root/build/bench/tiny.gguf
"$root/build/release/bin/model_writer" --arch llama --context 512 -o "$model"
"$root/bench/gateway.py" --model "$model" --requests 1000 --tokens 1
"$root/bench/gateway.py" --model "$model" --requests 1000
"$root/bench/streams.py"
"$root/bench/streams.py" --tls
"$root/bench/replacement.py" --model "$model"
