# Shelduck: make help lists the commands.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run test check bench soak clean

help: ## list these commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## create .venv with everything the product needs

setup-dev: $(VENV)/.installed-dev ## the same, with what tests and benchmarks need
	@sh tests/provide.sh $(BIN)

$(VENV)/.installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Shelduck needs Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0] + ". Name another with: make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Shelduck into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo "Installing what the tests need ..."
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

run: setup ## start the dashboard on a demo shop that lives (Ctrl-C stops everything)
	@exec $(BIN)/shelduck demo --serve

check: setup-dev ## linter, formatter, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check ## everything CI runs: make check and all tests
	$(BIN)/python -m pytest -n auto --dist loadfile

bench: setup-dev ## all benchmarks, shortened (python -m bench NAME runs one in full)
	@$(BIN)/python -m bench all --quick

soak: setup-dev ## the long proofs in full, their log in docs/proofs/
	@mkdir -p docs/proofs
	@sh tests/soak.sh $(BIN) docs/proofs/soak.log

clean: ## remove .venv and caches; a workspace is never touched
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache tests/screenshots
