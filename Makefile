# make up      install what is missing, build, start the server in the foreground with a sample knowledge base
# make test    install what is missing, build, run every test
# make build   install what is missing, build the release
# make bench   build and run the benches
# make dev     the quick build for editing; make check-<room> builds and runs one room's unit tests
SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c
.PHONY: up test build bench dev sanitize fuzz clean packages sources console

DEPS := $(if $(SIYU_DEPS_DIR),$(SIYU_DEPS_DIR),$(CURDIR)/build/deps)

up: build
	exec build/release/bin/siyu up

build: packages sources console
	cmake --preset release -DSIYU_DEPS_DIR=$(DEPS) >build/configure.log || { tail -20 build/configure.log; exit 1; }
	cmake --build --preset release

packages:
	scripts/install_packages.sh build

sources: packages
	scripts/fetch_sources.sh

console: packages
	scripts/build_console.sh

test:
	scripts/test.sh

dev: packages sources
	cmake --preset dev -DSIYU_DEPS_DIR=$(DEPS) -DSIYU_EMBED_CONSOLE=OFF >/dev/null
	cmake --build --preset dev

check-%:
	cmake --preset dev -DSIYU_DEPS_DIR=$(DEPS) -DSIYU_EMBED_CONSOLE=OFF >/dev/null
	cmake --build --preset dev --target $*_test
	build/dev/bin/$*_test --gtest_brief=1

sanitize:
	scripts/sanitize.sh

fuzz:
	scripts/fuzz.sh $(if $(SECONDS_EACH),$(SECONDS_EACH),20)

bench: build
	scripts/bench.sh

clean:
	rm -rf build/release build/dev build/asan build/tsan build/fuzz web/dist
