# The only door: what CI runs, a person can run, in the same words.
#
# Debian's own interpreter, always: an interpreter that happens to come first on PATH has not Debian's packages.
PYTHON := /usr/bin/python3
VENV ?= .venv
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
READY := $(VENV)/.ready
CODE := common master minion states
# What needs neither root nor the network; `make system` has the rest.
QUICK := $(wildcard tests/unit tests/contract tests/states)
# Targets whose folder this version has not.
NOT_HERE := $(if $(wildcard tests/bench),,bench)
# For example: make unit ARGS="-k trust -x"
ARGS ?=
# For example: make system FILES=tests/system/test_spine.py ARGS="-k away -x"
FILES ?= tests/system

.PHONY: help
help: ## say what there is (this)
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | grep -Ev '^($(NOT_HERE))\s' | sort | awk -F '\t' '{ printf "  %-14s %s\n", $$1, $$2 }'

# ---------------------------------------------------------------------------------------------------- development
.PHONY: dev
dev: $(READY) ## make the virtual environment in .venv, with every tool and the three commands

$(READY): setup.cfg pyproject.toml
	packaging/setup-debian.sh dev
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --editable '.[master,operator,dev]'
	touch $@

.PHONY: format
format: $(READY) ## let the formatter and the linter mend what they can
	$(VENV)/bin/ruff check --fix-only --quiet .
	$(VENV)/bin/ruff format .

# ---------------------------------------------------------------------------------------------------- the quick gate
.PHONY: check
check: lint types contracts unit ## lint, types, contracts and unit tests; what you run all day

.PHONY: lint
lint: $(READY) ## style, bans, sizes, dead code
	$(VENV)/bin/ruff format --check --quiet .
	$(VENV)/bin/ruff check --quiet .
	$(VENV)/bin/python tests/sizes.py $(CODE) tests
	$(VENV)/bin/vulture

.PHONY: types
types: $(READY) ## mypy, strict
	$(VENV)/bin/mypy

.PHONY: contracts
contracts: $(READY) ## what may import what
	$(VENV)/bin/lint-imports --config setup.cfg

.PHONY: unit
unit: $(READY) ## tests without root and without network, but for those that start processes or wait
	$(VENV)/bin/python -m pytest -q -n 2 -m "not processes" $(QUICK) $(ARGS)

.PHONY: coverage
coverage: $(READY) ## the unit tests once more, and which lines and branches they miss
	$(VENV)/bin/python -m pytest -q --cov --cov-report=term-missing $(QUICK) $(ARGS)

# ---------------------------------------------------------------------------------------------------- everything
.PHONY: test
test: lint types contracts unit processes test-bookworm docs sample system ## everything, with real hosts and the real apt; as root or with sudo

.PHONY: processes
processes: $(READY) ## the unit tests that start processes, or wait for real time
	$(VENV)/bin/python -m pytest -q -n 2 -m processes $(QUICK) $(ARGS)

.PHONY: test-bookworm
test-bookworm: ## the unit tests on Debian 12's own Python packages
	packaging/setup-debian.sh demo test guests
	$(PYTHON) -m pytest -q -p no:cacheprovider -n 2 $(QUICK) $(ARGS)

.PHONY: docs
docs: $(READY) ## run the shell blocks of README and docs/
	$(VENV)/bin/python -m pytest -q tests/docs $(ARGS)

.PHONY: system
system: ## tests in real namespaces with real packages; as root or with sudo
	packaging/setup-debian.sh dev demo test guests deb
	$(SUDO) env SCREENS=$(SCREENS) $(PYTHON) -m pytest -q -p no:cacheprovider $(if $(filter tests/system,$(FILES)),-n 2 --dist loadfile) $(FILES) $(ARGS)

.PHONY: demo
demo: ## three sites on this machine, from nothing to the reports; KEEP=1 leaves them running
	packaging/setup-debian.sh demo
	$(SUDO) env KEEP=$(KEEP) $(PYTHON) -m tests.lab.demo $(ARGS)

ifneq ($(wildcard tests/bench),)
.PHONY: bench
bench: $(READY) ## measure what the promises give as figures; as root or with sudo, a quarter of an hour
	packaging/setup-debian.sh demo
	$(SUDO) $(VENV)/bin/python -m tests.bench $(ARGS)
endif

.PHONY: deb
deb: ## the Debian packages and the wheel of this checkout, in dist/; the same bytes for the same commit
	packaging/setup-debian.sh deb
	packaging/build-deb.sh dist $(ARGS)

.PHONY: proof
proof: $(READY) ## the long runs: FAMILY=decoder SEED=1 CASES=1000; CASE=7 is one of them; without, the list
	$(VENV)/bin/python -m tests.proof $(if $(FAMILY),--family $(FAMILY)) $(if $(SEED),--seed $(SEED)) \
	    $(if $(CASES),--cases $(CASES)) $(if $(CASE),--case $(CASE)) $(ARGS)

.PHONY: sim
sim: $(READY) ## let simulated worlds live: SEED=1 CASES=20, HOSTS=2000 DAYS=21; STORY=1 prints the history of one
	$(VENV)/bin/python -m tests.sim $(if $(SEED),--seed $(SEED)) $(if $(CASES),--cases $(CASES)) \
	    $(if $(HOSTS),--hosts $(HOSTS)) $(if $(DAYS),--days $(DAYS)) $(if $(STORY),--story) $(ARGS)

.PHONY: sample
sample: $(READY) ## a few cases of every long run, with a new seed; a minute
	$(VENV)/bin/python -m tests.proof --sample $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: demo-stop
demo-stop: ## end what `make demo KEEP=1` left running
	$(SUDO) $(PYTHON) -m tests.lab stop

.PHONY: clean
clean: demo-stop ## remove what the targets above have made here
	$(SUDO) rm -rf --one-file-system build
	rm -rf $(VENV) dist *.egg-info .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	$(SUDO) find . -name __pycache__ -type d -prune -exec rm -rf {} +
