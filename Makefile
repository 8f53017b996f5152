# Each target is one or two lines; the work is done by the tools of .venv, which every target makes first.

FIND_PYTHON := for p in python3 python3.14 python3.13 python3.12 python3.11; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p && exit; done
PYTHON ?= $(shell $(FIND_PYTHON))
BIN := .venv/bin
COMPILE := $(BIN)/python -m piptools compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-options

.PHONY: demo test lint format bench torture install-user install-system lock clean help
.DEFAULT_GOAL := help

help: ## say what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: .venv/made ## a whole experiment, with a daemon that starts by itself, and what can be asked about it
	@ORC=$(BIN)/orc sh examples/demo.sh

test: .venv/made ## every test but the long ones
	$(BIN)/python -m pytest -m "not torture" -n 2 --dist worksteal $(ARGS)

lint: .venv/made ## floors, types, style, and the rules of the house
	$(BIN)/lint-imports --no-logo && $(BIN)/mypy && $(BIN)/ruff check && $(BIN)/ruff format --check
	$(BIN)/python -m pytest -q tests/unit/test_house.py

format: .venv/made ## let ruff rewrite what it can
	$(BIN)/ruff check --fix && $(BIN)/ruff format

torture: .venv/made ## kill processes at random and compare the tables (TORTURE_SECONDS=120)
	$(BIN)/python -m pytest -m torture -s $(ARGS)

bench: .venv-bench/made ## compare with peers in the same run: one table, and JSON in output/
	.venv-bench/bin/python -m benchmarks $(ARGS)

install-user: ## install for your own user, with the daemon as a service of yours
	@REQUIREMENTS=requirements/runtime.txt COPY=yes sh requirements/install.sh "$(PYTHON)" $(HOME)/.local/share/orchestrator
	sh systemd/install-user.sh $(HOME)/.local/share/orchestrator/bin

install-system: ## install for the machine in /opt/orchestrator, with the daemon as a service (as root)
	@umask 022; REQUIREMENTS=requirements/runtime.txt COPY=yes sh requirements/install.sh "$(PYTHON)" $(DESTDIR)/opt/orchestrator
	umask 022; DESTDIR=$(DESTDIR) sh systemd/install-system.sh $(DESTDIR)/opt/orchestrator/bin

lock: .venv/made ## pin every dependency anew
	$(BIN)/pip install --quiet pip-tools
	$(COMPILE) --upgrade --extra dev --extra examples --extra pipeline --output-file requirements/lock.txt pyproject.toml
	$(COMPILE) --constraint requirements/lock.txt --output-file requirements/runtime.txt pyproject.toml
	$(COMPILE) --upgrade --extra bench --constraint requirements/lock.txt --output-file requirements/bench.txt pyproject.toml

clean: ## remove what make and the tools have made
	rm -rf .venv .venv-bench output dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/made: requirements/lock.txt pyproject.toml
	@REQUIREMENTS="requirements/lock.txt" sh requirements/install.sh "$(PYTHON)" .venv

.venv-bench/made: requirements/lock.txt requirements/bench.txt pyproject.toml
	@REQUIREMENTS="requirements/lock.txt requirements/bench.txt" sh requirements/install.sh "$(PYTHON)" .venv-bench
