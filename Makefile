# Each target makes what it needs and does nothing when it is there already.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
DAYS ?= 28
QUARTER_DAYS ?= 90
ARGS ?= ls
INSTALLED := .venv/.installed
BENCH_INSTALLED := .venv-bench/.installed
MANIFEST := dbt_project/target/manifest.json
DBT_FILES := $(shell find dbt_project src/assay/dbt_package -name target -prune -o -name build -prune -o -name dbt_packages -prune -o -name logs -prune -o -type f -print)

.DEFAULT_GOAL := help
.PHONY: help setup demo dev test slow chaos feeds browser quarter soak wheel lint format check bench dbt lock clean

help: ## This list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(INSTALLED) $(MANIFEST) ## Virtual environment, pinned packages, parsed dbt project

$(INSTALLED): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Assay needs Python 3.11, 3.12 or 3.13; none was found. Name one: make PYTHON=/path/to/python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing the pinned packages into .venv (once, a minute or two)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(MANIFEST): $(INSTALLED) $(DBT_FILES)
	@$(BIN)/assay setup
	@touch $@

demo: setup ## Four weeks of real receipts, from files to gold (DAYS=364 for the year)
	@$(BIN)/assay demo --days $(DAYS)

dev: setup ## The Dagster UI on 127.0.0.1:3000
	@$(BIN)/assay dev

test: setup ## Unit, integration and convention tests, in under five minutes
	@$(BIN)/pytest -n auto --dist loadfile -m "not chaos and not slow and not soak and not feeds and not browser"

slow: setup ## Tests that only take long: many real runs, the year, every rule broken once; half an hour
	@$(BIN)/pytest -n auto --dist loadfile -m "slow and not chaos and not soak and not feeds"

chaos: setup ## Kill real runs and services, fill the disk, shuffle arrivals; a quarter of an hour
	@$(BIN)/pytest -n auto --dist loadfile -m chaos

feeds: setup ## Feeds of real servers, killed under live writes, and programs that read a lake; some minutes (installs them where root may)
	@$(BIN)/python -m tests.install_servers
	@ASSAY_FEEDS=1 $(BIN)/pytest -n auto --dist load -m feeds tests/feeds

browser: setup ## Click through the page in Chromium, and read it while runs publish; some minutes (installs Chromium with apt-get where root may)
	@$(BIN)/python -m tests.chromium
	@$(BIN)/pytest -m browser -rs tests/browser

quarter: setup ## Ninety simulated days with crashes, corrupt files, silence and full disks (QUARTER_DAYS=36 for fewer)
	@$(BIN)/python -W ignore -m tests.simulation.quarter --days $(QUARTER_DAYS)

soak: setup ## What is too long for CI: a day of a hundred files, fifty runs under eight readers, each kind of feed killed twenty times
	@$(BIN)/pytest -m soak
	@ASSAY_PUBLISHES=50 ASSAY_READERS=8 $(BIN)/pytest -m browser -s --timeout 1800 tests/browser/test_readers_while_runs_publish.py
	@ASSAY_KILLS=20 $(BIN)/pytest -m feeds -k 'killed or rests' --timeout 1800 tests/feeds

wheel: setup ## Build the wheel and the sdist, install each anew, and run a lake with it; some minutes
	@$(BIN)/python -m tests.wheel

lint: setup ## Style, types, SQL, and what contracts leave out
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint --disable-progress-bar dbt_project/models
	@$(BIN)/assay contract lint

format: setup ## Put the style right
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

check: setup ## Every check on the lake (CHECK="--select gold.* --junit FILE --summary FILE")
	@$(BIN)/assay check $(CHECK)

bench: setup $(BENCH_INSTALLED) ## What a load costs against bare DuckDB, dlt and plain dbt, as ratios of the same run
	@$(BIN)/python bench/run.py

$(BENCH_INSTALLED): bench/requirements.txt
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@echo "Installing dlt into .venv-bench (once, half a minute)"
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r bench/requirements.txt
	@touch $@

dbt: setup ## dbt with this project's folders: make dbt ARGS="ls"
	@ASSAY_HOME="$${ASSAY_HOME:-$(CURDIR)/data}" $(BIN)/dbt $(ARGS) --project-dir "$${ASSAY_DBT_PROJECT:-dbt_project}" --profiles-dir "$${ASSAY_DBT_PROJECT:-dbt_project}"

lock: $(INSTALLED) ## Resolve the dependencies again into requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-strip-extras --no-emit-index-url --no-header --extra demo --extra dev -o requirements.lock pyproject.toml

clean: ## Remove the virtual environment and the parsed project; the lake stays
	@rm -rf .venv .venv-bench .azurite .readers dbt_project/target dbt_project/build dbt_project/dbt_packages
