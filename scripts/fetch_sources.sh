#!/usr/bin/env bash
# Brings the pinned native sources (third_party/pins.txt) into the dependency folder and builds llama.cpp once.
# Usage: scripts/fetch_sources.sh [--with-server | --thread-sanitizer]
#   --with-server        also builds llama-server, the peer of the benches
#   --thread-sanitizer   also builds llama.cpp as the thread sanitizer needs it: uninstrumented, its barriers are not seen
# SIYU_DEPS_DIR (default: build/deps) lets several checkouts share one copy.
# SIYU_CUDA=auto|on|off: a second build for NVIDIA's cards; auto makes it where there is a CUDA compiler (CUDACXX, nvcc on the path, or
# /usr/local/cuda). CUDAARCHS names the architectures, "90" for one; those of the machine's cards when absent.
# SIYU_MARCH: processors the builds are for, as the compiler's -march names them; the machine's own when absent.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
deps=${SIYU_DEPS_DIR:-$root/build/deps}
extra=${1:-}
mkdir -p "$deps"
exec 9>"$deps/.lock"
flock 9

while read -r package file sha512; do
  case "$package" in ''|'#'*) continue ;; esac
  if [ ! -f "$deps/$file" ]; then
    echo "fetching $package"
    scratch=$(mktemp -d "$deps/.fetch.XXXXXX")
    (cd "$scratch" && npm pack --silent --ignore-scripts "$package" >/dev/null)
    mv "$scratch/$file" "$deps/$file.unverified"
    rmdir "$scratch"
    actual=$(openssl dgst -sha512 -binary "$deps/$file.unverified" | base64 -w0)
    if [ "$actual" != "$sha512" ]; then
      rm -f "$deps/$file.unverified"
      echo "$package does not match its pinned sha512; the registry served other bytes than third_party/pins.txt names" >&2
      exit 1
    fi
    mv "$deps/$file.unverified" "$deps/$file"
  fi
done <"$root/third_party/pins.txt"

llama_pin=$(awk '/^node-llama-cpp@/ {print $3}' "$root/third_party/pins.txt" | tr -dc 'A-Za-z0-9' | cut -c1-12)-yields
usearch_pin=$(awk '/^usearch@/ {print $3}' "$root/third_party/pins.txt" | tr -dc 'A-Za-z0-9' | cut -c1-12)

if [ "$(cat "$deps/usearch.pin" 2>/dev/null)" != "$usearch_pin" ]; then
  rm -rf "$deps/usearch"
  mkdir -p "$deps/usearch"
  tar xzf "$deps"/usearch-*.tgz -C "$deps/usearch" --strip-components=1 package/include package/numkong package/LICENSE
  echo "$usearch_pin" >"$deps/usearch.pin"
fi

if [ "$(cat "$deps/llama.pin" 2>/dev/null)" != "$llama_pin" ]; then
  rm -rf "$deps/llama" "$deps/llama-bundle"
  mkdir -p "$deps/llama-bundle"
  tar xzf "$deps"/node-llama-cpp-*.tgz -C "$deps/llama-bundle" --strip-components=2 package/llama/gitRelease.bundle
  git -c advice.detachedHead=false clone --quiet "$deps/llama-bundle/gitRelease.bundle" "$deps/llama"
  rm -rf "$deps/llama-bundle"
  # Threads that wait for each other spin; where two of them share a processor with anything else, each wait would last until the scheduler
  # takes the turn away (docs/decisions/waiting-threads.md).
  waits=$deps/llama/ggml/src/ggml-cpu/ggml-cpu.c
  sed -i 's/^        ggml_thread_cpu_relax();$/& { static _Thread_local unsigned waited; if (++waited % 256 == 0) sched_yield(); }/' "$waits"
  [ "$(grep -c 'ggml_thread_cpu_relax(); .*sched_yield' "$waits")" = 2 ] || { echo "llama.cpp's waiting loops are not where they were; adapt scripts/fetch_sources.sh to $waits" >&2; exit 1; }
  echo "$llama_pin" >"$deps/llama.pin"
fi

targets=(llama llama-common mtmd)
launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
march=()
[ "${SIYU_MARCH:-native}" != native ] && march=(-DGGML_NATIVE=OFF "-DCMAKE_C_FLAGS=-march=$SIYU_MARCH" "-DCMAKE_CXX_FLAGS=-march=$SIYU_MARCH")

# build_llama FOLDER [OPTION...]: configures once, then builds $targets.
build_llama() {
  local folder=$1
  shift
  if [ ! -f "$folder/build.ninja" ]; then
    cmake -S "$deps/llama" -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release \
      -DCMAKE_C_COMPILER=clang-19 -DCMAKE_CXX_COMPILER=clang++-19 "${launcher[@]}" "${march[@]}" \
      -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DBUILD_SHARED_LIBS=OFF -DGGML_OPENMP=OFF -DGGML_CCACHE=OFF \
      -DLLAMA_OPENSSL=OFF -DLLAMA_SUBPROCESS=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_BUILD_TESTS=OFF \
      -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF "$@" >"$folder-configure.log" 2>&1 ||
      { tail -20 "$folder-configure.log" >&2; exit 1; }
  fi
  cmake --build "$folder" --target "${targets[@]}" >"$folder-compile.log" 2>&1 ||
    { tail -30 "$folder-compile.log" >&2; exit 1; }
}

nvcc=${CUDACXX:-$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null || true)}
if [ "${SIYU_CUDA:-auto}" = on ] && [ -z "$nvcc" ]; then
  echo "SIYU_CUDA=on, but there is no nvcc; install NVIDIA's CUDA toolkit or name its compiler in CUDACXX" >&2
  exit 1
fi
if [ "${SIYU_CUDA:-auto}" != off ] && [ -n "$nvcc" ]; then
  echo "building llama.cpp for NVIDIA's cards (up to an hour the first time)"
  build_llama "$deps/llama-build-cuda" -DGGML_CUDA=ON -DGGML_CUDA_NCCL=OFF "-DCMAKE_CUDA_COMPILER=$nvcc" -DCMAKE_CUDA_HOST_COMPILER=g++
fi
[ "$extra" = --with-server ] && targets+=(llama-server llama-bench)
echo "building llama.cpp (minutes the first time)"
build_llama "$deps/llama-build"
if [ "$extra" = --thread-sanitizer ]; then
  build_llama "$deps/llama-build-tsan" -DLLAMA_SANITIZE_THREAD=ON -DGGML_SANITIZE_THREAD=ON
fi
echo "native sources are ready in $deps"
