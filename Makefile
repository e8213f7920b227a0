# make demo   set up if needed, then segment a bundled photo by one click
# make test   set up if needed, then run the tests
PYTHON ?= python3
VENV ?= .venv
# Using anymask needs no PyTorch; training, export and the tests do. There it is installed first and by exact version:
# the plain name may resolve to a build with gigabytes of CUDA libraries, and `pip install -e '.[dev]'` keeps the
# version that is already installed. Any pip arguments work here,
# for example the index address for CPU builds from PyTorch's installation page:
#   make test TORCH="torch --index-url <address>"
TORCH ?= torch==2.13.0
FLOWER := src/anymask/images/photos/flower.jpg
PHOTO ?= $(FLOWER)
ON_FLOWER := 330,240
CLICK ?= $(if $(filter $(FLOWER),$(PHOTO)),$(ON_FLOWER))
# The port of the app; by default 8321, or a free one if that is taken.
PORT ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Byte-compile modules on first import, not all of them now: that takes minutes on a slow machine. So byte code must be
# kept, which container images often switch off: then every process would compile everything again.
unexport PYTHONDONTWRITEBYTECODE
INSTALL := $(PIP) install -q --no-compile

.PHONY: help setup dev demo web project serve test peers lint format bench docs graphs dist clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.core  ## install the package and its dependencies into .venv

dev: $(VENV)/.dev  ## the same, with the development tools

demo: $(VENV)/.core  ## segment a bundled photo by one click (PHOTO=file CLICK=x,y for another)
	@test -n "$(CLICK)" || { echo "CLICK must be given with PHOTO: pixels from the left and the top, such as CLICK=330,240"; exit 2; }
	@mkdir -p demo
	$(BIN)/anymask segment "$(PHOTO)" --point "$(CLICK)" -o demo/mask.png --overlay --force
	@$(BIN)/python examples/side_by_side.py "$(PHOTO)" --point "$(CLICK)" -o demo
	@echo "Photo: $(PHOTO), clicked at $(CLICK) (x,y)"
	@echo "Mask: $(CURDIR)/demo/mask.png"
	@echo "Photo, mask, and mask on the photo: $(CURDIR)/demo/side-by-side.jpg"
	@echo "To go on in this shell, so that it finds anymask: . $(BIN)/activate"

web: $(VENV)/.web  ## install the browser app's runtime and checkers with npm

project:
	@test -z "$(PROJECT)" || test -e "$(PROJECT)" || { echo "PROJECT must be a folder of images that exists, got $(PROJECT)"; exit 2; }

serve: project $(VENV)/.app $(VENV)/.vendor  ## open the app in the browser (PROJECT=folder of images, PORT=number)
	@$(BIN)/anymask serve $(if $(PROJECT),"$(PROJECT)") $(if $(PORT),--port $(PORT)) --open || [ $$? = 130 ]

test: $(VENV)/.dev  ## run the tests
	@$(MAKE) -s web || echo "Browser tests will be skipped: make web failed."
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# napari draws by OpenGL, which Qt has not without a screen; Debian: apt-get install -y xvfb
SCREEN := $(if $(shell command -v xvfb-run),xvfb-run -a,QT_QPA_PLATFORM=offscreen)

peers:  ## try annotation files and integrations in labelme, datumaro, napari, supervision, SDKs of CVAT and Label Studio (2 GB, .venv-peers)
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install -q --no-compile -r tests/unit/formats/peers.txt -e .
	$(SCREEN) .venv-peers/bin/python -m pytest -q -rs -W default --disable-warnings \
	    tests/unit/formats/test_real_packages.py tests/unit/integrations/test_adapters.py tests/unit/integrations/test_napari.py

lint: $(VENV)/.dev  ## check style, types and import direction
	@code=0; for tool in "ruff check ." "ruff format --check ." mypy lint-imports; do \
	    echo $$tool; $(BIN)/$$tool || code=1; done; \
	if ! command -v npm >/dev/null; then echo "The JavaScript was not checked: npm is missing."; \
	elif ! $(MAKE) -s $(VENV)/.npm; then echo "The JavaScript was not checked: npm could not fetch its tools."; \
	else for script in lint types; do echo npm run $$script; npm run --silent $$script || code=1; done; fi; \
	exit $$code

format: $(VENV)/.dev  ## format the code and apply safe fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	@if command -v npm >/dev/null; then $(MAKE) -s $(VENV)/.npm && npm run --silent format; \
	else echo "The JavaScript was not formatted: npm is missing."; fi

bench: $(VENV)/.dev  ## time this machine against segment-anything and transformers, into docs/benchmarks (a quarter of an hour)
	$(BIN)/python benchmarks/machine.py

docs: $(VENV)/.dev  ## regenerate docs/cli.md, docs/licences.md and docs/tables.md
	$(BIN)/python tests/cli/test_reference.py
	$(BIN)/python tests/docs/test_licences.py
	$(BIN)/python tests/docs/test_tables.py

graphs: $(VENV)/.dev  ## trace the graphs of the shipped models anew, after a change of networks or weights
	$(BIN)/python -m anymask.onnx_export.shipped

dist: $(VENV)/.vendor  ## build the wheel and check its contents
	@rm -rf dist
	$(PIP) wheel -q --no-deps -w dist .
	@$(BIN)/python -m zipfile -l dist/anymask-*.whl > dist/contents.txt
	@for part in py.typed images/photos/cat.jpg models/weights/compact.safetensors models/weights/context.safetensors models/weights/object.safetensors models/weights/object-detector.onnx models/weights/compact-encoder.onnx models/weights/context-painter.onnx models/weights/context-levels.onnx models/weights/text.safetensors models/weights/words.safetensors models/text/imagenet.tsv app/static/vendor/ort.wasm.min.mjs licenses/LICENSE licenses/NOTICE; do \
	    grep -q "$$part" dist/contents.txt || { echo "The wheel does not contain $$part." >&2; exit 1; }; done
	$(BIN)/anymask licences -o dist/anymask.spdx.json > dist/licences.txt
	@ls -lh dist/*.whl

clean:  ## remove the environment and all build outputs
	rm -rf $(VENV) .venv-peers build dist demo src/anymask/app/static/vendor node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# onnxruntime-web, which runs the model in the browser.
$(VENV)/.vendor: $(VENV)/.core src/anymask/app/vendor.py
	@$(BIN)/python -m anymask.app.vendor
	@touch $@

$(VENV)/.app: $(VENV)/.core
	@echo "Installing the app's server ..."
	@$(INSTALL) -e '.[app]'
	@touch $@

$(VENV)/.web: $(VENV)/.vendor $(VENV)/.npm
	@touch $@

# What formats, lints and tests the page's JavaScript.
$(VENV)/.npm: package-lock.json $(VENV)/.made
	@npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	@echo "Installing PyTorch (about 200 MB, a minute or two) ..."
	@$(INSTALL) $(TORCH)
	@echo "Installing the development tools ..."
	@$(INSTALL) -e '.[dev]'
	@touch $@

$(VENV)/.core: pyproject.toml $(VENV)/.made
	@echo "Installing anymask (340 MB on disk, about half a minute) ..."
	@$(INSTALL) -e .
	@touch $@

# On Debian, the module that installs pip into a new environment is in the package python3-venv. Without it, an
# external pip does the work; without that, root installs the package; other users are told the command.
NEEDS_VENV := apt-get update && apt-get install -y python3-venv
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo "anymask needs Python 3.10 or newer. Run: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@if $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
	    $(PYTHON) -m venv $(VENV); \
	elif $(PYTHON) -m pip --version >/dev/null 2>&1; then \
	    $(PYTHON) -m venv --without-pip $(VENV) && \
	    $(PYTHON) -m pip --python $(VENV)/bin/python install -q pip; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "This Python cannot create virtual environments yet. Running: $(NEEDS_VENV)"; \
	    { $(NEEDS_VENV); } >/dev/null && $(PYTHON) -m venv $(VENV); \
	else \
	    echo "This Python cannot create virtual environments: its module ensurepip is missing." >&2; \
	    echo "Run: sudo sh -c '$(NEEDS_VENV)', then make $(MAKECMDGOALS) again." >&2; exit 1; \
	fi
	@touch $@
