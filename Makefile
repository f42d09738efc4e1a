# Ground Truth. `make help` lists the verbs. Everything lives in .venv and _build; nothing else is touched.
PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
READY   := $(VENV)/.ready
PORT    ?= 8000
PROJECT ?= gpt
PRESET  ?= laptop
# make pdf: A4 or Letter; SOLUTIONS=1 prints solutions, hints and the answers of cards
PAPER   ?= A4
SOLUTIONS ?=
# leave out npm's packages for tests (NPM_OMIT= installs Lighthouse too); an index with smaller builds of PyTorch
NPM_OMIT ?= dev
TORCH_INDEX ?=
# make test FRESH=1 runs what passed before on the same bytes as well; SLOWEST=40 lists the slowest forty
FRESH   ?=
SLOWEST ?=
PYTEST  := $(BIN)/python -m pytest
REUSE   := -p tests.reuse.plugin --passes
WORKERS := -n 3 --dist loadgroup --no-loadscope-reorder

# some environments set PYTHONDONTWRITEBYTECODE; without .pyc files every kernel compiles torch, 6 s each time
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup mutmut book pdf epub test counts check accept lab serve run bench lint clean

help: ## list the verbs
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(READY) ## create .venv with the pinned packages (other verbs do it by themselves)

$(READY): requirements.txt package-lock.json pyproject.toml
	@echo "setup: a virtual environment in $(VENV), the pinned packages, KaTeX's style sheet and fonts"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "setup: Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; name another one: make book PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python code/press/supply/install.py requirements.txt --torch-index "$(TORCH_INDEX)"
	@cmp -s pyproject.toml $(VENV)/.installed || { \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e . && \
		cp pyproject.toml $(VENV)/.installed; }
	@cmp -s package-lock.json node_modules/.installed || cmp -s package-lock.json node_modules/.installed-$(NPM_OMIT) || { \
		PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci $(addprefix --omit=,$(NPM_OMIT)) --ignore-scripts --no-audit --no-fund --loglevel=error && \
		cp package-lock.json node_modules/.installed$(addprefix -,$(NPM_OMIT)); }
	@touch $(READY)

mutmut: $(READY) ## add mutmut, which plants mistakes for python -m press mutants
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-mutants.txt

book: $(READY) ## execute what is stale, compare every output, render the site into _build/html
	@$(BIN)/python -m press build

pdf: book ## print the book into _build/pdf, or CHAPTER=learning/losses (SOLUTIONS=1, PAPER=Letter)
	@$(BIN)/python -m press pdf $(CHAPTER) --paper $(PAPER) $(if $(SOLUTIONS),--solutions)

epub: book ## write the book for e-readers into _build/epub
	@$(BIN)/python -m press epub

test: $(READY) ## run the test suite, except what passed before on the same bytes (FRESH=1: all of it)
	@status=0; \
	$(BIN)/python -m press build || status=$$?; \
	$(PYTEST) $(REUSE)=$(if $(FRESH),fresh,reuse) -m lighthouse tests/site || status=$$?; \
	$(PYTEST) $(REUSE)=reuse -m "not lighthouse" $(WORKERS) $(SLOWEST:%=--durations=%) || status=$$?; \
	exit $$status

counts: $(READY) ## run the whole suite and record what it counts for the page *How we know*
	@$(PYTEST) -m "not lighthouse" $(WORKERS) --counts book/_assets/reports/tests.json

check: $(READY) ## compare and audit without rendering
	@$(BIN)/python -m press check

accept: $(READY) ## make the last output of CHAPTER=data/model the expected one, and show what moved
	@test -n "$(CHAPTER)" || { echo "accept: name the chapter, for example: make accept CHAPTER=data/model"; exit 2; }
	@$(BIN)/python -m press accept $(CHAPTER)

lab: $(READY) ## open the chapters as notebooks in JupyterLab
	@JUPYTERLAB_SETTINGS_DIR=$(CURDIR)/.jupyter/lab $(BIN)/jupyter lab --ip=127.0.0.1 --ServerApp.root_dir=$(CURDIR) --LabApp.default_url=/lab/tree/book/index.md

serve: $(READY) ## show the site at http://127.0.0.1:8000 (PORT=...)
	@echo "serve: http://127.0.0.1:$(PORT) (Ctrl-C ends)"
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

run: $(READY) ## run a capstone project: PROJECT=gpt PRESET=laptop
	@test -d code/projects || { echo "run: this edition has no capstone projects yet"; exit 2; }
	@$(BIN)/python -m projects run $(PROJECT) --preset $(PRESET)

bench: $(READY) ## measure the press and the library against the stock way, as ratios from one run
	@$(BIN)/python -m tests.bench.press
	@$(BIN)/python -m tests.bench.similarity
	@$(BIN)/python -m tests.bench.signals
	@$(BIN)/python -m tests.bench.text
	@$(BIN)/python -m tests.bench.tokenizers
	@$(BIN)/python -m tests.bench.retrieval
	@$(BIN)/python -m tests.bench.learning
	@$(BIN)/python -m tests.bench.networks

lint: $(READY) ## ruff (rules and format) and mypy over code and tests
	@$(BIN)/ruff check code tests
	@$(BIN)/ruff format --check --quiet code tests
	@$(BIN)/mypy

clean: ## remove what was built (keeps .venv)
	rm -rf _build
