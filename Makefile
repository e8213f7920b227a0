# make demo   set up if needed, then segment a bundled photo by one click
# make test   set up if needed, then run the tests
PYTHON ?= python3
VENV ?= .venv
# PyTorch comes first and by exact version: the plain name can resolve to a build with gigabytes of CUDA
# libraries, and `pip install -e .` is content with whatever is already there. Any pip arguments may stand
# here, for example the index address for CPU builds that PyTorch's installation page gives:
#   make demo TORCH="torch --index-url <address>"
TORCH ?= torch==2.13.0
PHOTO ?= src/anymask/images/photos/flower.jpg
CLICK ?= 330,240

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Modules are compiled when they are first imported, not all of PyTorch's now: minutes on a slow machine.
INSTALL := $(PIP) install -q --no-compile

.PHONY: help setup dev demo web serve test lint format bench docs dist clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.core  ## the package and what it needs, in .venv

dev: $(VENV)/.dev  ## the same, with the tools for tests and lints

demo: $(VENV)/.core  ## segment a bundled photo by one click (PHOTO=file CLICK=x,y for another)
	@mkdir -p demo
	$(BIN)/anymask segment $(PHOTO) --point $(CLICK) -o demo/mask.png --overlay --force
	@echo "Photo: $(PHOTO), clicked at $(CLICK) (x,y)"
	@echo "Mask: $(CURDIR)/demo/mask.png"
	@echo "Overlay: $(CURDIR)/demo/mask-overlay.jpg"

web: $(VENV)/.web  ## what the browser app is made of, and what checks it, by npm

serve: $(VENV)/.dev $(VENV)/.vendor  ## draw masks in the browser (PROJECT=folder of pictures)
	$(BIN)/anymask serve $(PROJECT) --open

test: $(VENV)/.dev  ## run the tests
	@$(MAKE) -s web || echo "The tests in the browser will be skipped."
	$(BIN)/python -m pytest -q

lint: $(VENV)/.dev  ## style, types and the direction of imports
	@code=0; for tool in "ruff check ." "ruff format --check ." mypy lint-imports; do \
	    echo $$tool; $(BIN)/$$tool || code=1; done; exit $$code

format: $(VENV)/.dev  ## lay the code out and apply the safe fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev  ## time encoding, clicks and automatic masks beside segment-anything and transformers (minutes)
	$(BIN)/python benchmarks/encode.py
	$(BIN)/python benchmarks/decode.py
	$(BIN)/python benchmarks/automatic.py --size 1500 2250 --points 12

docs: $(VENV)/.dev  ## write docs/cli.md anew from the help texts
	$(BIN)/python tests/cli/test_reference.py

dist: $(VENV)/.vendor  ## build the wheel and check what it holds
	@rm -rf dist
	$(PIP) wheel -q --no-deps -w dist .
	@$(BIN)/python -m zipfile -l dist/anymask-*.whl > dist/contents.txt
	@for part in py.typed images/photos/cat.jpg models/weights/compact.safetensors models/weights/context.safetensors app/static/vendor/ort.wasm.min.mjs app/exported/compact-.*/decoder-float16.onnx licenses/LICENSE licenses/NOTICE; do \
	    grep -q "$$part" dist/contents.txt || { echo "The wheel lacks $$part." >&2; exit 1; }; done
	@ls -lh dist/*.whl

clean:  ## remove the environment and what was built
	rm -rf $(VENV) build dist demo src/anymask/app/static/vendor src/anymask/app/exported tests/web/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# What the page loads: the runtime, and the compact model exported (half a minute), so that it opens at once.
$(VENV)/.vendor: $(VENV)/.core src/anymask/app/vendor.py src/anymask/app/onnx_cache.py $(wildcard $(addprefix src/anymask/,inference/mask_generation/*.py onnx_export/*.py models/*.py models/checkpoints/*.py)) src/anymask/models/weights/compact.safetensors
	@$(INSTALL) -e '.[export]'
	@$(BIN)/python -m anymask.app.vendor
	@touch $@

$(VENV)/.web: $(VENV)/.vendor tests/web/package-lock.json
	@npm ci --prefix tests/web --silent --no-audit --no-fund --ignore-scripts
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	@echo "Installing the tools for tests and lints ..."
	@$(INSTALL) -e '.[dev]'
	@touch $@

$(VENV)/.core: pyproject.toml $(VENV)/.made
	@echo "Installing PyTorch (some 200 MB, a minute or two) ..."
	@$(INSTALL) $(TORCH)
	@echo "Installing anymask ..."
	@$(INSTALL) -e .
	@touch $@

# Debian splits the module that puts pip into a new environment off into python3-venv. Without it, a pip
# outside can do the work; without that too, root may install the package; anyone else is told the command.
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
	    echo "This Python cannot make environments yet. Running: $(NEEDS_VENV)"; \
	    { $(NEEDS_VENV); } >/dev/null && $(PYTHON) -m venv $(VENV); \
	else \
	    echo "This Python cannot make environments: its module ensurepip is missing." >&2; \
	    echo "Run: sudo sh -c '$(NEEDS_VENV)', then make $(MAKECMDGOALS) again." >&2; exit 1; \
	fi
	@touch $@
