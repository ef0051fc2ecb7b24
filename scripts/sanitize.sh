#!/usr/bin/env bash
# Unit tests under the address and the thread sanitizer.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
mkdir -p build
scripts/install_packages.sh test
scripts/fetch_sources.sh --thread-sanitizer
for preset in asan tsan; do
  cmake --preset $preset -DSIYU_DEPS_DIR="${SIYU_DEPS_DIR:-$root/build/deps}" >build/configure-$preset.log || { tail -20 build/configure-$preset.log; exit 1; }
  cmake --build --preset $preset
  ctest --test-dir build/$preset --output-on-failure --no-tests=error -j2
done
