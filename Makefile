# Everything runs in .venv, made on first use with nothing but Python 3.11 and pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

# What `make bounds` runs: all that writes into arrays of accounts and lanes.
BOUNDS := tests/execution tests/envs
# What `make coverage` counts, the rooms of compiled steps, and runs: tests of theirs that are short without a compiler.
COMPILED := src/regimen/scan,src/regimen/features,src/regimen/execution,src/regimen/envs,src/regimen/ops
SHORT := tests/scan tests/execution tests/envs tests/ops tests/policies/test_agent.py \
	$(patsubst %,tests/features/test_%.py,windows rolling former feature_set live_bar stream indicators) \
	tests/features/test_standard_set.py::test_one_bar_at_a_time_gives_the_same_bits

# Tests start many interpreters, and without it each compiles again all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow room bounds coverage check bench docs format clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

# torch goes first and by its exact version, so that pip takes a local or CPU build where one is offered.
$(VENV)/.core: pyproject.toml constraints.txt
	@echo "Installing Regimen into $(VENV) (about two minutes, 1.8 GB)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) torch==2.13.0
	@$(PIP) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	@echo "Installing what the tests and checks need"
	@$(PIP) -e '.[dev]'
	@touch $@

demo: $(VENV)/.core ## train and judge a policy on the S&P 500, 1999-2018; writes an HTML report
	@$(BIN)/regimen demo

test: $(VENV)/.dev ## every test that is not slow (under ten minutes on two cores)
	@$(BIN)/python -m pytest -q -n 2 -m "not slow"

test-slow: $(VENV)/.dev ## the slow tests only
	@$(BIN)/python -m pytest -q -n 2 -m slow

room: $(VENV)/.dev ## tests, lint and types of one room: make room ROOM=agents
	@test -d tests/$(ROOM) || { echo "ROOM=NAME: one of $$(cd tests && ls -d */ | tr -d '/\n' | sed 's/__pycache__//')"; exit 2; }
	@$(BIN)/ruff check src/regimen/$(ROOM) tests/$(ROOM)
	@$(BIN)/mypy src/regimen/$(ROOM)
	@$(BIN)/python -m pytest -q -n 2 -m "not slow" tests/$(ROOM)

# numba's cache does not know of these two switches, so each has a cache of its own.
bounds: $(VENV)/.dev ## the tests of the account and of the lanes, with every array access checked
	@NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=$(CURDIR)/$(VENV)/bounds REGIMEN_CACHE=$(CURDIR)/$(VENV)/bounds/scan $(BIN)/python -m pytest -q -n 2 -m "not slow" $(BOUNDS)

coverage: $(VENV)/.dev ## lines of compiled rooms that the tests run: they run as Python here (ten minutes)
	@NUMBA_DISABLE_JIT=1 REGIMEN_CACHE=$(CURDIR)/$(VENV)/interpreted $(BIN)/python -m coverage run --source=$(COMPILED) -m pytest -q -m "not slow" $(SHORT) \
		-k "not minute and not million"
	@$(BIN)/python -m coverage report --skip-covered --skip-empty

check: $(VENV)/.dev ## format, lint, types, import contracts, docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory docs

format: $(VENV)/.dev ## format and mend what ruff can mend
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

docs: $(VENV)/.dev ## build the documentation into site/
	@$(BIN)/python scripts/api_pages.py
	$(BIN)/zensical build --clean --strict
	@$(BIN)/python scripts/formulas.py

bench: $(VENV)/.dev ## the benchmarks, side by side with public peers where they are installed
	@$(BIN)/regimen bench features
	@$(BIN)/regimen bench execution
	@$(BIN)/regimen bench bars
	@$(BIN)/regimen bench training
	@$(BIN)/regimen bench trees
	@$(BIN)/regimen bench models
	@$(BIN)/regimen bench models -- --loops
	@$(BIN)/regimen bench envs
	@$(BIN)/regimen bench agents
	@$(BIN)/regimen bench sac
	@$(BIN)/regimen bench exploration
	@$(BIN)/regimen bench analytic
	@$(BIN)/regimen bench cql
	@$(BIN)/regimen bench tracking
	@$(BIN)/regimen bench journal
	@$(BIN)/regimen bench safeguards
	@$(BIN)/regimen bench validation

clean: ## remove the virtual environment and everything built
	rm -rf $(VENV) site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
