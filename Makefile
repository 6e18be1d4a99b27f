# Every command of the project. They need Python 3.11 or newer, git and make; the rest they bring along.
#   make run      set up what is missing and show the demonstration
#   make test     everything that has to hold, checks, tests and that they cover the core; what CI runs
#   make coverage the tests, and what of the core no test runs
#   make check    the checks alone: style, types, layers, sizes, words
#   make format   let ruff settle what it can
#   make bench    measure against the peers, in an environment of its own
#   make frameworks  test agents of other frameworks, in an environment of its own
#   make docs     build the documentation into build/site
#   make picture  draw the demonstration's terminal for the README
#   make lock     resolve the dependencies anew; UPGRADE=1 takes the newest versions
#   make clean    remove whatever the above made, but for data folders

BIN := .venv/bin
WORKERS ?= 2
# tests wait more than they work, for processes, timers and each other
TEST_WORKERS ?= $(shell echo $$((2 * $(WORKERS))))
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
PYTEST_ARGS ?=
CHECKS := types layers style layout sizes words
BESIDE = $(MAKE) --no-print-directory --keep-going --jobs=$(WORKERS) --output-sync

# also where an environment says otherwise: what a thousand processes import is compiled once
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test check $(CHECKS) pytest coverage format bench frameworks docs picture lock clean

run: .venv/.run
	@$(BIN)/ripieno demo

# The checks run beside the tests, which leave a processor idle now and then.
test: .venv/.test .venv/.provider .venv/.mcp_peers
	@$(BESIDE) $(CHECKS) & checks=$$!; $(MAKE) --no-print-directory coverage; tested=$$?; \
		wait $$checks || { echo "a check has failed: it stands above" >&2; exit 1; }; exit $$tested

check: .venv/.test
	@$(BESIDE) $(CHECKS)

# -- the environment --------------------------------------------------------------------------------
# Stamps: nothing is installed a second time until a lock changes. What was locked is installed as
# locked, with its hashes; the project itself is installed from here without fetching anything.
# What only tests need is compiled when it is first imported: most of it never is.

.venv/.run: requirements/run.lock pyproject.toml scripts/virtual_environment scripts/locked_packages
	@scripts/virtual_environment
	@echo "installing Ripieno into .venv" >&2
	@scripts/locked_packages requirements/run.lock --compile-bytecode
	@$(PIP) install --no-deps --no-build-isolation -e .
	@$(PIP) check >&2
	@touch $@

.venv/.test: requirements/test.lock requirements/system.txt .venv/.run
	@scripts/system_packages requirements/system.txt
	@echo "installing what checks and tests need into .venv" >&2
	@scripts/locked_packages requirements/test.lock
	@touch $@

.venv/.provider: tests/identity/provider/package-lock.json scripts/node_packages .venv/.test
	@$(BIN)/python scripts/node_packages tests/identity/provider
	@touch $@

.venv/.mcp_peers: tests/connectors/mcp_peers/package-lock.json scripts/node_packages .venv/.test
	@$(BIN)/python scripts/node_packages tests/connectors/mcp_peers
	@touch $@

# -- the checks -------------------------------------------------------------------------------------

style: .venv/.test
	$(BIN)/ruff check

layout: .venv/.test
	$(BIN)/ruff format --check

types: .venv/.test
	$(BIN)/pyright --warnings

layers: .venv/.test
	$(BIN)/lint-imports --no-logo

sizes: .venv/.test
	$(BIN)/python scripts/sizes.py src tests scripts benchmarks examples

words: .venv/.test
	$(BIN)/python scripts/clean_words.py

# -- the tests --------------------------------------------------------------------------------------
# Loaded once, run in processes forked from there, and measured as they run: the core alone, and only in
# the processes that run tests. `pytest` takes PYTEST_ARGS for some of them; `coverage` holds the core at
# 100 % of lines and branches.

pytest: .venv/.test .venv/.provider .venv/.mcp_peers
	@rm -rf build/coverage
	@mkdir -p build/coverage
	TMPDIR=$$(scripts/test_folder) $(BIN)/coverage run -m pytest --workers $(TEST_WORKERS) $(PYTEST_ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage json --quiet

coverage: pytest
	$(BIN)/python scripts/coverage_of_the_core.py build/coverage/report.json

# -- the rest ---------------------------------------------------------------------------------------

picture: .venv/.run
	@mkdir -p docs/assets
	@folder=$$(mktemp -d) && cd $$folder && PATH="$(CURDIR)/$(BIN):$$PATH" $(CURDIR)/$(BIN)/python $(CURDIR)/scripts/terminal_picture.py \
		$(CURDIR)/docs/assets/demo.svg "make run" $(CURDIR)/$(BIN)/ripieno demo; rm -rf "$$folder"

format: .venv/.test
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench:
	@$(MAKE) -C benchmarks bench

frameworks:
	@$(MAKE) -C frameworks test

docs: .venv/.test
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "build/site/index.html" >&2

COMPILE = $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --quiet $(if $(UPGRADE),--upgrade)

lock:
	@scripts/virtual_environment
	@[ -x $(BIN)/uv ] || $(PIP) install uv
	$(COMPILE) --extra agents --group build -o requirements/run.lock
	$(COMPILE) --extra agents --group build --group test --group check --group docs --group lock \
		-c requirements/run.lock -o requirements/test.lock

clean:
	rm -rf .venv build dist .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests scripts examples -name __pycache__ -prune -exec rm -rf {} +
	@$(MAKE) -C benchmarks clean
	@$(MAKE) -C frameworks clean
