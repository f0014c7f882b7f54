# The table of contents of the work. `make` alone prints it.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test check fuzz bench frontier docs schemas lock

BIN  := .venv/bin
CORE := .venv/.installed-core
DEV  := .venv/.installed-dev

# Any Python that is new enough and can build an environment; name another with `make PYTHON=...`.
PYTHON ?= python3
FIT     := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHONS := $(PYTHON) python3.13 python3.12 python3.11

# The project's files decide what is installed: hashes are always checked.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
PROJECT     := --no-deps --no-build-isolation --editable .

help:  ## print this table
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(DEV)  ## build .venv with everything that development needs

demo: $(CORE)  ## margin a synthetic market maker's book under four models
	@$(BIN)/seawall demo

test: check  ## check, then run every test
	$(BIN)/python -m pytest --numprocesses auto --dist loadgroup

check: $(DEV)  ## style, layers and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/pyright

# Inputs in all, and the seed that they follow from; GUIDED=1 has atheris choose them by coverage.
INPUTS ?= 100000
SEED ?= 1

fuzz: $(DEV)  ## feed every reader with damaged files (INPUTS=100000 SEED=1 GUIDED=)
	$(BIN)/python -m tests.fuzz --inputs $(INPUTS) --seed $(SEED) $(if $(GUIDED),--guided)

# Words for the measurement: --write renews the results in benchmarks/, --only arrays is one part.
ARGS ?=

bench: $(DEV)  ## measure speeds against named peers (ARGS="--only arrays", --quick, --write)
	$(BIN)/python -m benchmarks $(ARGS)

frontier: $(DEV)  ## renew docs/frontier.*: coverage, cost and procyclicality (ARGS="--quick --out FOLDER")
	@$(BIN)/python -m benchmarks.frontier $(ARGS)

docs: $(DEV)  ## check that everything is documented and that README's code runs
	$(BIN)/python -m pytest tests/test_documentation.py tests/test_readme.py

schemas: $(DEV)  ## renew docs/schema/*.json
	$(BIN)/python docs/schemas.py

# Addresses are left out so that the files hold on any machine and any mirror.
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --group build --universal \
	--python-version 3.11 --fork-strategy fewest --generate-hashes --upgrade \
	--no-config --no-emit-index-url --no-emit-find-links --no-header --no-annotate

lock: $(DEV)  ## renew requirements/*.txt from pyproject.toml
	$(LOCK) --output-file requirements/core.txt
	$(LOCK) --extra dev --constraint requirements/core.txt --output-file requirements/dev.txt

# ---- environment: one stamp a file, so a second run is instant and a change installs again

$(BIN)/python:
	@for python in $(PYTHONS); do \
		if $$python -c '$(FIT)' >/dev/null 2>&1; then \
			echo "building .venv with $$($$python --version)"; \
			exec $$python -m venv .venv; \
		fi; \
	done; \
	echo "error: no Python >= 3.11 with venv found (tried: $(PYTHONS)); install one (on Debian also python3-venv) or run make PYTHON=/path/to/python" >&2; \
	exit 1

$(CORE): requirements/core.txt pyproject.toml | $(BIN)/python
	$(PIP_INSTALL) --require-hashes --requirement requirements/core.txt
	$(PIP_INSTALL) $(PROJECT)
	@touch $@

$(DEV): requirements/dev.txt $(CORE)
	$(PIP_INSTALL) --require-hashes --requirement requirements/dev.txt
	@touch $@
