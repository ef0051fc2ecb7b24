#!/usr/bin/env bash
# Fuzzes every parser of ours for a while: scripts/fuzz.sh [SECONDS EACH | --build-only] [NAME…]. Corpora grow in build/fuzz-corpus.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
seconds=${1:-10}
shift || true
cmake --preset fuzz -DSIYU_DEPS_DIR="${SIYU_DEPS_DIR:-$root/build/deps}" >build/configure-fuzz.log || { tail -20 build/configure-fuzz.log; exit 1; }
names=("$@")
[ ${#names[@]} -gt 0 ] || names=($(cd tests/fuzz && ls ./*_fuzz.cpp | sed 's/.*\/\(.*\)\.cpp/\1/'))
cmake --build --preset fuzz --target "${names[@]}"
[ "$seconds" = --build-only ] && exit
for name in "${names[@]}"; do
  mkdir -p "build/fuzz-corpus/$name"
  printf '%-16s' "$name"
  dictionary=()
  [ -f "tests/fuzz/$name.dict" ] && dictionary=(-dict="tests/fuzz/$name.dict")
  if ! build/fuzz/bin/"$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -artifact_prefix="build/fuzz-corpus/$name-" \
    "${dictionary[@]}" "build/fuzz-corpus/$name" >"build/fuzz-corpus/$name.log" 2>&1; then
    tail -60 "build/fuzz-corpus/$name.log"
    exit 1
  fi
  grep -E '^Done' "build/fuzz-corpus/$name.log"
done
