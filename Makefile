# Everything a newcomer needs: `make demo`, `make test`. Only Python 3.11+ and make are assumed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP = $(BIN)/python -m pip install -qq --disable-pip-version-check --root-user-action=ignore
SERVE ?= 1
LIVE ?= 0
PORT ?= 8501

.PHONY: demo test quick slow lint types contract migrations reference docs setup campaign lock bom audit clean

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tiebreak needs Python 3.11 or newer; set PYTHON=python3.11")'
	@echo "setup: installing into $(VENV), once; this takes minutes"
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) --upgrade pip
	@$(PIP) --no-deps --require-hashes --requirement requirements.lock
	@$(PIP) --constraint constraints.txt torch
	@$(PIP) --no-deps --editable .
	@touch $@

demo: setup
	@$(BIN)/python -m app.demo --serve $(SERVE) --live $(LIVE) --port $(PORT)

test: setup
	$(BIN)/python -m pytest -m "not slow" -n logical --dist worksteal

quick: setup
	$(BIN)/python -m pytest -m quick -n logical --dist worksteal

slow: setup
	$(BIN)/python -m pytest -m slow -n 2

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

contract: setup
	$(BIN)/lint-imports

migrations: setup
	rm -f build/migrations.db && mkdir -p build
	TIEBREAK_DATABASE_URL=sqlite:///build/migrations.db $(BIN)/alembic upgrade head
	TIEBREAK_DATABASE_URL=sqlite:///build/migrations.db $(BIN)/alembic check

reference: setup
	$(BIN)/python -m app.reference docs

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# What a hostile or unlucky world does to it, as tables; about twenty minutes.
KILLS ?= 150
campaign: setup
	PYTHONPATH=.:tests $(BIN)/python -m campaign --kills $(KILLS)

# The tested set, with hashes, for every platform and Python; torch is apart (constraints.txt).
lock: setup
	$(PIP) --editable ".[supply]" --constraint constraints.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate \
		--python-version 3.11 --extra train --extra postgres --extra auth --extra vertex --extra dev --extra docs \
		--custom-compile-command "make lock" pyproject.toml --output-file requirements.lock $(UPGRADE)

# What is installed, as a CycloneDX bill of materials.
bom: setup
	mkdir -p build
	$(BIN)/cyclonedx-py environment --validate --output-reproducible --pyproject pyproject.toml \
		--output-file build/bom.cdx.json $(BIN)/python

# Asks a public database of vulnerabilities about the lock: needs a network.
audit: setup
	$(PIP) --editable ".[supply]" --constraint constraints.txt
	$(BIN)/pip-audit --require-hashes --disable-pip --requirement requirements.lock

clean:
	rm -rf $(VENV) demo build .pytest_cache .mypy_cache .ruff_cache
