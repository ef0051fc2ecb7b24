#!/usr/bin/env bash
# Builds the web console into web/dist, which the program embeds. Does nothing when nothing has changed.
set -euo pipefail
cd "$(dirname "$0")/../web"
stamp=$(find . -type f -not -path './node_modules/*' -not -path './dist/*' -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
[ "$(cat dist/.stamp 2>/dev/null)" = "$stamp" ] && exit 0
echo "building the console"
lock=$(sha256sum package-lock.json | cut -d' ' -f1)
if [ "$(cat node_modules/.lock 2>/dev/null)" != "$lock" ]; then
  npm ci --ignore-scripts --silent
  echo "$lock" >node_modules/.lock
fi
npm run --silent build >../build/console.log 2>&1 || { cat ../build/console.log; exit 1; }
echo "$stamp" >dist/.stamp
