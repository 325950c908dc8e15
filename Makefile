# Everything here needs Python 3.11 or newer with venv, and make. Nothing else.
PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
# DATA_DIR is passed on as given. It has no default here: the environment would hide the one in .env.

PY := $(VENV)/bin/python
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
# What the portal runs on, and the same with the tools of its tests: an environment that has these keeps them.
READY := $(VENV)/.ready
TOOLS := $(VENV)/.ready-tools
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
# A suite starts the portal dozens of times, and may not compile it each time anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
# At once on all cores, what takes longest first; what each says stays together.
CHECKS := check-types check-schema check-words check-models check-settings check-templates check-imports check-form
.PHONY: help demo run test test-clickhouse isolation long coverage sabotage check install bench pictures mails messages lock $(CHECKS)

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(READY) ## two demo tenants from nothing, served on http://127.0.0.1:$(PORT)
	@$(PY) manage.py demo --port $(PORT)

run: $(READY) ## an empty portal; asks for its first owner and administrator
	@$(PY) manage.py serve --bind 127.0.0.1:$(PORT) --first-owner

test: $(TOOLS) ## the whole suite on all cores; PYTEST="..." passes options on
	@env -u DATA_DIR $(PY) -m pytest -n $(CORES) $(PYTEST)

# ClickHouse in the process against the independent counts, and against DuckDB. In an environment of its own, because chdb
# brings half a gigabyte. Some ten minutes on two cores.
CLICKHOUSE := $(VENV)-clickhouse
test-clickhouse: $(CLICKHOUSE)/.ready ## the questions' tests with ClickHouse in the place of DuckDB; PYTEST="..." as above
	@env -u DATA_DIR COLUMNS_ENGINE=chdb:// $(CLICKHOUSE)/bin/python -m pytest -n $(CORES) -m "" \
		tests/reports/columns/test_clickhouse.py tests/reports/queries/test_ask.py tests/reports/queries/test_returns.py \
		tests/journeys/test_random_questions.py $(PYTEST)

long: $(TOOLS) ## what is too long for the suite: a year of scheduled mails in eight zones; PYTEST="..." as above
	@env -u DATA_DIR $(PY) -m pytest -n $(CORES) -m long $(PYTEST)

isolation: $(TOOLS) ## all proofs that tenants never see each other, at length; PYTEST="..." as above
	@env -u DATA_DIR $(PY) -m pytest -n $(CORES) -m "" tests/isolation $(PYTEST)

coverage: $(TOOLS) ## which lines and branches of the product no test reaches, as a table
	@env -u DATA_DIR $(PY) -m pytest -q -n $(CORES) --cov --cov-report=term:skip-covered $(PYTEST)

sabotage: $(TOOLS) ## break the product a line at a time, in copies, and see the tests notice; ONLY="..." chooses
	@env -u DATA_DIR $(PY) -m tests.sabotage $(ONLY)

check: $(TOOLS) ## lint, format, types, import contracts, migrations, translations
	@$(MAKE) --no-print-directory --jobs=$(CORES) $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) $(CHECKS)

check-types:
	@$(PY) -m mypy

check-schema:
	@$(PY) manage.py spectacular --validate --fail-on-warn --file /dev/null

check-words:
	@env -u DATA_DIR $(PY) -m pytest -q -p no:randomly tests/walls/test_translations.py

check-models:
	@$(PY) manage.py makemigrations --check --dry-run

check-settings:
	@$(PY) manage.py check --fail-level WARNING

check-templates:
	@$(VENV)/bin/djlint --lint --quiet templates

check-imports:
	@$(VENV)/bin/lint-imports

check-form:
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

install: $(TOOLS) ## the virtual environment, with the tools of tests and development

bench: $(TOOLS) ## the benchmarks, each against its rival in the same run
	@$(MAKE) --no-print-directory -C bench

pictures: $(TOOLS) ## the README's pictures, taken of a demo in a headless Chromium
	@env -u DATA_DIR $(PY) -m tests.browser.pictures

mails: $(TOOLS) ## pictures of the mails in data/mail-pictures, to be looked at: languages, widths, light and dark
	@DJANGO_SETTINGS_MODULE=portal.settings DATA_DIR=$$(mktemp -d) $(PY) -c \
		'import django; django.setup(); from tests.browser.mail_pictures import take; take()'

messages: $(TOOLS) ## bring the catalogue of translations up to date, and compile it
	@DJANGO_SETTINGS_MODULE=portal.settings $(PY) -m tests.walls.sentences

COMPILE = $(UV) pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --quiet
lock: $(TOOLS) ## resolve the dependencies anew: the portal's, then those of its tests on top
	@$(COMPILE) --output-file requirements.lock
	@$(COMPILE) --group test --group lint --constraints requirements.lock --output-file requirements-dev.lock
	@$(COMPILE) --group test --group clickhouse --constraints requirements-dev.lock --output-file requirements-clickhouse.lock

# uv where there is one, else one of our own from the package index; plain pip would do the same, slower.
INSTALL = VIRTUAL_ENV=$(abspath $(VENV)) $(UV) pip sync --quiet --require-hashes
.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit("Ringbook needs Python 3.11 or newer.") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --target .uv uv 2>/dev/null || $(MAKE) --no-print-directory .uv-of-its-own

# Where Python has no pip, a virtual environment brings one.
.PHONY: .uv-of-its-own
.uv-of-its-own:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv is missing: on Debian, apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv .uv
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check uv

$(PY): | $(UV)
	@$(UV) venv --quiet --python $(PYTHON) $(VENV)

$(READY): requirements.lock | $(UV) $(PY)
	@$(INSTALL) $(if $(wildcard $(TOOLS)),requirements-dev.lock,requirements.lock)
	@touch $@ $(wildcard $(TOOLS))

$(CLICKHOUSE)/.ready: requirements-clickhouse.lock | $(UV) $(PY)
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(CLICKHOUSE)
	@VIRTUAL_ENV=$(abspath $(CLICKHOUSE)) $(UV) pip sync --quiet --require-hashes --compile-bytecode requirements-clickhouse.lock
	@touch $@

$(TOOLS): requirements-dev.lock | $(UV) $(PY)
	@$(INSTALL) --compile-bytecode requirements-dev.lock
	@touch $(READY) $@
