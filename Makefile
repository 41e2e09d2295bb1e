# From a fresh clone, `make run` shows the main job and `make test` checks it. Both install what they
# need. Requirements: Linux or macOS, make, CPython 3.13, Node 20+.

.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
RUN_READY := $(VENV)/.installed-run
PYTHON_READY := $(VENV)/.installed-dev
NODE_READY := node_modules/.installed
AZURE_CLI := .venv-azure-cli
AZURE_CLI_READY := $(AZURE_CLI)/.installed
CHECKOV := .venv-checkov
CHECKOV_READY := $(CHECKOV)/.installed
SOURCES := function_app.py shared local bench tests
export HOST_PORT ARM_PORT AZURITE_TABLE_PORT AZURITE_QUEUE_PORT AZURITE_BLOB_PORT ONCE SECONDS_OF_CHAOS SEED ONLY THOROUGH HOST_COMMAND
# The stack and the tests start hundreds of processes, and each would compile the sources again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run test test-recordings chaos conformance conformance-host bench screenshots lint reading audit format licences codes schema routable-tags services snapshots template package sbom requirements clean

help:
	@echo "make run           run the weekly sync on a sample Azure, repair a deleted route, then serve until Ctrl-C (ONCE=1: do not serve)"
	@echo "make test          check lint, format, types and layers, and run all tests (ONLY=tests/domain or ONLY=word: only these tests; THOROUGH=1: more cases of those that are drawn)"
	@echo "make test-recordings  check that the simulated Azure answers as the recorded real one"
	@echo "make chaos         run fault schedules for SECONDS_OF_CHAOS (600) seconds, drawn from SEED"
	@echo "make conformance   run the Azure CLI on the simulated Azure, and let it read the commands of the examples (some minutes)"
	@echo "make conformance-host  run the tests of the functions on the real Functions host: func, or HOST_COMMAND (half an hour)"
	@echo "make bench         measure the speed beside today's ways: bench/results.json, docs/scale.md, docs/cost.md (45 minutes)"
	@echo "make screenshots   take the README's pictures from the local stack (needs chromium)"
	@echo "make audit         list known vulnerabilities of the dependencies (asks the Python Package Index)"
	@echo "make template      build build/azuredeploy.json, for a deployment without azd (needs Bicep)"
	@echo "make package       build build/ase-route-sync.zip, for a deployment without azd"
	@echo "make sbom          build build/sbom.json, which lists the contents of that package (CycloneDX)"
	@echo "make licences      write docs/licences.md again"
	@echo "make codes         write the tables of codes in docs/operations.md again"
	@echo "make schema        write docs/tables.schema.json again"
	@echo "make routable-tags  write again which service tags a route may have, from Microsoft's weekly files in the folder DOCUMENTS"
	@echo "make services      write docs/services.md again"
	@echo "make snapshots     write again what infra/ deploys, one file for each profile of tests/infra/profiles (needs Bicep)"
	@echo "make format        format the code as make test expects it"
	@echo "make reading       measure how well the code and the pages read"
	@echo "make requirements  pin requirements*.in again"
	@echo "make clean         remove everything that set-up installed"

BEGUN := $(shell date +%s)
# Independent prerequisites are installed at the same time.
TOGETHER := @$(MAKE) --no-print-directory --silent --jobs=3

setup:
	$(TOGETHER) $(PYTHON_READY) $(NODE_READY)

run:
	$(TOGETHER) $(RUN_READY) $(NODE_READY)
	@$(BIN)/python -m local.run

test:
	$(TOGETHER) $(PYTHON_READY) $(NODE_READY) $(if $(ONLY),,$(CHECKOV_READY))
ifdef ONLY
	@$(BIN)/python -m pytest $(if $(filter tests tests/% -%,$(firstword $(ONLY))),$(ONLY),-k "$$ONLY")
else
	@$(BIN)/python -m local.checks --begun $(BEGUN)
endif

test-recordings: setup
	$(BIN)/pytest tests/recordings
	@$(BIN)/python -m tests.recordings

conformance: setup $(AZURE_CLI_READY)
	@$(BIN)/python -m local.conformance $(AZURE_CLI)/bin/az
	@$(BIN)/python -m pytest --quiet -k azure_cli_knows tests/examples

conformance-host: setup
	@$(BIN)/python -m local.conformance_host

bench: setup
	@$(BIN)/python -m bench

screenshots: setup
	@$(BIN)/python -m local.screenshots

chaos: setup
	@$(BIN)/python -m tests.chaos

lint: setup
	@$(BIN)/python -m local.checks --static

reading: setup
	@$(BIN)/python -m local.reading

format: setup
	$(BIN)/ruff check --fix $(SOURCES) examples
	$(BIN)/ruff format $(SOURCES) examples

audit: setup
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements.txt -r requirements-cli.txt

licences: setup
	@$(BIN)/python -m local.licences > docs/licences.md

codes: setup
	@$(BIN)/python -m local.codes

schema: setup
	@$(BIN)/python -m local.schema

routable-tags: setup
	@$(BIN)/python -m local.routable_tags $(DOCUMENTS)

services: setup
	@$(BIN)/python -m local.services

snapshots: setup
	@$(BIN)/python -m local.snapshots

template:
	@mkdir -p build
	@"$(PYTHON)" -m local.bicep build infra/main.bicep --outfile build/azuredeploy.json

package: setup
	@mkdir -p build && rm -f build/ase-route-sync.zip
	@git archive --format=zip -o build/ase-route-sync.zip HEAD \
		function_app.py host.json requirements.txt shared ':!shared/cli' ':!shared/__main__.py'

sbom: setup
	@mkdir -p build
	@$(BIN)/python -W ignore -m cyclonedx_py requirements --pyproject pyproject.toml --output-reproducible -o build/sbom.json requirements.txt

PIN := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

requirements: setup
	$(PIN) requirements.in -o requirements.txt
	$(PIN) --constraint requirements.txt requirements-cli.in -o requirements-cli.txt
	$(PIN) requirements-local.in -o requirements-local.txt
	$(PIN) requirements-dev.in -o requirements-dev.txt
	$(PIN) local/conformance-requirements.in -o local/conformance-requirements.txt
	$(PIN) tests/infra/checkov-requirements.in -o tests/infra/checkov-requirements.txt

clean:
	rm -rf $(VENV) $(AZURE_CLI) $(CHECKOV) node_modules .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

# Install the pinned requirements among the prerequisites into the target's folder, by uv if it is
# installed, otherwise by pip. Both show their progress.
UV := $(shell command -v uv)
REQUIREMENTS = $(filter %.txt,$^)
INSTALL_WITH_UV = $(UV) pip install --python $(@D)/bin/python --compile-bytecode
INSTALL_WITH_PIP = $(@D)/bin/pip install --disable-pip-version-check --progress-bar off
define COUNTED
| { all=$$(cat $(REQUIREMENTS) | grep -c '^[^ ]*=='); n=0; \
	while read -r word _; do case "$$word" in \
		(Collecting|Processing|Requirement) ((++n % 20)) || echo "  $(@D): $$n of at most $$all packages";; \
		(Installing) echo "  $(@D): unpacking them";; \
	esac; done; }
endef
define INSTALL
	@set -o pipefail; $(if $(UV),$(INSTALL_WITH_UV),$(INSTALL_WITH_PIP)) \
		--require-hashes $(addprefix -r ,$(REQUIREMENTS)) $(if $(UV),,$(COUNTED))
	@touch $@
endef
NEW_ENVIRONMENT = @rm -rf $(@D) && $(if $(UV),$(UV) venv --quiet --seed --python "$(PYTHON)",\
	"$(PYTHON)" -m venv) $(@D)

$(RUN_READY): requirements.txt requirements-cli.txt requirements-local.txt .python-version
	@"$(PYTHON)" -c 'import sys; want = open(".python-version").read().strip(); have = "%d.%d" % sys.version_info[:2]; sys.exit(None if have == want else f"CPython {want} is needed, but {sys.executable} is {have}; set PYTHON=...")'
	@echo "· Installing Python packages into $(VENV) (half a minute, once)"
	$(NEW_ENVIRONMENT)
	$(INSTALL)

$(PYTHON_READY): requirements-dev.txt $(RUN_READY)
	@echo "· Installing the tests' packages into $(VENV) (a minute, once)"
	$(INSTALL)

$(AZURE_CLI_READY): local/conformance-requirements.txt .python-version
	@echo "· Installing the Azure CLI into $(AZURE_CLI) (some minutes, once)"
	$(NEW_ENVIRONMENT)
	$(INSTALL)

$(CHECKOV_READY): tests/infra/checkov-requirements.txt .python-version
	@echo "· Installing checkov into $(CHECKOV) (a minute, once)"
	$(NEW_ENVIRONMENT)
	$(INSTALL)

$(NODE_READY): package.json package-lock.json
	@node -e 'const have = +process.versions.node.split(".")[0]; if (have < 20) { console.error("Node 20 or newer is needed, but this is " + process.version); process.exit(1) }'
	@echo "· Installing Azurite into node_modules (some seconds, once)"
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@
