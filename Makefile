# make demo · make test : both set up what they need in .venv, with Python 3.11 and nothing else installed.
# make label · make test-label : the same in .venv-label, because MONAI Label needs an older NumPy.
# make test-napari : the same in .venv-napari, for the plug-in of napari, with Qt.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo
RESULTS := results
FOUNDATION := foundation
DATASET ?= ../shared/data
ifdef STUDY
$(error STUDY=... is DATASET=... now)
endif
LABEL_VENV := .venv-label
LABEL_BIN := $(LABEL_VENV)/bin
APP ?= label
PORT ?= 8000
FINDINGS := findings
MINUTES ?= 60
PICTURES ?=
NAPARI_VENV := .venv-napari
NAPARI_BIN := $(NAPARI_VENV)/bin
SCREEN := xvfb libgl1-mesa-dri libegl1 libxkbcommon-x11-0 libdbus-1-3 libxcb-cursor0 libxcb-icccm4 libxcb-image0 \
	libxcb-keysyms1 libxcb-randr0 libxcb-xinerama0
ON_SCREEN := OMP_NUM_THREADS=1 xvfb-run -a -s "-screen 0 1400x900x24"
CLINIC := orthanc orthanc-dicomweb chromium dicom3tools
DICOMWEB := /usr/share/orthanc/plugins/libOrthancDicomWeb.so
# MLflow, which the tests use, otherwise reports that it was
export MLFLOW_DISABLE_TELEMETRY := true

.PHONY: help setup demo test fuzz studies-named label label-foundation test-label clinic test-ohif screen test-napari pictures-napari bench results docs pictures foundation lint clean

help:
	@echo "make setup   .venv with the command tubenet, and the pinned versions of what it runs on"
	@echo "make demo    segment, score, fine-tune on one block, score again; pictures in $(DEMO)/"
	@echo "make test    the tests"
	@echo "make fuzz [MINUTES=60] [SEED=N]   spoilt files, JSON, weights and options, by chance; what is wrong in $(FINDINGS)/"
	@echo "make label STUDIES=FOLDER   MONAI Label for 3D Slicer and OHIF, on http://127.0.0.1:$(PORT), app in $(APP)/"
	@echo "make label-foundation       make the shipped weights that server's active ones again"
	@echo "make test-label             the tests of the server"
	@echo "make test-ohif [PICTURES=FOLDER]   OHIF in a real browser on a real DICOMweb server, by mouse"
	@echo "make test-napari            the plug-in of napari, in a real viewer on a screen that nobody sees"
	@echo "make bench   how fast all this is, beside what the machine can do; figures in bench.json"
	@echo "make results DATASET=FOLDER [PAGE=docs/results.md]   what the shipped weights and a few labels are worth on its volumes: hours"
	@echo "make docs    the tables of docs/reference/, from the code that they describe"
	@echo "make pictures  those of README.md and docs/, anew: minutes; make pictures-napari those of the plug-in"
	@echo "make foundation MASKS=FOLDER   train the shipped weights again, from nothing, into $(FOUNDATION)/: hours"
	@echo "make lint    ruff, and mypy on core, io and metrics"
	@echo "make clean   remove .venv, $(LABEL_VENV), $(NAPARI_VENV), $(DEMO)/, $(RESULTS)/, $(FOUNDATION)/ and $(FINDINGS)/"

$(VENV)/.run: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.txt -e .
	touch $@

$(VENV)/.dev: $(wildcard requirements/*.txt) $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/dev.txt
	touch $@

$(LABEL_VENV)/.run: requirements/monailabel.txt
	$(PYTHON) -m venv $(LABEL_VENV)
	$(LABEL_BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/monailabel.txt
	touch $@

$(LABEL_VENV)/.ohif: requirements/ohif.txt $(LABEL_VENV)/.run
	$(LABEL_BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/ohif.txt
	touch $@

$(NAPARI_VENV)/.run: requirements.txt requirements/viewer.txt pyproject.toml plugins/napari/pyproject.toml
	$(PYTHON) -m venv $(NAPARI_VENV)
	$(NAPARI_BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/viewer.txt -e . -e plugins/napari
	touch $@

setup: $(VENV)/.run

demo: $(VENV)/.run
	cd bundle && ../$(BIN)/python -m scripts demo --output_dir ../$(DEMO)

# a process a core, each with one thread: most tests start programs, and threads of several would stand in each other's way
test: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --cov

# one process, with one thread; the seed is told at the start and with each finding
fuzz: $(VENV)/.dev
	PYTHONPATH=bundle OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) --findings $(FINDINGS)

studies-named:
	@test -n "$(STUDIES)" || { echo "make label STUDIES=FOLDER: name the folder of your images" >&2; exit 2; }

label: studies-named $(LABEL_VENV)/.run
	PYTHONPATH=bundle $(LABEL_BIN)/python -m scripts label --studies "$(STUDIES)" --app "$(APP)" --port $(PORT)

label-foundation: $(LABEL_VENV)/.run
	PYTHONPATH=bundle $(LABEL_BIN)/python -m scripts restore-foundation --app "$(APP)"

test-label: $(LABEL_VENV)/.run
	$(LABEL_BIN)/python -m pytest tests/server $(addprefix tests/monailabel/,test_server.py test_strategy.py test_tubenet_app.py test_pages.py dicomweb stand_ins)

# programs of the system, installed where that is allowed. They are why .ci/run leaves this out: it makes do with packages
# of Python, as any user of a clean machine, and these take apt, root and minutes
clinic:
	@command -v chromium >/dev/null && command -v dciodvfy >/dev/null && test -f $(DICOMWEB) || \
	{ test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -q && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $(CLINIC); } || \
	{ echo "make test-ohif: needs programs that this user cannot install; sudo apt-get install $(CLINIC)" >&2; exit 2; }

test-ohif: clinic $(LABEL_VENV)/.ohif
	OHIF_PICTURES="$(PICTURES)" $(LABEL_BIN)/python -m pytest tests/ohif -rs

# a screen, and what Qt draws with: programs of the system, as those of test-ohif
screen:
	@{ command -v xvfb-run && dpkg -s $(SCREEN); } >/dev/null 2>&1 || \
	{ test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -q && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $(SCREEN); } || \
	{ echo "make test-napari: needs programs that this user cannot install; sudo apt-get install $(SCREEN)" >&2; exit 2; }

test-napari: screen $(NAPARI_VENV)/.run
	cd plugins/napari && $(ON_SCREEN) ../../$(NAPARI_BIN)/python -m pytest

pictures-napari: screen $(NAPARI_VENV)/.run
	$(ON_SCREEN) $(NAPARI_BIN)/python plugins/napari/tests/make_pictures.py docs/images/napari

bench: $(VENV)/.run
	PYTHONPATH=bundle $(BIN)/python -m bench measure

results: $(VENV)/.run
	PYTHONPATH=bundle $(BIN)/python -m experiments results --dataset_dir "$(DATASET)" --output_dir $(RESULTS) $(if $(PAGE),--page "$(PAGE)")

docs: $(VENV)/.run
	PYTHONPATH=bundle $(BIN)/python docs/make_reference.py

pictures: $(VENV)/.run
	PYTHONPATH=bundle $(BIN)/python docs/make_picture.py

foundation: $(VENV)/.dev
	OUT="$(FOUNDATION)" MASKS="$(MASKS)" PYTHON="$(CURDIR)/$(BIN)/python" bash experiments/foundation/rebuild.sh

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) $(LABEL_VENV) $(NAPARI_VENV) $(DEMO) $(RESULTS) $(FOUNDATION) $(FINDINGS)
