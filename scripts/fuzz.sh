#!/usr/bin/env bash
# Builds the fuzzers with the sanitizers and runs each for SECONDS (default 20), from an empty corpus.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
seconds=${1:-20}
export SIYU_DEPS_DIR=${SIYU_DEPS_DIR:-$root/build/deps}
mkdir -p build
cmake --preset fuzz -DSIYU_DEPS_DIR="$SIYU_DEPS_DIR" >build/fuzz-configure.log || { tail -20 build/fuzz-configure.log; exit 1; }
cmake --build --preset fuzz --target fuzzers
passed=0
for fuzzer in build/fuzz/bin/*_fuzz; do
  corpus=$(mktemp -d)
  if ! "$fuzzer" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 -verbosity=0 -print_final_stats=1 "$corpus" >"$corpus.log" 2>&1; then
    tail -40 "$corpus.log"
    echo "$(basename "$fuzzer") found a failure; its input is in the log above"
    exit 1
  fi
  echo "$(basename "$fuzzer"): $(awk '/stat::number_of_executed_units/ {print $2}' "$corpus.log") inputs"
  rm -rf "$corpus" "$corpus.log"
  passed=$((passed + 1))
done
echo "$passed fuzzers ran clean"
