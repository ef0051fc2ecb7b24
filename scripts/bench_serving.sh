#!/usr/bin/env bash
# Every scenario of bench/serving beside llama-server of the same bundle, over models of random weights with the shape of
# Qwen2.5-0.5B. Takes about an hour on two cores; SCENARIOS="single quote" chooses, ROUNDS (default 2) repeats. The trace
# and azure scenarios run where SIYU_TEST_DATA holds their traces.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
deps=${SIYU_DEPS_DIR:-$root/build/deps}
export SIYU_BIN=${SIYU_BIN:-$root/build/release/bin/siyu}
"$root/scripts/fetch_sources.sh" --with-server
peer=${SIYU_LLAMA_SERVER:-$deps/llama-build/bin/llama-server}
models=$root/build/bench
mkdir -p "$models"

model() {  # NAME, then the writer's options: written once
  [ -f "$models/$1.gguf" ] || { "$root/build/release/bin/model_writer" "${@:2}" --seed 1 -o "$models/$1.part" && mv "$models/$1.part" "$models/$1.gguf"; }
}
qwen=(--arch qwen2 --preset 0.5b --type)
model q4_0 "${qwen[@]}" q4_0
model q8_0 "${qwen[@]}" q8_0
model chain "${qwen[@]}" q4_0 --chain

measure() {  # SCENARIO MODEL
  printf '\n== %s, %s\n' "$1" "$2"
  "$root/bench/serving/run" --peer "$peer" --model "$models/$2.gguf" --scenario "$1" --rounds "${ROUNDS:-2}"
}
for scenario in ${SCENARIOS:-single shared-prompt retrieval quote fairness trace azure}; do
  case $scenario in
    single) measure single q4_0; measure single q8_0 ;;
    quote) measure quote chain ;;
    trace | azure) if [ -n "${SIYU_TEST_DATA:-}" ]; then measure "$scenario" q4_0; else echo "$scenario is skipped: SIYU_TEST_DATA is unset"; fi ;;
    *) measure "$scenario" q4_0 ;;
  esac
done
