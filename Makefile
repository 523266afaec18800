VENV ?= .venv
PYTHON3 ?= python3
PYTHON = $(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test test-slow lint figures screenshots clean

## demo: install, ingest a sample (or PHOTOS=/any/folder) and serve it; SERVE=0 ends after the summary
demo: $(VENV)/installed
	@$(PYTHON) manage.py demo $(if $(PHOTOS),--photos "$(PHOTOS)") $(if $(filter 0,$(SERVE)),--no-serve)

## test: everything the tests need, then the tests
test: lint
	$(PYTHON) -m pytest

lint: $(VENV)/installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

## figures: the measures in docs/figures.md; needs the photographs in DATA and a backbone's weights
figures: $(VENV)/installed-dev
	$(PYTHON) -m benchmarks.figures

$(VENV)/installed: requirements.txt
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "ndd needs Python 3.11 or newer; name one with make PYTHON3=python3.12 …"; exit 1; }
	test -x $(PYTHON) || $(PYTHON3) -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --requirement requirements.txt
	touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	$(PYTHON) -m pip install --quiet --requirement requirements-dev.txt
	touch $@
