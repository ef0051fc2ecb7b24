#!/usr/bin/env bash
# Installs the Debian packages that building, running and testing need. Does nothing when all are present.
# Usage: scripts/install_packages.sh build|run|test
set -euo pipefail
run=(poppler-utils poppler-data tesseract-ocr tesseract-ocr-chi-sim tesseract-ocr-eng ca-certificates
  libpango-1.0-0 libpangocairo-1.0-0 libcairo2 librsvg2-2 libfontconfig1 fonts-noto-cjk)
build=(clang-19 lld-19 mold ccache cmake ninja-build pkg-config git openssl nodejs npm make xz-utils
  libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev libssl-dev libsqlite3-dev libicu-dev
  libpugixml-dev libzip-dev libarchive-dev libgumbo-dev libgmime-3.0-dev libseccomp-dev libcli11-dev libspdlog-dev libfmt-dev
  libyaml-cpp-dev prometheus-cpp-dev libgrpc++-dev libprotobuf-dev protobuf-compiler-grpc protobuf-compiler libgtest-dev libgmock-dev zlib1g-dev libpng-dev libjpeg62-turbo-dev libargon2-dev libcurl4-openssl-dev libhiredis-dev
  libpango1.0-dev libcairo2-dev librsvg2-dev libfontconfig-dev
  "${run[@]}")
test=("${build[@]}" libclang-rt-19-dev clang-format-19 clang-tidy-19 redis-server chromium python3 python3-venv
  libreoffice-writer-nogui)
case "${1:-build}" in
  run) wanted=("${run[@]}") ;;
  build) wanted=("${build[@]}") ;;
  test) wanted=("${test[@]}") ;;
  *) echo "usage: $0 build|run|test" >&2; exit 2 ;;
esac
missing=()
for package in "${wanted[@]}"; do
  # Node.js may also come from another source that brings npm with it.
  case "$package" in
    nodejs) command -v node >/dev/null && continue ;;
    npm) command -v npm >/dev/null && continue ;;
  esac
  dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "These Debian packages are missing; install them as root: ${missing[*]}" >&2; exit 1; }
  sudo=(sudo)
fi
echo "installing ${#missing[@]} Debian packages"
"${sudo[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
