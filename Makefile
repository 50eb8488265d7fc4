# Two commands do everything on a fresh machine: `make run` and `make test`.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
DATA ?= $(HOME)/.cortex-suite

.DEFAULT_GOAL := help
.PHONY: help run test soak lint bench doctor clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "  make %-8s %s\n", $$1, $$2}'

$(VENV)/.run: requirements.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed ($(PYTHON) was not found). Set PYTHON=/path/to/python3.11."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -r requirements.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.run requirements-dev.txt requirements-qwen3-vl.txt requirements-llamaindex.txt
	$(BIN)/pip install --quiet -r requirements-dev.txt
	@touch $@

# The browser that the tests drive is Debian's; without the right to install it, its tests skip and say so.
$(VENV)/.browser: $(VENV)/.test
	@if [ ! -x /usr/bin/chromium ] && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  echo "Installing Debian's chromium for the browser tests …"; \
	  { apt-get install -y -qq chromium || { apt-get update -qq && apt-get install -y -qq chromium; }; } >/dev/null 2>&1; fi
	@[ -x /usr/bin/chromium ] || echo "There is no /usr/bin/chromium: the browser tests will be skipped (apt-get install chromium)."
	@touch $@

run: $(VENV)/.run  ## Install and open the application on the sample documents
	$(BIN)/python Cortex_Suite.py --data-dir "$(DATA)" --samples

test: $(VENV)/.test $(VENV)/.browser lint  ## Install what the tests need, the browser too, check the code, run all tests
	$(BIN)/pytest -n 3 --dist loadgroup -q

soak: $(VENV)/.test $(VENV)/.browser  ## The tests that take minutes, and those that kill and damage at their full length
	CORTEX_TEST_SOAK=1 CORTEX_TEST_KILLS=25 CORTEX_TEST_MOVES=4 CORTEX_TEST_DAMAGES=1 CORTEX_TEST_EXAMPLES=15 $(BIN)/pytest -q \
	  tests/faults tests/browser/test_many_sessions.py tests/integration/test_evaluate.py tests/api/test_schemathesis.py

lint: $(VENV)/.test  ## Formatting, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.test  ## Measure speed and quality; writes docs/benchmarks/
	$(BIN)/pip install --quiet -r requirements-bench.txt
	for script in scripts/benchmark_*.py; do $(BIN)/python $$script || exit 1; done

doctor: $(VENV)/.run  ## Examine the library
	$(BIN)/cortex --data-dir "$(DATA)" doctor

clean:  ## Remove the environment and caches (never the library)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build *.egg-info
