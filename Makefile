# make demo   the app at http://127.0.0.1:7860          make test      the fast tests
# make web    the page and API at http://127.0.0.1:8000 make lint      ruff, mypy
# make test-all   the slow tests too: browsers, a cluster, notebooks, killed runs; make test-slow  these alone
# make data   splits from PAPERS                        make evaluate  the README's table, into results/
# make model  pretrain, train, export, evaluate         make annif     Annif, for `make evaluate` to compare with
# make notebooks      all four, small, on the sample    make picture   the README's screenshots
# make notebooks-full all four on PAPERS, hours         make clean     remove what was installed
# make original    the original's recipe, hours, for `make evaluate` to compare with
# make bench  speed beside the original's recipe, into results/
# make bench-scale  one worker against two on a Ray cluster, and docs/scale.md
# make space  the app as a Hugging Face Space, tried    make space-push REPO=user/name  ... and uploaded
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PAPERS ?= $(firstword $(wildcard csv_files/papers.csv csv_files/papers.csv.xz) csv_files/papers.csv)
PRETRAIN_MINUTES ?= 55
BUDGET_MINUTES ?= 55
# A trained model to train on from, and another seed than it had.
START_FROM ?=
SEED ?= 22
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# A module's tests run in one process, where they share a model or a server.
PYTEST := $(BIN)/python -m pytest --numprocesses logical --dist loadfile --no-loadscope-reorder

.PHONY: demo web install test test-slow test-all lint data model evaluate original bench annif notebooks \
    notebooks-full picture space space-push space-name bench-scale clean
.DELETE_ON_ERROR:

demo: $(VENV)/app.stamp
	@$(BIN)/python -m deployment.app

web: $(VENV)/web.stamp
	@$(BIN)/python -m deployment.web

test: $(VENV)/test.stamp
	$(PYTEST)

test-slow: $(VENV)/test.stamp
	$(PYTEST) -m slow

test-all: $(VENV)/test.stamp
	$(PYTEST) -m "" --durations 30

install: $(VENV)/all.stamp

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

data: csv_files/prepared/report.json

# Once prepared, papers need no table; a newer one is prepared anew.
csv_files/prepared/report.json: $(if $(wildcard csv_files/prepared/report.json),$(wildcard $(PAPERS)),$(PAPERS)) \
    | $(VENV)/all.stamp
	$(BIN)/python -m paper_tasks prepare $(PAPERS) --output csv_files/prepared

model: csv_files/prepared/report.json $(if $(START_FROM),,models/phrases/pretraining.json)
	$(BIN)/python -m paper_tasks train --budget-minutes $(BUDGET_MINUTES) --seed $(SEED) \
	    $(if $(START_FROM),--backbone minilm --start-from $(START_FROM),--backbone models/phrases) --output models/minilm \
	    $(if $(wildcard models/minilm/checkpoint),--resume,--overwrite)
	$(BIN)/python -m paper_tasks export --model models/minilm --output deployment/model
	$(MAKE) evaluate

# On papers, labelled or not; killed, it goes on. A GPU has time for more of it: --batch-size 256.
models/phrases/pretraining.json: csv_files/prepared/report.json
	$(BIN)/python -m paper_tasks pretrain --backbone minilm --budget-minutes $(PRETRAIN_MINUTES) \
	    --output models/phrases $(if $(wildcard models/phrases/checkpoint),--resume,--overwrite)

# fp32 is compared where a training left it; the repository carries the int8 model alone.
# A folder exported by some other recipe is one more row: make evaluate OTHERS='--other "its name=FOLDER"'.
FP32_ROW := --model "ours, fp32=models/minilm/onnx"

evaluate: csv_files/prepared/report.json
	$(BIN)/python -m paper_tasks evaluate --output results --document README.md --card deployment/model/README.md \
	    $(OTHERS) $(if $(wildcard models/minilm/onnx/config.json),$(FP32_ROW)) \
	    --model "ours, fast tier=deployment/model/fast" --model "ours, int8=deployment/model"
	@mkdir -p deployment/plots
	cp results/f1_by_frequency.png results/recall.png results/reliability.png deployment/plots/

# The recipe of the project that this one follows: hours; killed, it goes on after its last whole epoch. `make evaluate`
# then has a row for it.
original: csv_files/prepared/report.json
	$(BIN)/python -m paper_tasks original

# On a machine with nothing else to do.
bench: csv_files/prepared/report.json
	$(BIN)/python -m paper_tasks bench --output results --document README.md
	$(BIN)/python -m paper_tasks bench-scale --write-only

# In an environment of its own: it wants older releases of what we use.
annif: .venv-annif/bin/annif

.venv-annif/bin/annif: requirements/annif.txt | $(BIN)/python
	@$(BIN)/python -m venv .venv-annif
	@.venv-annif/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# Run with their outputs into build/; those in notebooks/ stay without any.
run_notebook = $(BIN)/python -m papermill --cwd notebooks notebooks/$(1).ipynb build/$@/$(1).ipynb \
    -p output_folder ../build/$@ $(2)

notebooks: | $(VENV)/test.stamp
	@mkdir -p build/$@
	$(call run_notebook,01_filter_tasks)
	$(call run_notebook,02_finetune)
	$(call run_notebook,03_export_quantize)
	$(call run_notebook,04_evaluate)

notebooks-full: $(PAPERS) | $(VENV)/test.stamp
	@mkdir -p build/$@
	$(call run_notebook,01_filter_tasks,-p papers_path $(abspath $(PAPERS)) -p min_papers 30)
	$(call run_notebook,02_finetune,-p budget_minutes $(BUDGET_MINUTES) -p dev_papers 500 -p lr_find_steps 100 \
	    -p seed $(SEED) $(if $(START_FROM),-p start_from $(abspath $(START_FROM))) \
	    $(if $(wildcard models/phrases/pretraining.json),-p backbone $(abspath models/phrases)))
	$(call run_notebook,03_export_quantize,-p rows 500)
	$(call run_notebook,04_evaluate)

# A stamp says that its requirements are installed; edited requirements are installed anew.
# The library is installed in place, so that $(BIN)/paper-tasks exists and runs what lies here.
$(VENV)/app.stamp: deployment/requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing the app's packages ..."
	@$(PIP) -r deployment/requirements.txt
	@$(PIP) --no-deps --editable .
	@touch $@

$(VENV)/web.stamp: deployment/requirements-web.txt | $(BIN)/python
	@echo "Installing the page's packages ..."
	@$(PIP) -r deployment/requirements-web.txt
	@touch $@

$(VENV)/all.stamp: requirements.txt pyproject.toml $(wildcard deployment/requirements*.txt requirements/*/pyproject.toml) \
    | $(BIN)/python
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	    { echo "Training needs Python 3.11, and $(VENV) has $$($(BIN)/python --version); run: make clean install PYTHON=..." >&2; exit 2; }
	@echo "Installing all packages (torch alone is large; some minutes) ..."
	@$(PIP) -r requirements.txt
	@$(PIP) --no-deps --editable .
	@touch $@ $(VENV)/app.stamp $(VENV)/web.stamp

$(VENV)/test.stamp: requirements/test.txt requirements-ray.txt $(VENV)/all.stamp
	@$(PIP) -r requirements/test.txt
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	    { echo "This needs Python 3.11 to 3.13, not $$($(PYTHON) --version 2>&1); name one: make PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(PAPERS):
	@echo "$(PAPERS) is missing: name a table of papers, make PAPERS=..., or scrape one (see csv_files/README.md)." >&2
	@exit 2

# The README's pictures, taken in headless Chromium.
picture: $(VENV)/test.stamp
	$(BIN)/python -m tools.screenshots

bench-scale: $(VENV)/test.stamp
	$(BIN)/python -m paper_tasks bench-scale $(if $(wildcard $(PAPERS)),$(PAPERS),csv_files/sample_papers.csv)

# Put together in build/space, installed in an environment of its own, started, asked.
space: $(VENV)/app.stamp
	$(BIN)/python -m paper_tasks.export.space build/space

space-push: space-name $(VENV)/app.stamp
	$(BIN)/python -m paper_tasks.export.space build/space --push "$(REPO)"

# Asked before anything is installed.
space-name:
	@test -n "$(REPO)" || { echo "error: Name the Space: make space-push REPO=user/name" >&2; exit 2; }

clean:
	rm -rf $(VENV) .venv-annif .pytest_cache .ruff_cache .hypothesis
