#!/usr/bin/env bash
# Unit tests under the address and the thread sanitizer.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
for preset in asan tsan; do
  cmake --preset $preset >/dev/null
  cmake --build --preset $preset
  ctest --test-dir build/$preset --output-on-failure -j2
done
