# `make search` and `make test` work from nothing: each first sets up its own environment in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export OMP_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM ?= true

.DEFAULT_GOAL := help
.PHONY: help setup search test fast lint types clean

help:
	@echo "make search   search, train and export a small code model, with a report (about 5 minutes)"
	@echo "make test     all tests;  make fast: the quick ones;  make lint: style, types, import floors"
	@echo "make setup    only install, into .venv"

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt "torch==2.13.0"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $(READY)

search: $(READY)
	$(BIN)/sugata search tiny

test: $(READY)
	$(BIN)/python -m pytest

fast: $(READY)
	$(BIN)/python -m pytest -m "not slow"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build dist
