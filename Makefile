# Every target does its own set-up: only Python >= 3.11 and make are needed beforehand,
# and Java 17 + Maven (or Docker) where the Neo4j suite shall run.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: setup demo test lint format clean

setup: .venv/.ready

.venv/.ready: pyproject.toml uv.lock Makefile
	@$(PYTHON) -c 'import sys; sys.exit("shopgraph needs Python >= 3.11, this is " + sys.version.split()[0] + "; try make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv sync --frozen --all-extras --quiet
	@touch $@

demo: setup
	@$(BIN)/shopgraph demo $(ARGS)

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "not slow and not browser" $(ARGS)

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache dist
