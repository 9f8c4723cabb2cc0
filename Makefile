# make demo   the whole tour on the pocket model: a table and a report, no network after the install
# make test   everything that must hold: lint, types, import contract, tests
# make check  the same without the tests
# make bench  every benchmark, written to benchmarks/RESULTS.md
# make verifiers trains the pocket verifiers on the pocket model's own chains and measures them (a quarter of an hour)
# make recovery trains the planted models and measures on them what each audit recovers, into docs/audits.md
# make pocket trains the pocket model from scratch (about an hour on two cores; STEPS=300 for a try); make card measures it

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= workings-demo
STEPS ?=
export HF_HUB_OFFLINE = 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test check bench pocket card verifiers recovery clean

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("workings needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/pip install -q -c constraints.txt -e ".[all]"
	touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(BIN)/pip install -q -c constraints.txt -e ".[all,dev]"
	touch $@

demo: $(VENV)/.installed
	$(BIN)/workings run --folder $(DEMO) --count 40 --seed 1 \
	  --problems shell-game last-letters chain-arithmetic word-problems shell-game:lengths=out word-problems-new \
	  --methods direct draft cot vote:n=8 --baseline cot --report $(DEMO)/report.html

check: $(VENV)/.dev
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/all.py

pocket: $(VENV)/.installed
	$(BIN)/python -m workings.train.pocket src/workings/models/pocket $(STEPS)

card: $(VENV)/.installed
	$(BIN)/python benchmarks/pocket_card.py

verifiers: $(VENV)/.installed
	$(BIN)/python benchmarks/pocket_verifiers.py

recovery: $(VENV)/.installed
	$(BIN)/python benchmarks/planted.py --folder .workings-planted
	$(BIN)/python benchmarks/recovery.py --folder .workings-planted --write

clean:
	rm -rf $(VENV) $(DEMO) build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
