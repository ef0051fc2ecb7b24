#!/usr/bin/env bash
# The console in a real Chromium against the real server.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export SIYU_BIN=${SIYU_BIN:-$root/build/release/bin/siyu}
cd "$root/tests/e2e"
if [ ! -d node_modules ]; then npm ci --ignore-scripts --no-audit --no-fund --silent; fi
exec node --test run.mjs
