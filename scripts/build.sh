#!/usr/bin/env bash
# Installs what is missing and builds the release: native sources, console, program.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
mkdir -p build
scripts/install_packages.sh build
scripts/fetch_sources.sh
scripts/build_console.sh
cmake --preset release -DSIYU_DEPS_DIR="${SIYU_DEPS_DIR:-$root/build/deps}" -DSIYU_MARCH="${SIYU_MARCH:-native}" >build/configure.log || { tail -20 build/configure.log; exit 1; }
cmake --build --preset release
