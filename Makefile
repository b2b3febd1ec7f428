# Every target sets up what it needs; `make` alone lists them.

COVERAGE ?= 90
WORKERS ?= 2

READY := .venv/.ready
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help preview test coverage check format docs engine kubernetes kubernetes-node servers sdks checkov schema api proof-advice proof-functions proof-bundle proof-egress proof-egress-controls proof-pooling proof-pooling-controls proof-kubernetes proof-kubernetes-controls fuzz endurance bench setup lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.* ## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "make %-22s %s\n", $$1, $$2 }'

preview: $(READY) ## preview the reference stack offline: resources, sizes, cost
	@$(BIN)/loadfit preview prod

test: $(READY) ## run the tests
	@$(BIN)/pytest -n $(WORKERS) -rfEs

# Each room by its own tests: what starts engines, servers and whole stacks covers no more, and would be slowed down.
COVERING := $(addprefix tests/,core egress databases functions bundle stack reports cli hosted \
	test_config.py test_documents.py test_projects.py test_testing.py)

coverage: $(READY) ## measure what the tests of the library cover
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -n $(WORKERS) -q $(COVERING)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --fail-under=$(COVERAGE)

check: $(READY) ## check format, lint, types, the boundaries between modules, and the workflows
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/pyright
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/zizmor --quiet --offline --persona pedantic --strict-collection .github .pre-commit-hooks.yaml

format: $(READY) ## format the code and fix what the linter can fix
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

docs: $(READY) ## write what the documentation takes from the code
	@$(BIN)/python -m docs.generate

engine: ## build the Pulumi CLI that the engine tests need, where none is installed
	@tools/engine --build

kubernetes: ## build the Kubernetes API server that tests/kubernetes needs
	@tools/kubernetes --build

kubernetes-node: kubernetes ## build what a node runs: kubelet, kube-proxy, CoreDNS (for proof-kubernetes)
	@tools/kubernetes --build-node

servers: $(READY) ## fetch the PgBouncer of the tests and proofs, where this machine's own is too old
	@$(BIN)/python -m proofs.postgresql.programs

checkov: .checkov/.ready ## install checkov, which the tests let look at the stacks' resources

.checkov/.ready: tools/requirements-checkov.lock
	@tools/uv venv --quiet --clear .checkov
	@tools/uv pip sync --quiet --python .checkov --require-hashes tools/requirements-checkov.lock
	@touch $@

sdks: $(READY) ## set up what SDKs in TypeScript and Go are made and checked with (needs Go, npm's index)
	@tools/sdks

schema: $(READY) ## write the schema that programs in other languages see
	@$(BIN)/python -m tests.hosted.schema

api: $(READY) ## pack the function of the reference stack, with its driver, into build/api
	@rm -rf build/api
	@tools/uv pip install --quiet --python .venv --require-hashes --only-binary :all: --target build/api \
		--requirement stacks/api/requirements.txt
	@cp stacks/api/*.py build/api

proof-advice: $(READY) ## ask for advice on other people's functions (needs pip, npm and their indexes)
	@$(BIN)/python -m proofs.advice

proof-functions: $(READY) proof-bundle ## prove the sizes of functions by simulation, and their packages
	@$(BIN)/python -m proofs.functions --workers $(WORKERS)

proof-bundle: $(READY) ## prove what packing functions does, with packages from the indexes (some minutes)
	@$(BIN)/python -m proofs.bundle

proof-egress: $(READY) ## prove the sizes of the egress on this kernel's NAT (Linux, root; about a minute)
	@$(BIN)/python -m proofs.egress

proof-egress-controls: $(READY) ## plant a fault for each claim of proof-egress, and see it broken
	@$(BIN)/python -m proofs.egress --controls

proof-pooling: $(READY) servers ## prove the sizes of pools on PgBouncer and PostgreSQL (Linux; some minutes)
	@$(BIN)/python -m proofs.pooling

proof-pooling-controls: $(READY) servers ## plant a fault for each claim of proof-pooling, and see it broken
	@$(BIN)/python -m proofs.pooling --controls

proof-kubernetes: $(READY) engine kubernetes-node servers ## prove the pool on a Kubernetes node (Linux, root; some minutes)
	@LOADFIT_REQUIRE_SERVERS=1 $(BIN)/pytest -q tests/kubernetes
	@$(BIN)/python -m proofs.kubernetes

proof-kubernetes-controls: $(READY) engine kubernetes-node servers ## plant a fault for each claim of proof-kubernetes, and see it broken
	@$(BIN)/python -m proofs.kubernetes --controls

fuzz: $(READY) ## try fifty times as many documents as the tests do
	@FUZZ_TIMES=50 $(BIN)/pytest -n $(WORKERS) tests/test_hostile_documents.py -k test_any

endurance: $(READY) ## run a thousand programs in one process: memory stays flat, none depends on another
	@$(BIN)/python -m tests.endurance

bench: $(READY) ## measure what the command, a component and large documents cost
	@$(BIN)/python -m bench

setup: $(READY) ## set up .venv (the other targets do so by themselves)
	@:

$(READY): requirements.lock pyproject.toml
	@echo "Setting up .venv from requirements.lock (once)"
	@$(BIN)/python --version >/dev/null 2>&1 || tools/uv venv --quiet --clear .venv
	@tools/uv pip sync --quiet --python .venv --require-hashes --compile-bytecode requirements.lock
	@tools/uv pip install --quiet --python .venv --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q components
	@touch $@

LOCK = UV_CUSTOM_COMPILE_COMMAND='make lock' tools/uv pip compile --quiet --universal --generate-hashes \
	--no-emit-index-url $(if $(UPGRADE),--upgrade)

lock: ## write requirements.lock from pyproject.toml (UPGRADE=1: with the newest versions)
	@$(LOCK) --group dev --output-file requirements.lock pyproject.toml
	@echo pg8000 | $(LOCK) --constraint requirements.lock --output-file stacks/api/requirements.txt -
	@echo uv | $(LOCK) --python-version 3.11 --output-file tools/requirements-uv.lock -
	@echo checkov | $(LOCK) --python-version 3.11 --no-annotate --output-file tools/requirements-checkov.lock -

clean: ## remove everything that the targets have made
	rm -rf .venv .tools .checkov .engine .go .kubernetes .sdks .servers .coverage .coverage.* .hypothesis .import_linter_cache .pytest_cache .ruff_cache build dist htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
