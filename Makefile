# make demo     install what is missing, then run the demo and write its report (offline after installation)
# make test     install what is missing, then run all tests
# make wordnet  WordNet for studies that compare with it: Debian's and Ubuntu's packages, laid out for NLTK
# make study STUDY=cichy92 DATA=<folder>    run a study of config/studies and write its report
# make slurm    a Slurm for the tests of tests/cluster, from Debian's and Ubuntu's packages
# make chromium a browser for the test that opens the report, from Debian's packages
# make status   how far each unit is, beside a run or after it (CONFIG=config/studies/mine.yaml DATA=<folder> for a study)
# make dag      the graph of rules, and of jobs, as SVG in results/dag (CONFIG and DATA as above; needs Graphviz)
# make lint     style of Python and of the workflow, types, spelling, and a static security check
# make coverage which lines of src/ no test of tests/unit runs (minutes; PYTEST="tests" for all tests)
# make audit    known weaknesses of the installed packages (needs a network; says so where there is none)
# make docs     the pages as a site in build/docs; a broken link is an error
# make bench    side-by-side measurements, mutants and hostile data, numbers in benchmarks/out (minutes; BENCH=--full for the long scaling curves)

PYTHON ?= python3
CORES  ?= 2
DATA   ?= .
STUDY  ?= cichy92
VENV   := .venv
BIN    := $(CURDIR)/$(VENV)/bin
RUN    := PATH="$(BIN):$$PATH" $(BIN)/snakemake --cores $(CORES)
# What is checked for spelling.
PROSE  := README.md CHANGELOG.md Makefile Snakefile docs src workflow config tests benchmarks envs slurm profiles
# The study of CONFIG, or the demo.
CONFIG ?=
CHOSEN  = $(if $(CONFIG),--configfile $(CONFIG) --config data_dir=$(DATA))

.PHONY: demo study test wordnet slurm chromium status dag lint coverage audit docs bench reference clean
.DELETE_ON_ERROR:

demo: $(VENV)/.workflow
	$(RUN)
	$(RUN) --report results/demo/report.zip
	@echo && echo "The report is results/demo/report.zip: unpack it and open report.html."

study: $(VENV)/.workflow wordnet
	$(RUN) --configfile config/studies/$(STUDY).yaml --config data_dir=$(DATA) -- datasets
	$(RUN) --configfile config/studies/$(STUDY).yaml --config data_dir=$(DATA)
	$(RUN) --configfile config/studies/$(STUDY).yaml --config data_dir=$(DATA) --report results/$(STUDY)/report.zip
	@echo && echo "The report is results/$(STUDY)/report.zip: unpack it and open report.html."

test: $(VENV)/.dev lint wordnet slurm chromium
	PATH="$(BIN):$$PATH" $(BIN)/python -m pytest --numprocesses $(CORES) --dist loadfile --no-loadscope-reorder $(PYTEST)

# Where it cannot be installed, tests that need WordNet are skipped and say how to get it.
wordnet: $(VENV)/.workflow
	sh envs/wordnet.sh $(BIN)/python $(VENV)/nltk_data

# Where it cannot be installed, tests that need a Slurm are skipped and say how to get it.
slurm:
	sh envs/slurm.sh

# Where it cannot be installed, the test that opens the report is skipped and says how to get it.
chromium:
	sh envs/chromium.sh

status: $(VENV)/.workflow
	$(RUN) $(CHOSEN) --quiet all --nolock --forcerun status -- status

dag: $(VENV)/.workflow
	@command -v dot > /dev/null || { echo "Graphviz draws the graphs. On Debian and Ubuntu: apt-get install graphviz"; exit 1; }
	mkdir -p results/dag
	$(RUN) $(CHOSEN) --rulegraph --forceall | dot -Tsvg -o results/dag/rules.svg
	$(RUN) $(CHOSEN) --dag --forceall | dot -Tsvg -o results/dag/jobs.svg

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/kernels.py
	$(BIN)/python benchmarks/permutations.py --device cuda
	$(BIN)/python benchmarks/scaling.py $(BENCH)
	$(BIN)/python benchmarks/calibration.py --processes $(CORES)
	$(BIN)/python benchmarks/patterns.py
	$(BIN)/python benchmarks/reweighting.py
	$(BIN)/python benchmarks/dry_run.py
	$(BIN)/python benchmarks/occlusion.py
	$(BIN)/python benchmarks/precision.py
	$(BIN)/python benchmarks/mutation.py
	$(BIN)/python -m pytest tests/unit/test_fuzzing_files.py tests/unit/test_fuzzing_pruning.py --hypothesis-profile=full
	$(BIN)/python benchmarks/corruption.py
	$(BIN)/python benchmarks/faults.py

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	PATH="$(BIN):$$PATH" $(BIN)/snakemake --lint
	$(BIN)/mypy
	$(BIN)/codespell $(PROSE)

# Lines that only workflow tests run count only with PYTEST=tests, and not those that jobs run in processes of their own.
coverage: $(VENV)/.dev
	PATH="$(BIN):$$PATH" $(BIN)/python -m pytest --numprocesses $(CORES) --dist loadfile --no-loadscope-reorder --cov=isoprune \
	  --cov-report=term-missing:skip-covered $(if $(PYTEST),$(PYTEST),tests/unit)

docs: $(VENV)/.dev
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --conf-dir docs . build/docs
	@echo "The site is build/docs/index.html."

# Not part of `make test`, which needs no network. pip-audit lives by itself, so that it changes none of what it audits.
audit: $(VENV)/.dev
	test -x $(VENV)/audit/bin/pip-audit || { $(BIN)/python -m venv $(VENV)/audit && \
	  $(VENV)/audit/bin/python -m pip install --quiet pip-audit==2.10.1; } || \
	  { echo "Not audited: pip-audit cannot be installed without a network."; exit 2; }
	$(BIN)/python envs/audit.py $(BIN)/python $(VENV)/audit/bin/pip-audit

# The pages that are written from the code; a test fails when they are behind.
reference: $(VENV)/.workflow
	$(BIN)/python -m isoprune.config

# Virtual environment: what the workflow needs, then what developers need. Each is made again when its list changes.
$(VENV)/.workflow: envs/requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "isoprune needs Python 3.11 or newer; found $$($(PYTHON) --version). Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "Virtual environments are not there. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --requirement envs/requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.workflow envs/requirements-dev.txt
	$(BIN)/python -m pip install --quiet --requirement envs/requirements-dev.txt
	touch $@

clean:
	rm -rf results build $(VENV)
