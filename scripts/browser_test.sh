#!/usr/bin/env bash
# Browser tests of the console: real Chromium, the real program of build/release (or SIYU_BIN).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export SIYU_BIN=${SIYU_BIN:-$root/build/release/bin/siyu}
(cd "$root/web" && npm run --silent test)
exec node --test --test-reporter=spec "$root"/tests/e2e/*.test.mjs
