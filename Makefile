# What a clone needs, from nothing to a running devnet. Each target does all its own set-up; a second run reuses the
# first one's. Stamp files in .venv remember what is done; cargo remembers what it compiled in target/.

SHELL := /bin/sh
VENV := .venv
PYTHON := $(VENV)/bin/python
# One interpreter for every cargo run: pyo3's build script re-runs, and all that follows recompiles, when it changes.
export PYO3_PYTHON := $(CURDIR)/$(PYTHON)
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

ENGINE_SOURCES := $(shell find engine -type f -not -path '*/target/*' 2>/dev/null) Cargo.toml Cargo.lock

.DEFAULT_GOAL := help
# The order of prerequisites matters, and cargo uses all cores anyway.
.NOTPARALLEL:
.PHONY: help demo test install bench lint format docs clean tools tools-node

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: tools-node install ## Start a devnet, deploy a contract, use it, verify a block, stop
	@$(PYTHON) scripts/demo.py

install: tools $(VENV)/.engine ## Build the engine and put `megaeth` into .venv/bin

test: tools-node install $(VENV)/.dev lint ## Lint, types, Rust tests, Python tests
	@echo "==> cargo test (the engine is optimised less: its tests take as long, its build less)"
	@cargo test --workspace --release --locked --quiet --lib \
		--config 'profile.release.package.megaeth-engine.opt-level=1'
	@echo "==> pytest"
	@$(PYTHON) -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: tools $(VENV)/.dev $(VENV)/.engine ## ruff, mypy --strict, clippy
	@echo "==> ruff"
	@ruff check .
	@ruff format --check --quiet . || { echo "make format puts that right"; exit 1; }
	@echo "==> mypy --strict"
	@mypy devnet megaeth_cli bench
	@echo "==> cargo clippy (the first time it also checks the dependencies)"
	@cargo clippy --release --locked --workspace --all-targets --features python,harness --quiet -- -D warnings

format: $(VENV)/.dev ## Format Python and Rust
	@ruff check --fix --quiet . || true
	@ruff format .
	@cargo fmt --all

docs: install $(VENV)/.dev ## Write the pages of docs/ that are made from the program
	@$(PYTHON) scripts/generate_docs.py

bench: tools-node install $(VENV)/.dev ## Measure against other tools, in one run
	@$(PYTHON) -m bench

clean: ## Remove what was built
	rm -rf $(VENV) target build dist *.egg-info devnet/*.so

tools:
	@scripts/check_tools.sh python cargo cc

tools-node:
	@scripts/check_tools.sh python cargo cc node

$(VENV)/.python:
	@echo "==> creating $(VENV)"
	@"$$(scripts/check_tools.sh --print-python)" -m venv $(VENV)
	@touch $@

$(VENV)/.maturin: pyproject.toml scripts/requirements.py | $(VENV)/.python
	@echo "==> installing Python packages"
	@$(PYTHON) scripts/requirements.py build > $@.txt
	@$(PYTHON) -m pip install --quiet -r $@.txt
	@touch $@

$(VENV)/.dev: pyproject.toml scripts/requirements.py | $(VENV)/.python
	@echo "==> installing development packages"
	@$(PYTHON) scripts/requirements.py dev > $@.txt
	@$(PYTHON) -m pip install --quiet -r $@.txt
	@touch $@

$(VENV)/.engine: $(ENGINE_SOURCES) pyproject.toml | $(VENV)/.maturin
	@echo "==> building the engine (minutes the first time, seconds after that)"
	@maturin develop --release --locked --features python,harness,pyo3/extension-module
	@touch $@

# A changed pyproject.toml may bring new packages.
$(VENV)/.engine: $(VENV)/.maturin
