#!/usr/bin/env bash
# Sourced by the scripts that test with official clients: official_clients FOLDER enters tests/FOLDER with its pinned clients from
# PyPI (in $venv) and npm installed. Ends the script, saying that it skips, without the registries.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export SIYU_BIN=${SIYU_BIN:-$root/build/release/bin/siyu}

official_clients() {
  venv=$root/build/$1-venv
  cd "$root/tests/$1"
  [ -d "$venv" ] || python3 -m venv "$venv"
  if ! "$venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt; then
    echo "SKIPPED: the clients of tests/$1 for Python cannot be installed; is PyPI reachable?"
    exit 0
  fi
  [ -d node_modules ] || npm ci --ignore-scripts --silent ||
    { echo "SKIPPED: the clients of tests/$1 for Node cannot be installed; is the npm registry reachable?"; exit 0; }
}
