#!/usr/bin/env bash
# Integration tests against the real processes of build/release.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
export SIYU_BIN=${SIYU_BIN:-$root/build/release/bin/siyu}
scripts/test_env.sh
exec build/test-env/bin/python -m pytest -q tests/integration "$@"
