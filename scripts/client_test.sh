#!/usr/bin/env bash
# Official clients of MCP and gRPC (PyPI and npm) against the program of build/release (or SIYU_BIN). Skips, saying so, without the registries.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export SIYU_BIN=${SIYU_BIN:-$root/build/release/bin/siyu}
venv=$root/build/client-venv
cd "$root/tests/clients"
[ -d "$venv" ] || python3 -m venv "$venv"
if ! "$venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt; then
  echo "SKIPPED: the clients for Python cannot be installed; is PyPI reachable?"
  exit 0
fi
[ -d node_modules ] || npm ci --ignore-scripts --silent || { echo "SKIPPED: the clients for Node cannot be installed; is the npm registry reachable?"; exit 0; }
"$venv/bin/python" -m unittest "$@"
