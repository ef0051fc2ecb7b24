#!/usr/bin/env bash
# Integration tests against the real processes of build/release (or SIYU_BIN).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export SIYU_BIN=${SIYU_BIN:-$root/build/release/bin/siyu}
cd "$root/tests/integration"
exec python3 -m unittest "$@"
