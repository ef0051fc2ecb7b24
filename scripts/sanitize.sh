#!/usr/bin/env bash
# Unit tests under the address and the thread sanitizer.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
export SIYU_DEPS_DIR=${SIYU_DEPS_DIR:-$root/build/deps}
for preset in asan tsan; do
  cmake --preset $preset -DSIYU_DEPS_DIR="$SIYU_DEPS_DIR" -DSIYU_EMBED_CONSOLE=OFF >/dev/null
  cmake --build --preset $preset
  ctest --test-dir build/$preset --output-on-failure -j2
done
