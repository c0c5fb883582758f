# `make search` and `make test` work from nothing: each first sets up its own environment in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq --constraint constraints.txt
# Small matrices are many times slower on two threads of a busy machine than on one.
export OMP_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup search test fast lint docs clean

help:
	@echo "make search   search, train and export a small code model, with a report (about 5 minutes)"
	@echo "make test     all tests;  make fast: the quick ones;  make lint: style, types, import floors"
	@echo "make docs     the documentation as a site, in site/index.html"
	@echo "make setup    only install, into .venv (about 2 GB);  make clean: remove it"

setup: $(READY)
	@echo "ready: $(BIN)/sugata --help"

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sugata needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	@echo "1/3 making the environment $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@echo "2/3 installing torch (the largest part, a minute or so)"
	@$(PIP) "torch==2.13.0"
	@echo "3/3 installing sugata and the tools of its tests"
	@$(PIP) --editable ".[dev]"
	@touch $(READY)

search: $(READY)
	@$(BIN)/sugata search tiny

test: $(READY)
	@$(BIN)/python -m pytest -n 2 --dist worksteal

fast: $(READY)
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m fast

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy

docs: $(READY)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "ready: site/index.html; with its search: $(BIN)/python -m http.server --directory site"

clean:
	rm -rf $(VENV) build dist site
