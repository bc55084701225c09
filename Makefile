# Two commands: `make run` starts Oakum, `make test` tests it.  `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PY := .venv/bin/python
HOSTS ?= 10
# Tests are shared out in long runs of neighbours, which share what is costly to make (a server, a feed once read).
SHARED := -n auto --dist worksteal
# The tests that meet a database; the others say the same on either.
DATABASE_TESTS := $(addprefix tests/,api catalogue cli findings fleet gateway identity intel journal policy reporting \
  rollout scan web)

.PHONY: help setup run test test-postgres check format lock deps-lab lab lab-down test-lab test-lab-actor bench wheel-test clean

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Set up .venv; leaves the command at .venv/bin/oakum.
	@./scripts/setup.sh

run: setup ## Set up and start Oakum on this machine (Ctrl-C ends it).
	@exec .venv/bin/oakum up

test: setup ## Set up and run the tests: SQLite, then PostgreSQL where it is installed.  No root, no server needed.
	@$(PY) -m pytest $(SHARED) -q tests
	@./scripts/with-postgres.sh $(PY) -m pytest $(SHARED) -q $(DATABASE_TESTS)

test-postgres: setup ## The tests on PostgreSQL alone (a throw-away cluster).
	@REQUIRE_POSTGRES=1 ./scripts/with-postgres.sh $(PY) -m pytest $(SHARED) -q $(DATABASE_TESTS)

check: setup ## Lint, format, types, floors, sizes, words.
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports --no-cache
	@$(PY) -m pytest -q tests/house

format: setup ## Format the code.
	@$(PY) -m ruff check --fix -q . ; $(PY) -m ruff format .

lock: setup ## Renew requirements.lock.
	@$(PY) -m pip install -q uv
	@.venv/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --upgrade --group dev \
	  --no-annotate --custom-compile-command 'make lock' pyproject.toml -o requirements.lock

deps-lab: ## Install what some tests and the lab need (root, apt).
	@./scripts/deps-lab.sh

lab: setup ## Bring up HOSTS=10 real Debian hosts, enrolled to a server in the lab (root); Ctrl-C takes them down.
	@$(PY) -m lab up --hosts $(HOSTS)

lab-down: setup ## Take down what a crashed lab left.
	@$(PY) -m lab down

test-lab: setup ## The stories a to f on real hosts (root; skips otherwise).
	@OAKUM_LAB=1 $(PY) -m pytest -q -p no:cacheprovider --durations=10 tests/stories
	@OAKUM_LAB=1 $(PY) -m pytest -q -p no:cacheprovider tests/lab_infra

test-lab-actor: setup ## The agent's actor on real hosts, fault by fault (root, about ten minutes; CI does not run it).
	@OAKUM_LAB=1 $(PY) -m pytest -q -p no:cacheprovider tests/agent_actor/test_lab.py

wheel-test: setup ## Build the wheel and start it in an empty environment.
	@./scripts/wheel-test.sh

bench: setup ## Measure; JSON lines go to bench/results.jsonl.
	@$(PY) -m bench

clean: ## Remove what set-up and tests made in this checkout.
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis bench/results.jsonl
