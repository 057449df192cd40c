# The commands that CI and contributors run.

.PHONY: help check test test-arm64 crates llm simulate faults mutants conformance bench fuzz endure sanitize dist sums release image reproduce check-packages try docs test-env clean

root := $(CURDIR)

# The architecture that `make dist` builds for: amd64 or arm64. Default: that of this machine.
ARCH ?= $(if $(filter aarch64,$(shell uname -m)),arm64,amd64)

help:
	@echo "make try          run a small server that crashes when asked to, and watch it recover"
	@echo "make test         all tests (installs their requirements)"
	@echo "make test-arm64   boots arm64 kernels in an emulated machine and tests there (root)"
	@echo "make crates       packages the crates for other projects, and builds them from the packages"
	@echo "make llm          a real language model under load for two minutes (builds llama.cpp)"
	@echo "make docs         the documentation as a site with search, in target/docs-site"
	@echo "make check        formatting, lints, documentation"
	@echo "make simulate     the core against a hostile kernel, for SECONDS (default: one hour)"
	@echo "make faults       puts faults into the core, one at a time: the simulation must notice"
	@echo "make mutants      changes the code of CRATE (core) one expression at a time: its tests must fail"
	@echo "make conformance  supervisor's own end-to-end tests against our programs"
	@echo "make bench        benchmarks of the supervisor and its peers (installs them)"
	@echo "make fuzz         bad input for FUZZ_SECONDS (60) per target"
	@echo "make endure       faults and endurance at full length: root, docker, and two hours"
	@echo "make sanitize     the unsafe code under AddressSanitizer and valgrind"
	@echo "make dist         static binaries, a wheel, a Debian package, an archive, in dist/;"
	@echo "                  ARCH=arm64 or amd64 makes them for that architecture"
	@echo "                  (scripts/dist binaries: the first of these alone)"
	@echo "make reproduce    makes the files of dist/ twice, in two directories, and compares them"
	@echo "make check-packages"
	@echo "                  installs the packages in Debian 11 and 13, as a new user would; with"
	@echo "                  ARCH=arm64 in an emulated machine"

# A fresh machine may have no Python, and no linker.
try:
	command -v python3 >/dev/null && command -v cc >/dev/null || scripts/setup-dist
	scripts/try

check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet
	cargo test --quiet --package supervisor-docgen --test documents

# With mdBook, which is built the first time: two to four minutes. CI runs this after the tests.
docs:
	scripts/docs

# The tests use the real supervisord, a real web server, real containers and the
# packages that users install, so these are built first.
test: test-env check dist
	SUPERVISOR_PYTHON=$(root)/target/test-env/bin/python \
	SAGEMAKER_PYTHON=$(root)/target/sagemaker-env/bin/python \
	STANDARD_SUPERVISOR_STATIC=$(root)/dist/bin \
	STANDARD_SUPERVISOR_WHEEL="$$(ls $(root)/dist/*_$$(uname -m).whl)" \
	STANDARD_SUPERVISOR_DIST=$(root)/dist \
	scripts/test

test-env:
	scripts/setup-tests

# Everything comes from Debian. PARTS=boot boots only, PARTS='boot tests slow' runs all tests that can
# run there. PATIENCE=3 triples the time that the emulator may take, for a busy machine.
test-arm64:
	scripts/setup-arm64 test
	scripts/dist --arch arm64 binaries
	scripts/test-arm64 $(PARTS)

# The crates that other projects may use, built from their packages, and their documentation as
# docs.rs builds it. Only committed files are packaged.
crates := $(foreach name,core wire config,--package supervisor-$(name))
crates:
	cargo package --locked $(crates)
	RUSTDOCFLAGS="--cfg docsrs -D warnings" cargo doc --locked --no-deps --all-features $(crates)

# Not a part of `make test`: llama.cpp has to be built once, which takes minutes.
llm:
	scripts/setup-llm
	REQUIRE_LLAMA=1 LLAMA_PYTHON=$(root)/target/llm-env/bin/python \
	cargo test --package standard-supervisor --test field llm::

# Seeds go on from FROM, so that a long run can be continued or repeated. With UPDATE=1,
# no cases run: the diagram in the documentation is drawn again.
SECONDS ?= 3600
FROM ?= 1000000
simulate:
ifdef UPDATE
	UPDATE=1 cargo test --package supervisor-core --test simulation
else
	SECONDS=$(SECONDS) FROM=$(FROM) cargo test --package supervisor-core --test simulation whatever -- --nocapture
endif

faults:
	scripts/faults

# SHARD=0/50 tries every fiftieth mutant. All of them take hours.
CRATE ?= core
SHARD ?= 0/1
mutants:
	scripts/mutants $(CRATE) $(SHARD)

# A part of `make test`; alone, it prints the result of each test when it ends.
conformance: test-env
	cargo build --package standard-supervisor --bins
	target/test-env/bin/python crates/standard-supervisor/tests/conformance/run.py \
		target/debug target/conformance

bench: dist
	scripts/setup-bench
	cargo bench --bench peers

fuzz:
	scripts/fuzz

# SECONDS=60 for a short flood.
endure: dist
	SECONDS_OF_FLOOD=$(or $(SECONDS),3600) scripts/endure

sanitize:
	scripts/sanitize

dist:
	scripts/setup-dist
	[ $(ARCH) != arm64 ] || scripts/setup-arm64
	scripts/dist --arch $(ARCH) clean binaries wheel sbom archive package check sums

# Two release builds, which take minutes.
reproduce:
	scripts/reproduce $(ARCH)

# For dist/ with files from several machines.
sums:
	scripts/dist sums

# The workflow of a tag runs these: they publish dist/, and an image to copy from. With DRY_RUN=1 they
# check everything, publish nothing, and print the commands.
release:
	scripts/release $(if $(DRY_RUN),--dry-run)

image:
	scripts/image $(if $(DRY_RUN),--dry-run)

# Not a part of `test`: it downloads a complete Debian.
check-packages: dist
	scripts/check-packages $(ARCH)

clean:
	cargo clean
	rm -rf dist
