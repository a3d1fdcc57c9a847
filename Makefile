# The two that matter: `make demo` and `make test`. Both set up everything that they need.
SHELL := /bin/bash
JOBS ?= 2
PROGRAM := build/release/src/app/stoker

.PHONY: help demo test nightly bench build dev setup lint lint-all format wheel clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s $$'\t'

setup:  ## install what this machine lacks (tools/bootstrap)
	@tools/bootstrap

build: setup  ## the program, optimised: build/release/src/app/stoker
	@cmake --preset release -DSTOKER_TESTS=OFF >build-release.log 2>&1 || { cat build-release.log; exit 1; }; rm -f build-release.log
	@cmake --build build/release -j$(JOBS) --target stoker

dev: setup  ## program and tests with ASan and UBSan: build/dev
	@cmake --preset dev >build-dev.log 2>&1 || { cat build-dev.log; exit 1; }; rm -f build-dev.log
	@cmake --build build/dev -j$(JOBS)

demo: build  ## run the breast-cancer pipeline and show its tree, metrics and artifacts
	@tools/demo

test: setup  ## every test
	@.venv/bin/python tests/run --jobs $(JOBS)

nightly: setup  ## long tests: hundreds of random command lines against the real spark-submit, and fuzzing
	@.venv/bin/python tests/run --jobs $(JOBS) differential fuzz

bench: build  ## measure us and the rivals, print both
	@bench/run

lint: setup  ## formatting, ruff, mypy, clang-tidy on changed files
	@tools/lint

lint-all: setup  ## the same with clang-tidy on all files
	@tools/lint --all

format: setup  ## format the sources in place
	@tools/lint --fix

wheel: setup  ## one self-contained wheel in dist/
	@tools/wheel

clean:  ## remove what the build made
	rm -rf build dist
