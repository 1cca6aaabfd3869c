# Everything a developer types. Plain `make` lists it.
#
#   make search Q="..." PYTHON=python3.12 PYTEST_ARGS="tests/ingest -x"

PYTHON ?= python3
PYTEST_ARGS ?=
# Judged sets and what they search, for bench-quality; seeds/ alone without. WORK is kept.
EVAL ?=
CORPUS ?=
WORK ?= .bench
# For bench: an index to measure with, and the sizes that are made of it; tables of others stay.
INDEX ?= index
PASSAGES ?= 20000,150000
ROUNDS ?= 5
# Python with benchmarks/requirements.txt, for both: others are left out without.
PEERS ?= $(WORK)/peers/bin/python

VENV := .venv
BIN := $(VENV)/bin
# Newer than what it was installed from: nothing to install.
INSTALLED := $(VENV)/.installed
# Touched when index/ has been built from seeds/, which need not have changed anything.
INDEXED := index/CURRENT

# The folders are in the list because deleting a file changes its folder's time and nothing else;
# the modules, because they decide what is stored: those of query/, the confidence.
SOURCES := $(shell find seeds -type d -o -name '*.md' -o -name '*.json' -o -name '*.jsonl') \
           $(wildcard $(foreach part,ingest embed index build query,qasearch/$(part)/*.py))

.DEFAULT_GOAL := help
# An interrupted build leaves a whole index, so make must not delete what it sees as half a file.
.PRECIOUS: $(INDEXED)
.PHONY: help setup index search check test docs bench bench-quality reliability clean

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile
	@echo '  For example: make search Q="how is peacekeeping funded"'

setup: $(INSTALLED)  ## Create .venv and install qasearch with all it needs

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo 'qasearch needs Python 3.11 or newer, and $(PYTHON) is not. Try: make PYTHON=python3.12' >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@echo 'Installing into $(VENV): a minute or two, torch is most of it.'
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

index: $(INDEXED)  ## Build index/ from seeds/, when it is missing or stale

# 1 says that files were refused, by name; the others are indexed.
$(INDEXED): $(INSTALLED) $(SOURCES)
	@$(BIN)/qasearch build seeds --index index || test $$? -eq 1
	@touch $@

# $(value Q) and the shell variable keep quotes and dollars of the question as they were typed.
search: export QUESTION = $(value Q)
search: $(INDEXED)  ## Ask a question: make search Q="..."
	@test -n "$$QUESTION" || { echo 'Ask something: make search Q="how is peacekeeping funded"' >&2; exit 2; }
	@$(BIN)/qasearch search --index index -- "$$QUESTION"

check: $(INSTALLED)  ## Lint, format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright

test: $(INSTALLED)  ## All tests
	$(BIN)/pytest -n auto --dist loadgroup $(PYTEST_ARGS)

# The variable silences an announcement of the theme's makers; what is wrong is still told.
docs: $(INSTALLED)  ## The documentation site, in site/: open site/index.html
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

bench-quality: $(INSTALLED)  ## Quality beside others', likewise: make bench-quality EVAL=judged CORPUS="folders"
	$(BIN)/python -m benchmarks.quality $(if $(EVAL),--eval $(EVAL)) $(if $(CORPUS),--corpus $(CORPUS)) \
	    $(if $(wildcard $(PEERS)),--peers $(PEERS)) --work $(WORK)

bench: $(INDEXED)  ## Speed, into docs/measurements.md: make bench INDEX=folder CORPUS="folders"
	$(BIN)/python -m benchmarks.cold $(INDEX) --work $(WORK) --rounds $(ROUNDS)
	$(BIN)/python -m benchmarks.warm $(INDEX) --work $(WORK) --rounds $(ROUNDS) --passages $(PASSAGES)
	$(BIN)/python -m benchmarks.build $(or $(CORPUS),seeds) --rounds $(ROUNDS)
	$(BIN)/python -m benchmarks.precision $(INDEX) --rounds $(ROUNDS)
	@if test -x $(PEERS); then \
	    $(BIN)/python -m benchmarks.peers $(INDEX) --work $(WORK) --rounds $(ROUNDS) --python $(PEERS); \
	else echo 'Other stores were left out: benchmarks/requirements.txt says how to install them.'; fi

reliability: $(INSTALLED)  ## The whole campaign of faults and power cuts: long; writes docs/reliability.md
	$(BIN)/python -m tests.reliability

clean:  ## Remove .venv, the built index and the tools' caches
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis dist site
	find index -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +
