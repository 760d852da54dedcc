# FreeInference Edge: every way of building, running, testing and measuring it. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BINARY := .build/release/freeinference
PYTHON := .build/venv/bin/python3

# XCTest is switched off: it would close each run by saying that it executed nothing.
SWIFT_TEST := swift test --disable-xctest
# End-to-end tests measure time, on few cores: one after the other.
END_TO_END := --filter '^EndToEnd\.' --no-parallel
UNIT := --skip '^EndToEnd\.'
# Those in which workers, the control thread, the log and the keys have the most to do with one another.
THREADS := AccessLog Admin Balance CoalescedError Drain Endings ExecutorHTTP2 Failover HealthProbe KeyLimit Key \
	LeavingAStream LeavingInThePrefill Name Queue TLSResumption Turn UnixSocket Upgrade

export FREEINFERENCE_BINARY ?= $(CURDIR)/$(BINARY)
export FREEINFERENCE_PYTHON ?= $(CURDIR)/$(PYTHON)

##@ Build
.PHONY: build debug setup setup-test deb sbom clean
build: ## the release binary, at .build/release/freeinference, and its debug information in freeinference.debug
	@infrastructure/scripts/strip.sh before
	swift build -c release --product freeinference --static-swift-stdlib
	@infrastructure/scripts/strip.sh after

debug: ## everything, tests included, for debugging
	swift build --build-tests

setup: ## install the Debian packages that building and testing need, where missing
	@infrastructure/scripts/setup.sh

setup-test: .build/venv/complete ## a virtual environment with the Python SDKs that the tests drive

# Made anew whenever the pinned versions change. A mark of its own, since the interpreter is a link out of the tree.
.build/venv/complete: Tests/EndToEnd/requirements.txt
	rm -rf .build/venv
	python3 -m venv .build/venv
	.build/venv/bin/pip install --quiet --disable-pip-version-check --requirement Tests/EndToEnd/requirements.txt
	touch $@

# llama.cpp for any x86-64 of the last ten years or ARM, little optimised: what it serves is tiny, and waits are wanted.
.build/venv-llama/complete: export CMAKE_ARGS := -DLLAVA_BUILD=OFF -DLLAMA_OPENSSL=OFF -DGGML_NATIVE=OFF \
	-DGGML_OPENMP=OFF -DCMAKE_C_FLAGS_RELEASE='-O1 -DNDEBUG' -DCMAKE_CXX_FLAGS_RELEASE='-O1 -DNDEBUG'
.build/venv-llama/complete: Tests/Llama/requirements-build.txt Tests/Llama/requirements.txt
	@infrastructure/scripts/setup.sh g++ python3-venv
	rm -rf .build/venv-llama
	python3 -m venv .build/venv-llama
	.build/venv-llama/bin/pip install --quiet --disable-pip-version-check --requirement Tests/Llama/requirements-build.txt
	@echo "building llama.cpp: five to ten minutes on two cores"
	.build/venv-llama/bin/pip install --quiet --disable-pip-version-check --no-build-isolation \
		--requirement Tests/Llama/requirements.txt
	touch $@

# Without resolving what packages ask for: Tests/VLLM/requirements.txt says why.
.build/venv-vllm/complete: Tests/VLLM/requirements.txt Tests/VLLM/distribution.py
	@infrastructure/scripts/setup.sh python3-venv
	rm -rf .build/venv-vllm
	python3 -m venv .build/venv-vllm
	@echo "installing vLLM: 3 GB, some minutes"
	.build/venv-vllm/bin/pip install --quiet --disable-pip-version-check --no-deps \
		--requirement Tests/VLLM/requirements.txt
	.build/venv-vllm/bin/python3 Tests/VLLM/distribution.py
	touch $@

# The linker's output, which strip.sh keeps, has the symbols for the debug package.
deb: setup build ## the Debian package and its debug package, in .build/deb: make deb [VERSION=0.1.0-2]
	@infrastructure/scripts/setup.sh debhelper dpkg-dev lintian man-db
	@infrastructure/scripts/deb.sh .build/release/freeinference.linked $(VERSION)

sbom: build ## what is inside of the release binary, with versions and licences: .build/freeinference.cdx.json
	infrastructure/scripts/sbom.py .build/release/freeinference.linked > .build/freeinference.cdx.json

clean: ## remove what was built; certs/ stays
	rm -rf .build

##@ Run
.PHONY: run
run: setup build ## the server and an executor on this machine, and a curl line to try
	@infrastructure/scripts/run.sh

##@ Test
.PHONY: test test-unit test-end-to-end test-debug test-llama test-vllm test-alerts test-certificates test-proxies test-systemd test-deb sanitize-address sanitize-thread h2spec fuzz
test: test-unit test-end-to-end ## all tests; installs what they need

test-unit: setup ## the tests of each floor
	$(SWIFT_TEST) $(UNIT)

test-end-to-end: setup setup-test build ## the release binary against real clients
	$(SWIFT_TEST) $(END_TO_END)

# Debug builds trap on assertions, too. A crash or a report of the sanitizer fails the test in which it comes.
# The log thread is not waited for at the end, since a reader of its pipe may never come: that is no leak.
test-debug: setup setup-test ## the end-to-end tests on a debug build, and a part of them under the thread sanitizer
	swift build --build-tests
	SWIFT_BACKTRACE=enable=no FREEINFERENCE_CROWD=200 FREEINFERENCE_BINARY=$(CURDIR)/.build/debug/freeinference \
	$(SWIFT_TEST) --skip-build $(END_TO_END)
	swift build --product freeinference --sanitize=thread --scratch-path .build/sanitize-thread
	TSAN_OPTIONS=suppressions=$(CURDIR)/infrastructure/sanitizers/thread.txt:halt_on_error=0:report_thread_leaks=0 SWIFT_BACKTRACE=enable=no \
	FREEINFERENCE_BINARY=$(CURDIR)/.build/sanitize-thread/debug/freeinference \
	$(SWIFT_TEST) --skip-build --no-parallel $(THREADS:%=--filter '^EndToEnd\.%Tests/')

# Not a part of `test`: its first run builds the engine.
test-llama: setup .build/venv-llama/complete build ## a real engine behind the edge; built from PyPI by the first run
	.build/venv-llama/bin/python3 Tests/Llama/run.py $(ARGUMENTS)

# Not a part of `test`: its first run installs 3 GB.
test-vllm: setup .build/venv-vllm/complete build ## vLLM and two coding agents behind and before the edge, from PyPI
	.build/venv-vllm/bin/python3 Tests/VLLM/run.py $(ARGUMENTS)

# Debian's package, unpacked and not installed: so no service of it is ever started.
.build/prometheus/complete:
	rm -rf .build/prometheus
	mkdir -p .build/prometheus
	cd .build/prometheus && { apt-get download -qq prometheus || { apt-get update -qq && apt-get download -qq prometheus; }; }
	dpkg-deb -x .build/prometheus/prometheus_*.deb .build/prometheus
	touch $@

test-alerts: setup .build/prometheus/complete build ## the shipped alerts in a real Prometheus, while executors die and come back
	Tests/Alerts/run.py .build/prometheus/usr/bin $(BINARY)

test-certificates: setup build ## 10,000 handshakes while a certificate and its key are replaced in the wrong order
	@Tests/Certificates/run.py --freeinference $(BINARY) $(ARGUMENTS)

test-proxies: setup setup-test build ## HAProxy, nginx and a client that behaves as Cloudflare does in front: the log names the right client
	@infrastructure/scripts/setup.sh haproxy nginx iproute2 openssl util-linux
	@$(PYTHON) Tests/Proxies/run.py --freeinference $(BINARY) $(ARGUMENTS)

test-systemd: setup build ## as root: the units under a real systemd, in a container
	@infrastructure/scripts/setup.sh debootstrap systemd-container util-linux curl
	@timeout --kill-after=60s 1800s Tests/Systemd/run.py --freeinference $(BINARY) $(ARGUMENTS)

test-deb: deb ## as root: the package is installed, upgraded under streams, rolled back, removed and purged, in a container
	@infrastructure/scripts/setup.sh debootstrap systemd-container util-linux curl
	@timeout --kill-after=60s 1200s Tests/Package/run.py --packages .build/deb $(ARGUMENTS)

# Each sanitizer has its own build folder: the builds cannot share one. What is suppressed, and why, is in
# infrastructure/sanitizers/. The backtracer would hang a crashing run.
sanitize-address: setup ## the unit tests under the address sanitizer (with leaks)
	ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 SWIFT_BACKTRACE=enable=no \
	LSAN_OPTIONS=suppressions=$(CURDIR)/infrastructure/sanitizers/leak.txt:print_suppressions=0 \
	$(SWIFT_TEST) $(UNIT) --sanitize=address --scratch-path .build/sanitize-address

sanitize-thread: setup ## the unit tests under the thread sanitizer
	TSAN_OPTIONS=suppressions=$(CURDIR)/infrastructure/sanitizers/thread.txt:halt_on_error=0 SWIFT_BACKTRACE=enable=no \
	$(SWIFT_TEST) $(UNIT) --sanitize=thread --scratch-path .build/sanitize-thread

h2spec: setup ## the HTTP/2 conformance suite: make h2spec H2SPEC=path
	@test -x "$(H2SPEC)" || { echo "usage: make h2spec H2SPEC=path of the h2spec program" >&2; exit 2; }
	@$(MAKE) build
	@infrastructure/scripts/h2spec.sh "$(H2SPEC)"

TIME ?= 60
fuzz: setup ## the fuzz targets, TIME seconds each: make fuzz TIME=600 [TARGET=json] [JOBS=1]
	@TIME=$(TIME) TARGET="$(TARGET)" infrastructure/scripts/fuzz.sh

##@ Measure
# Counted, not timed, so it holds on a busy machine and in CI. What each may cost is in Benchmarks/instructions/ratchet.json.
.PHONY: bench bench-streams bench-instructions bench-attacks bench-attackers bench-reload bench-upgrade bench-trace bench-engines setup-bench
bench: setup setup-bench build ## beside every proxy, all scenarios: make bench ARGUMENTS='--only short'
	@Benchmarks/run.py --freeinference $(BINARY) $(ARGUMENTS)

bench-streams: setup build ## streams beside HAProxy, in one run: make bench-streams ARGUMENTS='--rounds 7'
	@infrastructure/scripts/setup.sh haproxy
	@Benchmarks/streams/run.py --freeinference $(BINARY) $(ARGUMENTS)

bench-instructions: setup build ## instructions of a request, a token, a handshake; fails when one costs 1 % more
	@infrastructure/scripts/setup.sh valgrind binutils
	@Benchmarks/instructions/run.py --freeinference $(BINARY) $(ARGUMENTS)

bench-attacks: setup build ## short requests beside header bombs and floods: make bench-attacks ARGUMENTS='--only trailers'
	@Benchmarks/attacks/run.py --freeinference $(BINARY) $(ARGUMENTS)

bench-attackers: setup build ## a well-behaved client beside floods of one address and of 200, in network namespaces
	@infrastructure/scripts/setup.sh iproute2 openssl util-linux
	@Benchmarks/attackers/run.py --freeinference $(BINARY) $(ARGUMENTS)

bench-reload: setup build ## 100 reloads under 1000 streams and short requests: nothing may be cut, nothing may be left behind
	@Benchmarks/reload/run.py --freeinference $(BINARY) $(ARGUMENTS)

bench-upgrade: setup build ## 100 upgrades under 1000 streams and all kinds of clients: nothing may be cut, refused or reset
	@Benchmarks/upgrade/run.py --freeinference $(BINARY) $(ARGUMENTS)

bench-trace: setup build ## replays a trace, each balance beside the others: make bench-trace ARGUMENTS='--trace FILE --limit 1000'
	@Benchmarks/trace/run.py --freeinference $(BINARY) $(ARGUMENTS)

# Its first run installs 3 GB.
bench-engines: setup .build/venv-vllm/complete build ## conversations with two real engines, each balance beside the others
	@.build/venv-vllm/bin/python3 Benchmarks/engines/run.py --freeinference $(BINARY) $(ARGUMENTS)

setup-bench: ## install the proxies that bench measures beside ours, where missing; none is started
	@infrastructure/scripts/setup-bench.sh

##@ Form
.PHONY: house record format lint help
house: ## figures of the sources, beside those of a revision: make house [REVISION=871e913]
	@infrastructure/scripts/house.py $(REVISION)

record: ## what a binary answers to a fixed set of exchanges: make record BINARY=path > file; compare two with diff
	@infrastructure/scripts/record-exchanges.py $(BINARY)

format: ## put every source file into our form
	swift format --in-place --parallel --recursive Package.swift Sources Tests

lint: ## say what is not in our form
	swift format lint --strict --parallel --recursive Package.swift Sources Tests

help: ## this page
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
