#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test: unit, integration with real processes, browser, short fuzzing.
# Tests that need sample data find it through SIYU_TEST_DATA and SIYU_TEST_MODELS and say that they skip when unset.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
export SIYU_DEPS_DIR=${SIYU_DEPS_DIR:-$root/build/deps}
mkdir -p build
step() { printf '\n== %s (%ds)\n' "$1" "$SECONDS"; }

step "packages"; scripts/install_packages.sh test
step "native sources"; scripts/fetch_sources.sh --with-server
export SIYU_LLAMA_SERVER=${SIYU_LLAMA_SERVER:-$SIYU_DEPS_DIR/llama-build/bin/llama-server}
step "rules of the house"
python3 scripts/check_layers.py
python3 scripts/check_repo.py
step "console"; scripts/build_console.sh
(cd web && npm test --silent)
step "build"
cmake --preset release -DSIYU_DEPS_DIR="$SIYU_DEPS_DIR" >build/configure.log || { tail -20 build/configure.log; exit 1; }
cmake --build --preset release
step "unit tests"
# siyu-worker and siyu-parser beside the tests are the real ones.
ctest --test-dir build/release --output-on-failure --no-tests=error -j2
step "integration tests"; scripts/integration.sh
step "browser tests"; scripts/browser_test.sh
step "fuzzing"; scripts/fuzz.sh "${SIYU_FUZZ_SECONDS:-10}"
step "done"
