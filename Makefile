# `make help` lists the targets. Each installs what it needs into .venv first.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PAPERS ?= $(firstword $(wildcard csv_files/papers.csv csv_files/papers.csv.xz) csv_files/papers.csv)
PRETRAIN_MINUTES ?= 55
BUDGET_MINUTES ?= 55
# A trained model to train on from, and the seed of the training.
START_FROM ?=
SEED ?= 22
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest --numprocesses logical
# The tests of a file share a server, a cluster or a training. Files with slow tests come first.
WHOLE_FILES := --dist loadfile --no-loadscope-reorder
CLI := $(BIN)/paper-tasks

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo web install test test-slow test-all lint data model read-labels evaluate original annif bench \
    bench-scale notebooks notebooks-full picture space space-push space-name clean

help:  ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1|\2/p' Makefile | while IFS='|' read -r name text; do \
	    printf '  make %-16s %s\n' "$$name" "$$text"; done

demo: $(VENV)/app.stamp  ## start the app at http://127.0.0.1:7860
	@$(BIN)/python -m deployment.app

web: $(VENV)/web.stamp  ## start the web page and its API at http://127.0.0.1:8000
	@$(BIN)/python -m deployment.web

install: $(VENV)/all.stamp  ## install everything, training included

test: $(VENV)/test.stamp  ## run the fast tests
	$(PYTEST) --dist worksteal

test-slow: $(VENV)/test.stamp  ## run the others: browsers, a cluster, notebooks, killed runs
	$(PYTEST) $(WHOLE_FILES) -m slow

test-all: $(VENV)/test.stamp  ## run all tests
	$(PYTEST) $(WHOLE_FILES) -m "" --durations 30

lint: $(VENV)/test.stamp  ## check style and types: ruff, mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

data: csv_files/prepared/report.json  ## label and split PAPERS

# Without a table of papers, an existing preparation is used; a newer table is prepared again.
csv_files/prepared/report.json: $(if $(wildcard csv_files/prepared/report.json),$(wildcard $(PAPERS)),$(PAPERS)) \
    | $(VENV)/all.stamp
	$(CLI) prepare $(PAPERS) --output csv_files/prepared

$(PAPERS):
	@echo "$(PAPERS) is missing: name a table of papers, make PAPERS=..., or scrape one (see csv_files/README.md)." >&2
	@exit 2

model: csv_files/prepared/report.json $(if $(START_FROM),,models/phrases/pretraining.json)  ## pretrain, train, export, evaluate
	$(CLI) train --budget-minutes $(BUDGET_MINUTES) --seed $(SEED) \
	    $(if $(START_FROM),--backbone minilm --start-from $(START_FROM),--backbone models/phrases) --output models/minilm \
	    $(if $(wildcard models/minilm/checkpoint),--resume,--overwrite)
	$(CLI) export --model models/minilm --output deployment/model
	$(MAKE) evaluate

# After a kill, it continues. A GPU has time for larger batches: --batch-size 256.
models/phrases/pretraining.json: csv_files/prepared/report.json
	$(CLI) pretrain --backbone minilm --budget-minutes $(PRETRAIN_MINUTES) \
	    --output models/phrases $(if $(wildcard models/phrases/checkpoint),--resume,--overwrite)

# Without PAPERS=..., it takes the table that `make data` takes. The model that ships stays as it is.
read-labels: $(PAPERS) | $(VENV)/all.stamp  ## train on csv_files/read_labels with abstracts of PAPERS="a.csv b.csv"
	$(CLI) prepare $(PAPERS) --read-labels csv_files/read_labels --read-labels csv_files/invented_papers \
	    --output csv_files/prepared_read
	$(CLI) train --prepared csv_files/prepared_read --backbone minilm --start-from $(or $(START_FROM),deployment/model) \
	    --seed $(SEED) --batch-size 16 --learning-rate 4e-4 --lower-divisor 10 --epochs 2 --short-length 112 \
	    --max-length 160 --mask-rate 0.15 --warmup-share 0.05 --output models/read \
	    $(if $(wildcard models/read/checkpoint),--resume,--overwrite)
	$(CLI) export --model models/read --prepared csv_files/prepared_read --output models/read_int8
	$(CLI) evaluate --prepared csv_files/prepared_read --output build/read_labels --model "ours, int8=models/read_int8"

# The repository has the int8 model alone; fp32 is compared where a training left it.
# To add a model of another recipe: make evaluate OTHERS='--other "its name=FOLDER"'.
FP32_ROW := --model "ours, fp32=models/minilm/onnx"

MEASURED = --output results --document README.md --card deployment/model/README.md $(OTHERS) \
    $(if $(wildcard models/minilm/onnx/config.json),$(FP32_ROW)) \
    --model "ours, fast tier=deployment/model/fast" --model "ours, int8=deployment/model"
# The original's recipe, trained on read labels: paper-tasks original --prepared csv_files/prepared_read --output ...
ORIGINAL_READ := models/original_read

# Read labels are enough; with distant labels beside them, both are measured.
evaluate: $(if $(wildcard csv_files/prepared_read/report.json),$(wildcard csv_files/prepared/report.json),csv_files/prepared/report.json)  ## compare the model with baselines, into results/
	@if [ -f csv_files/prepared/report.json ]; then \
	    $(CLI) evaluate --prepared csv_files/prepared $(MEASURED); fi
	@if [ -f csv_files/prepared_read/report.json ]; then \
	    $(CLI) evaluate --prepared csv_files/prepared_read $(MEASURED) \
	        $(if $(wildcard $(ORIGINAL_READ)/training.json),--original $(ORIGINAL_READ)); fi
	@mkdir -p deployment/plots
	cp results/f1_by_frequency.png results/recall.png results/reliability.png deployment/plots/

original: csv_files/prepared/report.json  ## train the original's recipe, for evaluate (hours)
	$(CLI) original

annif: .venv-annif/bin/annif  ## install Annif, for evaluate

# Annif has its own environment, because it needs older releases of our packages.
.venv-annif/bin/annif: requirements/annif.txt | $(BIN)/python
	@$(BIN)/python -m venv .venv-annif
	@.venv-annif/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# Both need a machine with nothing else to do.
bench: csv_files/prepared/report.json  ## measure the speed, into results/
	$(CLI) bench --output results --document README.md
	$(CLI) bench-scale --write-only

bench-scale: $(VENV)/test.stamp  ## measure one Ray worker against two, into docs/scale.md
	$(CLI) bench-scale $(if $(wildcard $(PAPERS)),$(PAPERS),csv_files/sample_papers.csv)

# Outputs go into build/; the notebooks in notebooks/ keep none.
run_notebook = $(BIN)/python -m papermill --cwd notebooks notebooks/$(1).ipynb build/$@/$(1).ipynb \
    -p output_folder ../build/$@ $(2)

notebooks: | $(VENV)/test.stamp  ## run the four notebooks on the sample
	@mkdir -p build/$@
	$(call run_notebook,01_filter_tasks)
	$(call run_notebook,02_finetune)
	$(call run_notebook,03_export_quantize)
	$(call run_notebook,04_evaluate)

notebooks-full: $(PAPERS) | $(VENV)/test.stamp  ## run them on PAPERS (hours)
	@mkdir -p build/$@
	$(call run_notebook,01_filter_tasks,-p papers_path $(abspath $(PAPERS)) -p min_papers 30)
	$(call run_notebook,02_finetune,-p budget_minutes $(BUDGET_MINUTES) -p dev_papers 500 -p lr_find_steps 100 \
	    -p seed $(SEED) $(if $(START_FROM),-p start_from $(abspath $(START_FROM))) \
	    $(if $(wildcard models/phrases/pretraining.json),-p backbone $(abspath models/phrases)))
	$(call run_notebook,03_export_quantize,-p rows 500)
	$(call run_notebook,04_evaluate)

picture: $(VENV)/test.stamp  ## take the screenshots of the app and the page
	$(BIN)/python -m tools.screenshots

space: $(VENV)/app.stamp  ## build the Hugging Face Space and try it
	$(CLI) space build/space

space-push: space-name $(VENV)/app.stamp  ## the same, then upload it: REPO=user/name
	$(CLI) space build/space --push "$(REPO)"

# Checked before anything is installed.
space-name:
	@test -n "$(REPO)" || { echo "error: Name the Space: make space-push REPO=user/name" >&2; exit 2; }

clean:  ## remove what was installed
	rm -rf $(VENV) .venv-annif .pytest_cache .mypy_cache .ruff_cache .hypothesis

# A stamp says that its requirements are installed. When a file of requirements changes, they are installed again.
$(VENV)/app.stamp: deployment/requirements.txt | $(VENV)/library.stamp
	@echo "Installing the app's packages ..."
	@$(PIP) -r deployment/requirements.txt
	@touch $@

$(VENV)/web.stamp: deployment/requirements-web.txt | $(BIN)/python
	@echo "Installing the page's packages ..."
	@$(PIP) -r deployment/requirements-web.txt
	@touch $@

REQUIREMENTS := requirements.txt requirements/without-training.txt $(wildcard deployment/requirements*.txt requirements/*/pyproject.toml)

$(VENV)/all.stamp: $(REQUIREMENTS) | $(VENV)/library.stamp
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	    echo "Training needs Python 3.11, but $(VENV) has $$($(BIN)/python --version): make clean install PYTHON=..." >&2; \
	    exit 2; }
	@echo "Installing all packages (torch alone is large; some minutes) ..."
	@$(PIP) -r requirements.txt
	@touch $@ $(VENV)/app.stamp $(VENV)/web.stamp

$(VENV)/test.stamp: requirements/test.txt requirements-ray.txt $(VENV)/all.stamp
	@$(PIP) -r requirements/test.txt
	@touch $@

# In place: the command runs the code of this folder.
$(VENV)/library.stamp: pyproject.toml | $(BIN)/python
	@$(PIP) --no-deps --editable .
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	    echo "This needs Python 3.11 to 3.13, not $$($(PYTHON) --version 2>&1); name one: make PYTHON=..." >&2; \
	    exit 2; }
	@$(PYTHON) -m venv $(VENV)
