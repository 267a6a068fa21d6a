# make demo | test | test-all | redteam | lab | bench | bench-class | lessons | exercises | book | format | clean
PYTHON ?= python3
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# A course must not write into the home folder of whoever tests or shows it.
SANDBOXED := GRADER_PROGRESS= PYTHONWARNINGS=ignore::DeprecationWarning

.PHONY: demo test test-all lint notebooks redteam lab bench bench-class lessons exercises book format clean
.DEFAULT_GOAL := demo

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed, and $(PYTHON) is older. Try: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Setting up $(VENV) from constraints.txt (a few minutes, once) ..."
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python's venv module is missing: on Debian and Ubuntu install python3-venv." >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[course,cluster,test,book]'
	@touch $(READY)

demo: $(READY)
	@$(SANDBOXED) $(BIN)/grader demo

test: $(READY)
	@$(MAKE) --no-print-directory -j 2 lint notebooks  # lint keeps one processor busy, and most lessons wait
	$(SANDBOXED) $(BIN)/python -m pytest -n $(JOBS) tests

# And what takes long: more seeds, edits, students and kills; tests/repeats.py is the list.
test-all: test
	$(SANDBOXED) $(BIN)/python -m pytest -n $(JOBS) --all tests

# Hostile submissions alone.
redteam: $(READY)
	$(SANDBOXED) $(BIN)/python -m pytest -n $(JOBS) tests/redteam

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/grader format --check course solutions exercises examples

notebooks: $(READY)
	$(SANDBOXED) $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --nbval --nbval-current-env course/executed

# What students open: a folder of their own, without solutions; no news, and none of the instructors' tools.
LAB ?= lab
lab: $(READY)
	@$(BIN)/grader handout "$(LAB)"
	cd "$(LAB)" && JUPYTER_PATH="$(CURDIR)/grader/jupyter" JUPYTER_CONFIG_PATH="$(CURDIR)/grader/jupyter" "$(abspath $(BIN))/jupyter" lab $(if $(filter 0,$(shell id -u)),--allow-root) --ServerApp.root_dir=. \
	  --LabApp.default_url=/lab/tree/course/start.ipynb $(LAB_OPTIONS)

bench-class: $(READY)
	@$(SANDBOXED) $(BIN)/python tests/bench_class.py

bench: $(READY)
	@$(SANDBOXED) $(BIN)/python tests/bench.py

# Runs the lessons of course/, and keeps them with their text outputs where nbval finds them.
lessons: $(READY)
	$(SANDBOXED) $(BIN)/jupyter nbconvert --log-level ERROR --to notebook --execute --output-dir course/executed course/lesson_*.ipynb
	$(BIN)/grader format course/executed

exercises: $(READY)
	@$(SANDBOXED) $(BIN)/grader release

# The website, in build/book; lessons that did not change are not run again.
book: $(READY)
	rm -rf build/book
	$(SANDBOXED) $(BIN)/python docs/website/layout.py build/website
	$(SANDBOXED) $(BIN)/python -m sphinx -q -W --keep-going -b html -c docs/website -d build/doctrees build/website build/book
	@echo "The website begins at build/book/index.html"

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/grader format course solutions exercises examples

clean:
	rm -rf $(VENV) build demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
