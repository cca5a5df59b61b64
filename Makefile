# make run   the ready-made study on the built-in data, in an environment of its own
# make test  linter, formatter, type checker, doctests and every test
# make quick the same without the slow tests: under a minute
# make notebooks  executes the notebooks of examples/ again, and saves what they show
# make clean removes the environment and what was made

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
FLAGS  := -q --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder
QUICK  := tests/data tests/network tests/training tests/test_*.py src/handgrad/network src/handgrad/data

.PHONY: run quick test notebooks clean

run: $(VENV)/.installed
	$(BIN)/handgrad run quickstart

quick: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy & types=$$!; \
	$(BIN)/python -m pytest $(FLAGS) -m "not slow" $(QUICK); tests=$$?; \
	wait $$types && exit $$tests

test: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest $(FLAGS)

notebooks: $(VENV)/.installed-test
	$(BIN)/python examples/execute.py

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "handgrad needs Python 3.11 or newer: make run PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-test: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) results .pytest_cache .mypy_cache .ruff_cache
