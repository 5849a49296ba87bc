# Everything happens in .venv, set up from requirements.lock by the first target that needs it. `make help` lists the targets.
# Choose another Python with PYTHON=python3.12.

VENV  := .venv
BIN   := $(VENV)/bin
READY := $(VENV)/.ready
ON_GPU = $(or $(PYTHON),python3)
PROMPT ?= Tell me a story about a red ball.
BROWSERS := chromium chromium-browser google-chrome google-chrome-stable \
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" /Applications/Chromium.app/Contents/MacOS/Chromium

# Containers often set this; then each process that tests start, and pytest itself, would compile every file again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help lab setup newest test test-gpu check lint refresh notebook language readme pictures slides site lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | awk -F '\t' '{printf "  make %-10s %s\n", $$1, $$2}'
	@$(NO_BROWSER)

lab: $(READY)  ## set up when needed, show one answer of the embedded model, open JupyterLab (ARGS="--no-browser" is passed on)
	@echo "> $(PROMPT)"
	@$(BIN)/mistral-edu generate "$(PROMPT)" --max-tokens 256
	@$(BIN)/mistral-edu lab $(ARGS)

setup: $(READY)  ## set up .venv only
	@$(NO_BROWSER)

newest: $(READY)  ## replace what the lock pins by the newest versions that pyproject.toml allows (make clean setup goes back)
	@$(UV) && VIRTUAL_ENV="$(CURDIR)/$(VENV)" $$uv pip install --quiet --upgrade --editable ".[cpu,lab,test]"

test: $(READY)  ## run the whole suite on all processors: tests, doctests, every notebook, the browser (ARGS="-k cache" is passed on)
	@$(NO_BROWSER)
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

test-gpu:  ## on an NVIDIA GPU, in an environment with .[cuda13,lab,test]: tests of the kernel there, then the quick part (PYTHON=...)
	@$(ON_GPU) -c 'import sys; from mistral_edu.fast.gpu.nvidia.device import gpu; sys.exit(None if gpu() else "MLX computes on no NVIDIA GPU \
	here. In a new environment: pip install -e \".[cuda13,lab,test]\" (or cuda12); then make test-gpu PYTHON=its/bin/python")'
	$(ON_GPU) -m pytest tests/test_on_gpu.py -v -s $(ARGS)
	$(ON_GPU) -m pytest tests mistral_edu -m "not slow and not browser and not gpu" $(ARGS)

check: $(READY)  ## run the quick part: ruff and mypy, but no notebooks and no browser
	$(BIN)/python -m pytest tests mistral_edu -m "not slow and not browser" -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(READY)  ## look for unused names, lines too wide, imports out of order, and types that do not fit
	$(BIN)/ruff check
	$(BIN)/mypy

refresh: $(READY)  ## run the notebooks again and store their outputs; one of them: make refresh NB=08
	$(BIN)/python -m mistral_edu.course.refresh $(NB) $(ARGS)

notebook: $(READY)  ## begin a page with all that belongs to it: make notebook NN=05 NAME=attention
	@$(BIN)/python -m mistral_edu.course.skeleton $(NN) $(NAME)
	@$(BIN)/python -m mistral_edu.course.refresh $(NN)
	@$(BIN)/python docs/readme.py > /dev/null

language: $(READY)  ## bring a translation up to date, or begin one, and say what it lacks: make language TO=de
	@$(BIN)/python -m mistral_edu.course.translations $(TO)

readme: $(READY)  ## bring README, docs/benchmarks.md and docs/scale.md up to date: map, chart, tables, what the first cell prints
	$(BIN)/python docs/readme.py
	$(BIN)/python -m mistral_edu.bench.scale --write docs/scale.md

pictures: $(READY)  ## take the pictures of README and docs/prompting.md again, from a real page in a browser
	$(BIN)/python -m pytest tests/test_browser_readme.py -q -k can_be_taken_again
	cp tests/screenshots/notebook.png tests/screenshots/prompting_*.png docs/

slides: $(READY)  ## write slides to build/slides, a file for each notebook, for any browser without a network; one of them: make slides NB=05
	$(BIN)/mistral-edu classroom slides $(NB) --folder build/slides

site: $(READY)  ## build the course as static pages in build/site; the first time every slider is recorded (ARGS=--still leaves that out)
	$(BIN)/python -m mistral_edu.site $(ARGS)

lock: $(BIN)/python  ## write requirements.lock anew from pyproject.toml: newest versions, with hashes, without addresses
	@$(UV) && $$uv pip compile pyproject.toml --extra cpu --extra lab --extra test --upgrade --universal --python-version 3.10 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet --output-file requirements.lock

clean:  ## remove what can be made again: .venv, caches, build folders
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- how .venv is made -------------------------------------------------------------------------------------------------

# The first Python that is new enough and can make environments; without one, a message that says which part is missing.
define FIND_PYTHON
for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do \
  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || continue; \
  "$$python" -c 'import venv, ensurepip' 2>/dev/null && found="$$python" && break || no_venv="$$python"; \
done; \
if [ -z "$$found" ] && [ -n "$$no_venv" ]; then \
  echo "$$no_venv cannot make environments: its module venv is missing. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; \
elif [ -z "$$found" ]; then \
  echo "Python 3.10 or newer is needed, and was not found (python3 is $$(python3 --version 2>&1))." >&2; \
  echo "Install one from your system's packages or from python.org, or name it: make lab PYTHON=/path/to/python3" >&2; exit 1; \
fi
endef

# What is lost without a browser, and how to get one; nothing where there is one.
define NO_BROWSER
found=; for browser in $(BROWSERS); do if command -v "$$browser" >/dev/null; then found=yes; fi; done; \
if [ -z "$$found" ]; then printf '%s\n' \
  "No Chromium or Chrome was found. To learn, any browser will do; but make test then skips what it tries out in a real page:" \
  "sliders, the chat panel, the inspector, pictures, the keyboard, accessibility. To get one: apt install chromium (Debian)," \
  "snap install chromium (Ubuntu), dnf install chromium (Fedora), brew install --cask google-chrome (macOS)."; fi
endef

# uv from .venv, else from PATH, else brought by pip.
define UV
uv=$(BIN)/uv; [ -x "$$uv" ] || uv=$$(command -v uv) || { $(BIN)/python -m pip install --quiet --disable-pip-version-check uv && uv=$(BIN)/uv; }
endef

$(BIN)/python:
	@$(FIND_PYTHON); echo "Making $(VENV) with $$("$$found" --version)"; "$$found" -m venv --clear $(VENV)

$(READY): requirements.lock pyproject.toml $(BIN)/python
	@echo "Setting up $(VENV) from requirements.lock (about 1 GB, once)"
	@$(UV) && export VIRTUAL_ENV="$(CURDIR)/$(VENV)" && \
	  $$uv pip install --quiet --requirement requirements.lock && \
	  $$uv pip install --quiet --no-deps --editable .
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib >/dev/null || true  # uv leaves that to the first import. (Some files are templates, and no Python.)
	@mkdir -p $(VENV)/share/jupyter/lab/settings  # JupyterLab asks nothing about news, and shows Markdown as pages
	@echo '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"},' \
	  '"@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}}}' \
	  > $(VENV)/share/jupyter/lab/settings/overrides.json
	@touch $(READY)
