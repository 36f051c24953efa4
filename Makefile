# make demo       crawl the bundled sample site and show what comes out
# make test       ruff, mypy and the quick tests; make lint is the first part
# make test-full  every test but those of the night; make test-full ONLY=slow leaves out what `make test` has run
# make nightly    what only grows, damages or compares at length, all slow tests, and a fourth of them with each command in an
#                 interpreter of its own, on disk; up to five hours. make nightly PARTS="tests torture" runs only these
# make quick      the quick tests alone; those of a room: make quick ROOM=output/write
#                 with another Python: make quick VENV=.cache/python3.13 PYTHON=python3.13
# make lowest     a demo crawl and some of the quick tests with the lowest versions that pyproject.toml allows
# make expected   write the files of expected texts in tests/ anew, after a change that is meant; read their difference
# make mutants    put faults into the code one at a time, in a copy, and count those that the quick tests notice: another
#                 sixty at each run, some twenty minutes
# make pins       write constraints.txt anew, with the newest version of everything, and locked.txt: of those, what an
#                 installation needs, with hashes
# make bench      the benchmarks; they need the evaluation data in ../shared
# make bench-quality  the cleaner beside six other extractors; needs ../shared, installs the extractors
# make torture    1,000 kinds of damage to an archive, through every verb, and a hundred archives that are meant to harm;
#                 some thirty minutes
# make train      train the models anew, on the corpora that tests/training/corpora.py weighs; it needs the evaluation
#                 data in ../shared
# make docs       the documentation as a site in docs/_build, to be opened from its folder; lists what reads badly
# make dist       the sdist and the wheel in dist/, checked as a registry checks them, and build/sbom.json, which lists what
#                 they need with versions and hashes; uploads nothing
# make pictures   take the documentation's pictures anew; needs Chromium
# make clean      remove what these made

VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$name && break; done)
PIP := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt \
	$(BIN)/python -m pip install -qq --disable-pip-version-check
# uv does in seconds what takes pip minutes; pip does it where uv cannot be had.
INSTALL = UV_CONSTRAINT=constraints.txt UV_BUILD_CONSTRAINT=constraints.txt UV_LINK_MODE=copy \
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --editable $(1) 2>/dev/null || $(PIP) --editable $(1)
# Each worker collects all tests, so what they import is compiled once before that. The slow tests wait a lot, and some
# of their files take minutes, so that a worker with nothing to do takes tests of a file from another.
WORKERS := 2
DIST := loadfile
COMPILE = PYTHONDONTWRITEBYTECODE= $(BIN)/python -m compileall -q -j 2 broadsheet cleaners crawler output
# A test that hangs ends its worker, which says where each thread stood: that is one failure, not a run without an end.
HUNG := 300
PYTEST = $(COMPILE) && PYTHONDONTWRITEBYTECODE= $(VARIABLES) $(BIN)/pytest -n $(WORKERS) --dist $(DIST) \
	-o faulthandler_timeout=$(HUNG) -o faulthandler_exit_on_timeout=true
LOWEST := .cache/lowest
TOOL = "$$($(PYTHON) -m tests.tools $(1))"
UV = $(call TOOL,uv)/uv
RESOLVE = $(UV) pip compile --quiet --universal --python-version 3.11 --upgrade --custom-compile-command 'make pins'
BENCHES := $(patsubst tests/bench/%.py,%,$(filter-out %/corpus.py,$(wildcard tests/bench/*.py)))

.PHONY: demo test lint test-full nightly quick lowest expected mutants pins bench bench-quality torture train docs dist pictures clean
.DELETE_ON_ERROR:

demo: $(READY)
	@$(BIN)/broadsheet demo

test: lint quick

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test-full: WORKERS := 4
test-full: DIST := worksteal
test-full: HUNG := 900
test-full: $(READY)
	$(PYTEST) -m "$(if $(ONLY),$(ONLY) and )not nightly" $(if $(SAMPLE),--sample $(SAMPLE))

nightly: $(READY)
	$(BIN)/python -m tests.nightly $(PARTS)

quick: $(READY)
	$(PYTEST) -m "not slow" $(if $(SAMPLE),--sample $(SAMPLE)) $(ROOM:%=tests/%)

# Not by way of constraints.txt: the versions are those that pyproject.toml states as the lowest.
lowest: pyproject.toml
	@rm -rf $(LOWEST)
	@$(UV) venv --quiet --python $(PYTHON) $(LOWEST)
	@VIRTUAL_ENV=$(LOWEST) $(UV) pip install --quiet --resolution lowest-direct --editable '.[dev]'
	@cd $(LOWEST) && bin/broadsheet demo
	$(LOWEST)/bin/pytest -n 3 --dist loadfile -m "not slow" tests/cleaners/page tests/crawler/fetch \
		tests/crawler/crawl/test_hosts.py tests/crawler/crawl/test_frontier.py \
		--ignore tests/cleaners/page/test_parsed_page.py  # asks which names a newer webencodings knows

expected: $(READY)
	BROADSHEET_EXPECT=1 $(BIN)/pytest -q -n 0 -p no:randomly -m "not slow" \
		$$(grep -rlE 'expected_texts|page_reports|output.told|import told' tests --include='test_*.py')
	git diff --stat -- '*.txt'

mutants: $(READY)
	nice $(BIN)/python -m tests.mutants

pins:
	grep -o 'setuptools[^"]*' pyproject.toml | head -1 | $(RESOLVE) pyproject.toml - \
		--extra dev --extra train --no-emit-package pip -o constraints.txt
	$(RESOLVE) pyproject.toml --constraints constraints.txt --generate-hashes --no-annotate -o locked.txt
	for name in archive coverage data docs pipeline release s3 tei uv; do $(RESOLVE) tests/pins/$$name.in -o tests/pins/$$name.txt || exit 1; done

bench: $(READY)
	for name in $(BENCHES); do $(BIN)/python -m tests.bench.$$name || exit 1; done

bench-quality: $(READY)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --upgrade 'pip>=24'  # 23.2 trips over lxml[html_clean]
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[bench,train]'
	$(BIN)/python -m tests.bench.quality
	$(BIN)/python -m tests.bench.textmode
	$(BIN)/python -m tests.bench.reasons

torture: $(READY)
	$(BIN)/python -m tests.robustness.torture

# Sums of several threads differ in their last bits, and with them the models.
train: export OPENBLAS_NUM_THREADS := 1
train: $(READY)
	@$(call INSTALL,'.[train]')
	for name in block_model line_model page_type_model; do \
		$(BIN)/python -m tests.training.$$name --date "$$(date +%F)" || exit 1; done

docs: $(READY)
	@$(BIN)/python docs/sentences.py
	@$(call TOOL,docs)/sphinx-build -q -W --keep-going -b html docs docs/_build
	@echo "The site: docs/_build/index.html"

dist: $(READY)
	@rm -rf dist
	@$(call TOOL,release)/pyproject-build --outdir dist . >/dev/null
	@$(call TOOL,release)/twine check --strict dist/*
	@mkdir -p build && $(call TOOL,release)/cyclonedx-py requirements locked.txt --pyproject pyproject.toml \
		--output-reproducible --of JSON -o build/sbom.json

pictures: $(READY)
	$(BIN)/python -m tests.pictures

clean:
	rm -rf docs/_build $(VENV) .cache build dist demo-out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt
	@for room in cleaners crawler output; do test -e broadsheet/$$room || ln -s ../$$room broadsheet/$$room; done  # an sdist has no links
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(NEW_ENOUGH)' 2>/dev/null || { echo \
		"Python 3.11 or newer is needed: apt install python3, or make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo \
		"python3 -m venv does not work here: apt install python3-venv" >&2; exit 1; }
	@echo "Installing into $(VENV) (once, a minute or two) …"
	@$(PYTHON) -m venv $(VENV)
	@$(call INSTALL,'.[dev]')
	@touch $@
