# make up       install what is missing, build, start the server in the foreground with a sample knowledge base
# make test     install what is missing, build, run every test
# make build    install what is missing, build the release
# make check-X  quick build and unit tests of the room X
# make bench    build, and measure: the gateway beside llama-server, many connections
# make bench-serving   the engine beside llama-server, every scenario of bench/serving (an hour)
# make sanitize unit tests under the address and the thread sanitizer
SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c
.PHONY: up test build bench bench-serving sanitize clean packages

up: build
	exec build/release/bin/siyu up

build:
	scripts/build.sh

packages:
	scripts/install_packages.sh build

test:
	scripts/test.sh

check-%: packages
	mkdir -p build
	cmake --preset dev $${SIYU_DEPS_DIR:+-DSIYU_DEPS_DIR=$$SIYU_DEPS_DIR} >build/configure.log || { tail -20 build/configure.log; exit 1; }
	cmake --build --preset dev --target $*_test
	build/dev/bin/$*_test --gtest_brief=1

bench: build
	scripts/bench.sh

bench-serving: build
	scripts/bench_serving.sh

sanitize:
	scripts/sanitize.sh

clean:
	rm -rf build
