# Everything here needs Python 3.11 or newer with venv, and make. Nothing else.
PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
# DATA_DIR is passed on as given. It has no default here: the environment would hide the one in .env.

PY := $(VENV)/bin/python
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
READY := $(VENV)/.ready
CATALOGUES := $(wildcard portal/locale/*/LC_MESSAGES/django.po)

.DEFAULT_GOAL := help
.PHONY: help demo run test check install bench pictures messages lock

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(READY) ## two demo tenants from nothing, served on http://127.0.0.1:$(PORT)
	@$(PY) manage.py demo --port $(PORT)

run: $(READY) ## an empty portal; asks for its first owner
	@$(PY) manage.py serve --bind 127.0.0.1:$(PORT) --first-owner

test: $(READY) ## the whole suite; PYTEST="..." passes options on
	@env -u DATA_DIR $(PY) -m pytest $(PYTEST)

check: $(READY) ## lint, format, types, import contracts, migrations, translations
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/djlint --lint --quiet templates
	@$(PY) manage.py makemigrations --check --dry-run
	@$(PY) manage.py check --fail-level WARNING
	@$(PY) manage.py spectacular --validate --fail-on-warn --file /dev/null
	@env -u DATA_DIR $(PY) -m pytest -q -p no:randomly tests/walls/test_translations.py

install: $(READY) ## the virtual environment with all dependencies

bench: $(READY) ## the benchmarks, each against its rival in the same run
	@$(MAKE) --no-print-directory -C bench

pictures: $(READY) ## the README's pictures, taken of a demo in a headless Chromium
	@env -u DATA_DIR $(PY) -m tests.browser.pictures

messages: $(READY) ## collect strings for translation and compile the catalogues
	@if command -v xgettext >/dev/null; then \
		$(PY) manage.py makemessages --locale pt_BR --no-location --no-wrap \
			--ignore '.venv/*' --ignore '.uv/*' --ignore 'bench/*' --ignore 'tests/*'; \
	else echo "xgettext is missing, so no new strings are collected: on Debian, apt-get install gettext"; fi
	@$(PY) -c 'import polib, sys; [polib.pofile(po).save_as_mofile(po[:-2] + "mo") for po in sys.argv[1:]]' $(CATALOGUES)

lock: $(READY) ## resolve the dependencies anew
	@$(UV) pip compile pyproject.toml --group test --group lint --universal --generate-hashes \
		--no-emit-index-url --no-header --quiet --output-file requirements.lock

# uv where there is one, else one of our own from the package index; plain pip would do the same, slower.
$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit("Ringbook needs Python 3.11 or newer.") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv is missing: on Debian, apt-get install python3-venv"; exit 1; }
	@command -v uv >/dev/null 2>&1 || [ -x .uv/bin/uv ] || { $(PYTHON) -m venv .uv && .uv/bin/python -m pip install --quiet --disable-pip-version-check uv; }
	@[ -x $(PY) ] || $(UV) venv --quiet --python $(PYTHON) $(VENV)
	@VIRTUAL_ENV=$(abspath $(VENV)) $(UV) pip sync --quiet --require-hashes requirements.lock
	@touch $@
