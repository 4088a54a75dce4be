# make run    open the workbench page (installs what is missing first)
# make test   lint and every test but `make soak`; installs a browser if there is none
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
RUN_STAMP := $(VENV)/.installed-run
TEST_STAMP := $(VENV)/.installed-test
APT := DEBIAN_FRONTEND=noninteractive apt-get
BENCH_OUT ?= results/phantoms

export GRADIO_ANALYTICS_ENABLED := False
export HF_HUB_DISABLE_TELEMETRY := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: help run test test-fast soak lint format bench model stages install browser

help:
	@echo "make run        open the page on http://127.0.0.1:7860   (options: make run ARGS='--port 7861')"
	@echo "make test       lint, all tests, browser tests           (make test-fast: the quick ones only)"
	@echo "make soak       long load, kill and random-walk runs     (on a quiet machine; not part of make test)"
	@echo "make lint       ruff, format, JavaScript syntax           (make format: apply the format)"
	@echo "make model      train the shipped pair again: CORPUS=folder HELD_OUT=folder (hours)"
	@echo "make stages     reinforcement and rare conditions from the shipped weights: CORPUS=folder (half an hour)"
	@echo "make bench      the shipped phantom results again, in $(BENCH_OUT), beside the shipped ones"

run: $(RUN_STAMP)
	@exec $(PY) app.py $(ARGS)

test test-fast soak: export PYTHONDONTWRITEBYTECODE := 1

# Two workers; a file's tests share its worker, and so its page, browser and models.
PYTEST := $(PY) -m pytest -q -n 2 --dist loadfile

test: lint browser
	$(PYTEST) -m "not soak" $(ARGS)

test-fast: $(TEST_STAMP)
	$(PYTEST) -m "not slow and not browser and not gpu and not soak" $(ARGS)

soak: browser
	$(PY) -m pytest -q -m soak $(ARGS)

# Not fatal without node, as without a browser: the check is left out, and says so.
lint: $(TEST_STAMP)
	$(PY) -m ruff check --no-cache .
	$(PY) -m ruff format --no-cache --check .
	@node=$$($(PY) -B -m tests.node); \
	if [ -z "$$node" ]; then echo "No node found: the JavaScript was not checked." >&2; exit 0; fi; \
	for file in assets/viewer/*.js workbench/ui/html/scripts/*.js tests/viewer/*.mjs; do "$$node" --check "$$file"; done

format: $(TEST_STAMP)
	$(PY) -m ruff check --no-cache --fix .
	$(PY) -m ruff format --no-cache .

bench: $(RUN_STAMP)
	$(PY) -m workbench bench run --items phantoms --model base --model tuned --out $(BENCH_OUT) \
	  --condition image --condition blank --condition shuffled_image --condition shuffled_options
	for model in base tuned; do \
	  $(PY) -m workbench bench compare assets/bench/results/phantoms\#$$model $(BENCH_OUT)\#$$model; done

# The shipped pair from scratch; a stage that was stopped goes on, a finished one returns at once.
model: $(RUN_STAMP)
	@if [ -z "$(CORPUS)" ]; then echo "make model CORPUS=folder with manifest.jsonl [HELD_OUT=folder]" >&2; exit 1; fi
	$(PY) -m workbench train tokenizer --corpus $(CORPUS)
	for stage in vision base tuned; do \
	  $(VENV)/bin/torchrun --standalone --nproc_per_node 2 -m workbench train $$stage --corpus $(CORPUS); done
	$(PY) -m workbench train evaluate $(if $(HELD_OUT),--held-out $(HELD_OUT))

# The two later stages from the shipped tuned weights; what each stage changed goes into the cards.
stages: $(TEST_STAMP)
	@if [ -z "$(CORPUS)" ]; then echo "make stages CORPUS=folder with manifest.jsonl [HELD_OUT=folder]" >&2; exit 1; fi
	$(VENV)/bin/torchrun --standalone --nproc_per_node 2 -m workbench train reinforce --model tuned \
	  --data manifest:$(CORPUS) --phantoms 0.6 --prompts 8 --rate 5e-5 --out runs/reinforce
	$(VENV)/bin/torchrun --standalone --nproc_per_node 2 -m workbench train rare --model runs/reinforce/model \
	  --data manifest:$(CORPUS) --questions 160 --rare-share 0.5 --samples 6 --steps 20 --batch 8 --rate 5e-5 \
	  --out runs/rare
	$(PY) -m workbench train evaluate $(if $(HELD_OUT),--held-out $(HELD_OUT)) --after base=assets/models/base \
	  --after +SFT=assets/models/tuned --after +RL=runs/reinforce/model --after +rare=runs/rare/model

install: $(RUN_STAMP)

# A half-made environment (an interrupted first run) is made again; a working one is kept.
$(RUN_STAMP): requirements.txt packages.txt
	@if ! $(PY) -m pip --version >/dev/null 2>&1; then \
	  python=; \
	  for name in "$${PYTHON:-python3.11}" python3.11 python3.12 python3.13 python3 python; do \
	    if "$$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	      python=$$name; break; fi; \
	  done; \
	  if [ -z "$$python" ]; then \
	    echo "Python 3.11 or newer with its venv module is needed. Install it (Debian: apt-get install" \
	      "python3 python3-venv) or name one: make run PYTHON=/path/to/python3.11" >&2; exit 1; fi; \
	  echo "Making $(VENV) with $$("$$python" --version) ..."; \
	  "$$python" -m venv --clear $(VENV); \
	fi
	@echo "Installing the pinned requirements; the first time takes a few minutes ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@if ! $(PY) -c 'import cv2' 2>/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing the system libraries that OpenCV needs: $$(xargs < packages.txt)"; \
	    $(APT) update -qq && $(APT) install -y -qq --no-install-recommends $$(xargs < packages.txt) >/dev/null || true; \
	  fi; \
	  if ! $(PY) -c 'import cv2' 2>/dev/null; then \
	    echo "OpenCV can't load its system libraries. Install libGL and glib and try again (Debian and" \
	      "Ubuntu: sudo apt-get install $$(xargs < packages.txt))." >&2; exit 1; fi; \
	fi
	@touch $@

$(TEST_STAMP): $(RUN_STAMP) requirements-dev.txt requirements-train.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# Never fatal: without a browser the tests that need one are skipped, and say so.
browser: $(TEST_STAMP)
	@if $(PY) -c 'import sys, workbench.doctor as d; sys.exit(d.find_browser() is None)'; then exit 0; fi; \
	echo "No Chromium found; installing one for the browser tests ..."; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  $(APT) update -qq && $(APT) install -y -qq --no-install-recommends chromium >/dev/null && exit 0; \
	fi; \
	$(PY) -m playwright install chromium || \
	  echo "No browser could be installed; the browser tests will be skipped. Install Chromium to run them." >&2
