# Needs make and Python 3.11 or newer with venv; everything else is brought by `make setup` into .venv.
# Without make: python3.11 scripts/setup.py, then .venv/bin/anbu demo, or .venv/bin/python scripts/check.py.

# The first Python here that is new enough; an old one is handed on so that set-up can say what is wrong with it.
ifeq ($(origin PYTHON),undefined)
PYTHON := $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; exit; }; done; echo python3)
endif
BIN := .venv/bin
ARGS ?=
# The tests that state what rules/ and alerts/ promise, by their own calls, by the commands and by the pages and the API.
COVERED_BY := tests/rules tests/alerts tests/dashboard_api tests/test_what_goes_wrong.py \
	$(addprefix tests/anbu/test_,backtest.py whatif.py why.py rules_command.py roster_command.py)

.DEFAULT_GOAL := help
.PHONY: help setup run test test-long mutants coverage lint format types wheel screenshot lock clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /  make \1 \t/p' Makefile

setup: ## prepare .venv: locked packages, this project, web assets
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "setup: needs Python 3.11 or newer with venv; there is no $(PYTHON) here" >&2; exit 2; }
	@$(PYTHON) scripts/setup.py

run: setup ## set up, then the demo: broker, 60 simulated homes, the page on http://127.0.0.1:8080 (ARGS="..." for its options)
	@exec $(BIN)/anbu demo $(ARGS)

test: setup ## set up, then every check: lint, types, import contracts, the built wheel, all tests
	@exec $(BIN)/python scripts/check.py

test-long: setup ## what does not fit into `make test`: long faults and loads
	@exec $(BIN)/python -m pytest -m long --timeout 3600 -v $(ARGS)

mutants: setup ## mutation score of rules/ or alerts/, hours for all (ARGS="rules", ARGS="alerts --sample 400 --seed 1")
	@exec $(BIN)/python scripts/mutants.py $(ARGS)

coverage: setup ## branch coverage of rules/ and alerts/: fails under 100 %; not part of `make test`, whose time it would double
	@$(BIN)/python -m coverage run -m pytest -q -m "not wheel and not long and not browser" $(COVERED_BY) $(ARGS)
	@exec $(BIN)/python -m coverage report --fail-under 100 --precision 2

lint: setup ## ruff: rules and format
	@exec $(BIN)/python scripts/check.py lint format

format: setup ## ruff: rewrite to the format, mend what can be mended
	@$(BIN)/ruff check --fix-only -q . && $(BIN)/ruff format .

types: setup ## mypy and the import contracts
	@exec $(BIN)/python scripts/check.py types contracts

wheel: setup ## build the wheel and the sdist into dist/
	@$(BIN)/python -m hatchling build -d dist

screenshot: setup ## take the README's picture from the demo
	@exec $(BIN)/python scripts/screenshot.py

lock: ## make the lock files anew, keeping versions that still fit (ARGS=--upgrade takes the newest)
	@$(PYTHON) scripts/lock.py $(ARGS)

clean: ## remove what set-up, builds and tools made
	rm -rf .venv dist build dashboard_api/static/vendor .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
