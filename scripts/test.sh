#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test: unit tests and integration tests with real processes.
# Tests that need sample data find it through SIYU_TEST_DATA and say that they skip when it is unset.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
mkdir -p build
step() { printf '\n== %s (%ds)\n' "$1" "$SECONDS"; }

step "packages"; scripts/install_packages.sh test
step "rules of the house"
python3 scripts/check_layers.py
python3 scripts/check_repo.py
step "build"; scripts/build.sh
# What the last step needs is compiled meanwhile, with what the tests leave of the processors.
setsid chrt --idle 0 scripts/fuzz.sh --build-only >build/fuzz-build.log 2>&1 &
fuzz_build=$!
trap 'kill -- -$fuzz_build 2>/dev/null || true' EXIT
step "unit tests"
ctest --test-dir build/release --output-on-failure --no-tests=error -j2
scripts/fetch_sources.sh --with-server  # llama-server: a real engine elsewhere for the tests
export SIYU_LLAMA_SERVER=${SIYU_LLAMA_SERVER:-${SIYU_DEPS_DIR:-$root/build/deps}/llama-build/bin/llama-server}
step "integration tests"; scripts/integration.sh
step "official SDKs"; scripts/sdk_test.sh
step "official MCP and gRPC clients"; scripts/client_test.sh
step "browser tests"; scripts/browser_test.sh
step "fuzz"
wait $fuzz_build || { tail -40 build/fuzz-build.log; exit 1; }
scripts/fuzz.sh 8
step "done"
