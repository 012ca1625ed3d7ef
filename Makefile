# make demo · make test : both set up what they need in .venv, with Python 3.11 and nothing else installed.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo
# MLflow, which the tests use, otherwise reports that it was
export MLFLOW_DISABLE_TELEMETRY := true

.PHONY: help setup demo test bench lint clean

help:
	@echo "make setup   .venv with what the bundle runs on"
	@echo "make demo    segment, score, fine-tune on one block, score again; pictures in $(DEMO)/"
	@echo "make test    the tests"
	@echo "make bench   how fast all this is, beside what the machine can do; figures in bench.json"
	@echo "make lint    ruff"
	@echo "make clean   remove .venv and $(DEMO)/"

$(VENV)/.run: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.dev: requirements-dev.txt requirements-tracking.txt requirements-deploy.txt $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

setup: $(VENV)/.run

demo: $(VENV)/.run
	cd bundle && ../$(BIN)/python -m scripts demo --output_dir ../$(DEMO)

test: $(VENV)/.dev
	$(BIN)/python -m pytest

bench: $(VENV)/.run
	PYTHONPATH=bundle $(BIN)/python -m bench measure

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf $(VENV) $(DEMO)
