#!/usr/bin/env bash
# Official clients of MCP and gRPC (PyPI and npm) against the program of build/release (or SIYU_BIN). Skips, saying so, without the registries.
set -euo pipefail
source "$(dirname "$0")/official_clients.sh"
official_clients clients
"$venv/bin/python" -m unittest "$@"
