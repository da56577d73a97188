# Everything that a person runs. `make report` and `make test` set up what they need by themselves.
RECIPE ?= quickstart
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One more than cores: many tests wait for a daemon, a browser or a clock.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
# Each of a build's processes would compile the package again where the shell forbids to keep what is compiled.
unexport PYTHONDONTWRITEBYTECODE

# pip would compile 260 MB of Python with one core; what is imported, the lesser part, compiles when it is.
define install
$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --editable '$(1)'
endef

.PHONY: report ui test lint check-client bench serve browser lock clean-site help

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

report: $(VENV)/.run ## build a recipe (RECIPE=quickstart) and its site
	@$(BIN)/acc build $(RECIPE)

ui: $(VENV)/.run ## open the Dagster UI over the recipes
	@$(BIN)/acc ui

serve: $(VENV)/.run ## serve the site and its runs on the loopback address
	@$(BIN)/acc serve

test: lint check-client browser ## run every check and test, browser tests included
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check-client: $(VENV)/.dev ## compile and test the browser code
	$(BIN)/python -m acc_assets.assets.client check

bench: $(VENV)/.dev ## measure the speed of training, projection and orchestration
	@$(BIN)/python -m benchmarks

browser:
	@$(PYTHON) tests/ensure_browser.py

lock: pyproject.toml | $(VENV)/bin/python ## pin what is new in pyproject.toml; remove requirements.lock for newer versions
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.10 --generate-hashes \
	  --no-config --no-python-downloads --no-strip-extras --no-header --no-annotate --no-emit-index-url \
	  --quiet --output-file requirements.lock > /dev/null

clean-site: ## forget the rendered site (the artifacts stay)
	rm -rf storage/site

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))' || \
	  { echo "Python 3.10 to 3.13 is needed: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "the virtual environment could not be made; Debian needs the package python3-venv"; exit 1; }

$(VENV)/.run: pyproject.toml | $(VENV)/bin/python
	$(call install,.[client])
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(call install,.[dev])
	@touch $@ $(VENV)/.run
