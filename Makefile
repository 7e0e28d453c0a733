# Everything a developer needs, with nothing but Python 3.11+ and make.
PYTHON ?= python3
UV     := .venv/bin/uv
RUN    := .venv/bin/
STAMP  := .venv/.stamp
UV_SYNC = UV_PROJECT_ENVIRONMENT=.venv $(UV) sync --frozen --inexact --quiet

.PHONY: help setup run test check format lint types imports tests fast truth generated sizes clean

help:
	@echo "make run      start the server on embedded PostgreSQL (data in .extenddb/)"
	@echo "make test     set up and run every check and test"
	@echo "make setup    only prepare .venv"
	@echo "make fast     the tests that need no network install and no kill"
	@echo "make truth    change a table a thousand times while eight connections use it, with eight workers and two servers"
	@echo "make format   let ruff format and fix"

setup: $(STAMP)

$(STAMP): uv.lock pyproject.toml $(wildcard packages/*/pyproject.toml)
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@test -x $(UV) || .venv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
	@$(UV_SYNC)
	@touch $@

run: setup
	@exec $(RUN)extenddb-server --data-dir .extenddb

test: check

check: lint types imports generated sizes tests

format: setup
	$(RUN)ruff format . && $(RUN)ruff check --fix .

lint: setup
	$(RUN)ruff format --check . && $(RUN)ruff check .

types: setup
	tools/typecheck

imports: setup
	$(RUN)lint-imports

generated: setup
	tools/check-generated

sizes: setup
	$(RUN)python tools/check_sizes.py

tests: setup
	$(RUN)python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

fast: setup
	$(RUN)python -m pytest -q -m "not slow and not node and not kill"

ROUNDS ?= 1000
truth: setup
	$(RUN)python tests/acceptance/truth_run.py --rounds $(ROUNDS) --workers 8

clean:
	rm -rf .venv .extenddb .mypy_cache .ruff_cache .pytest_cache dist node_modules
