VENV ?= .venv
PYTHON3 ?= python3
PYTHON = $(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PHOTOS

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow lint figures

## make help       this list
help:
	@sed -n 's/^## //p' Makefile

## make demo       install, ingest a sample and serve it; PHOTOS=/any/folder for your own scans, SERVE=0 to end then
demo: $(VENV)/installed
	@$(PYTHON) manage.py demo $(if $(PHOTOS),--photos "$$PHOTOS") $(if $(filter 0,$(SERVE)),--no-serve)

## make test       install, check the style and the types, run the tests, as many at once as there are processors (4 at most)
test: lint
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile

## make test-slow  two steps of each of the paper's runs with its own networks; needs 16 GB of memory and half an hour
test-slow: $(VENV)/installed-dev
	$(PYTHON) -m pytest -m slow

## make lint       the style and the types alone
lint: $(VENV)/installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	@# mypy's Django plugin reads the settings; with an address at hand they start no server
	DATABASE_URL=postgresql:///unused $(VENV)/bin/mypy

## make figures    the measures in docs/figures.md; needs the photographs named there and a backbone's weights
figures: $(VENV)/installed-dev
	$(PYTHON) -m benchmarks.figures

# An environment without a working pip was interrupted while it was made, or the system lacks ensurepip.
$(VENV)/installed: requirements.txt
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "ndd needs Python 3.11 or newer; name one with: make PYTHON3=python3.12 …"; exit 1; }
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || $(PYTHON3) -m venv --clear $(VENV) || { \
	    echo "No environment could be made in $(VENV). On Debian and Ubuntu, install python3-venv and try again."; exit 1; }
	$(PYTHON) -m pip install --quiet --requirement requirements.txt
	touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	$(PYTHON) -m pip install --quiet --requirement requirements-dev.txt
	touch $@
