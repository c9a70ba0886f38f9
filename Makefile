# Every target sets up .venv by itself on a fresh machine; a second call starts at once. `run` and `lab` install what
# a learner needs (requirements.txt), everything else what the project's own tests need (requirements-dev.txt).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV := $(VENV)/.ready-dev
SITE_BIN := .venv-site/bin
SITE_READY := .venv-site/.ready
CLASSROOM := .venv-classroom

# Options of JupyterLab, pytest, nbval and the linters: cmgsd_lite/cli/workshop.py, for shells without make too.
.PHONY: run test test-fast test-notebooks lint trust lab notebooks figures api audit site check-front-door classroom slides check-classroom check-release clean

run: $(READY)            ## the main job on the embedded data
	$(BIN)/python -m cmgsd_lite run

test: $(DEV)             ## everything that CI checks
	$(BIN)/python -m cmgsd_lite test

test-notebooks: $(DEV)   ## every notebook runs and gives its stored outputs: the students' set, then the solved one
	$(BIN)/python -m cmgsd_lite test notebooks

test-fast: $(DEV)        ## a quick look while working
	$(BIN)/python -m cmgsd_lite test fast

lint: $(DEV)             ## style and types
	$(BIN)/python -m cmgsd_lite test lint

trust: $(DEV)            ## what docs/TRUST.md promises, tried and counted: hours
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.faults.trust

lab: $(READY)            ## JupyterLab on the course; Ctrl-C ends it
	$(BIN)/python -m cmgsd_lite lab

notebooks: $(DEV)        ## build every chapter from its script, for students and solved
	OMP_NUM_THREADS=1 $(BIN)/python notebooks/build.py --jobs 2

figures: $(DEV)          ## every figure of the course as PNG and SVG, into build/figures
	OMP_NUM_THREADS=1 $(BIN)/python notebooks/build.py --jobs 2 --figures build/figures

classroom: $(CLASSROOM)/.ready  ## zips for students and teachers, nbgrader's tree; SEED=7 for the same hidden tests
	OMP_NUM_THREADS=1 $(CLASSROOM)/bin/python -m classroom $(if $(SEED),--seed $(SEED))

slides: $(CLASSROOM)/.ready  ## the deck for 90 minutes, as HTML and, where Chromium is at hand, as PDF
	OMP_NUM_THREADS=1 $(CLASSROOM)/bin/python -m classroom.deck

check-classroom: slides  ## zips, three students graded by nbgrader, slides
	OMP_NUM_THREADS=1 $(CLASSROOM)/bin/python -m pytest -n 2 tests/classroom

api: $(DEV)              ## docs/API.md from the docstrings
	$(BIN)/python docs/build_api.py
	$(BIN)/python docs/build_data.py

audit:                   ## known weaknesses of the tested versions; asks the network, and fails where it has no answer
	$(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install --quiet pip-audit
	build/audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements-hashes.txt
	build/audit/bin/pip-audit --strict --disable-pip --no-deps -r requirements-dev.txt

site: $(SITE_READY)      ## the course as web pages, from the stored outputs, into build/site/html
	rm -rf build/site
	$(SITE_BIN)/python site/stage.py build/site/source
	$(SITE_BIN)/python -m sphinx -q -W --keep-going -j auto -d build/site/doctrees build/site/source build/site/html
	$(SITE_BIN)/python site/links.py build/site/html

check-front-door: site check-classroom  ## everything that is handed out: site, class room, slides; in a browser of the system
	$(SITE_BIN)/python -m pytest --confcutdir=tests/site tests/site

$(SITE_READY): requirements-site.txt
	$(PYTHON) -m venv .venv-site
	$(SITE_BIN)/python -m pip install --quiet -r requirements-site.txt
	touch $(SITE_READY)

check-release:           ## builds wheel and sdist into dist/ and checks them, with tools of their own in build/release
	$(PYTHON) -m venv build/release
	build/release/bin/python -m pip install --quiet -r requirements-release.txt
	build/release/bin/python docs/check_release.py

$(READY): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements.txt -e .
	touch $(READY)

$(DEV): $(READY) requirements-dev.txt
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	touch $(DEV)

$(CLASSROOM)/.ready: requirements-classroom.txt requirements.txt pyproject.toml
	$(PYTHON) -m venv $(CLASSROOM)
	$(CLASSROOM)/bin/python -m pip install --quiet -r requirements-classroom.txt -e .
	touch $(CLASSROOM)/.ready

clean:
	rm -rf $(VENV) .venv-site $(CLASSROOM) build/site .pytest_cache .mypy_cache .ruff_cache .hypothesis runs
