#!/usr/bin/env bash
# Builds the web console into web/dist when its sources changed since the last build.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root/web"
[ -f package.json ] || exit 0
stamp=$(find src public index.html package-lock.json vite.config.ts tsconfig.json -type f 2>/dev/null | LC_ALL=C sort | xargs sha256sum | sha256sum)
if [ -f dist/.stamp ] && [ "$(cat dist/.stamp)" = "$stamp" ]; then exit 0; fi
if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo "installing the console's packages"
  npm ci --ignore-scripts --no-audit --no-fund --silent
fi
echo "building the console"
npm run --silent build
echo "$stamp" >dist/.stamp
