# Two commands for newcomers: `make demo` shows the main job on a small web of its own, `make test`
# runs the tests. Both make their own environment in .venv and need nothing but Python 3.11 or later.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo docs test lint types torch accept faults speed quality train wheel clean

help:  ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

demo: $(VENV)/.run  ## Crawl about 20 small sites from loopback and show what comes out
	$(BIN)/python examples/demo.py

test: $(VENV)/.test lint types  ## Lint, types and all tests that can run here
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/.test  ## Style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.test  ## Types, strictly
	$(BIN)/mypy

torch: $(VENV)/.torch  ## Add torch and sentence-transformers, so that their tests and training run

accept: $(VENV)/.test  ## Crawl 2,500 real domains from loopback (needs the shared data)
	$(BIN)/python quality/accept.py

faults: $(VENV)/.test  ## Kill that crawl ten times at random moments (needs the shared data)
	$(BIN)/python quality/faults.py

speed: $(VENV)/.test  ## Time that crawl beside a bare Scrapy spider (needs the shared data)
	$(BIN)/python bench/crawl_speed.py

quality: $(VENV)/.torch  ## Measure every classifier on the gate (needs the shared data)
	$(BIN)/python quality/gate.py --slow --write
	$(BIN)/python quality/explanations.py --write
	$(BIN)/python quality/forms.py --write
	$(BIN)/python quality/importances.py --write
	$(BIN)/python quality/build_model_card.py

train: $(VENV)/.torch  ## Train the default model (needs the shared data)
	$(BIN)/taxocrawl train --out build/model

docs: $(VENV)/.docs  ## Build the documentation into build/docs, offline
	$(BIN)/python quality/build_reference.py --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

wheel: $(VENV)/.test  ## Build the wheel
	$(BIN)/python -m build --wheel

clean:  ## Remove what the other targets made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "taxocrawl needs Python 3.11 or later: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade 'pip>=25.1'

$(VENV)/.run: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --quiet --editable .
	touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --quiet --editable . --group test --group lint --group build
	touch $@ $(VENV)/.run

$(VENV)/.docs: $(VENV)/.run
	$(PIP) install --quiet --group docs
	touch $@

# torch first and alone: asked for by another package, pip would take a build with CUDA (several GB).
$(VENV)/.torch: $(VENV)/.test
	$(PIP) install --quiet torch==2.13.0
	$(PIP) install --quiet --editable '.[transformers,train]' --group torch --group oracles
	touch $@
