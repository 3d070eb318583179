# All that one does with this repository. `make help` lists it.

GO          ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 20s
SEEDS       ?= 10000
PORT        ?= 9092
KILLS       ?= 20
SEED        ?= 1
RECORDS     ?= 200000
GUEST       ?= c
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# Go's stamp of the repository fails where it belongs to another user.
export GOFLAGS := -buildvcs=false $(GOFLAGS)

LANGUAGES   ?= go rust c assemblyscript

# The operators of all examples, each as one Wasm module in the example's folder.
EXAMPLES := $(patsubst examples/%/operator,%,$(wildcard examples/*/operator))
MODULES  := $(foreach example,$(EXAMPLES),examples/$(example)/$(example).wasm)

.DEFAULT_GOAL := help
.PHONY: help build modules languages test test-short lint bench demo fuzz generate sim chaos poison kafka-up kafka-down tools node packages clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

build: ## build bin/turgo and the modules of all examples
	$(GO) build -ldflags "-X main.version=$(VERSION)" -o bin/turgo ./cmd/turgo
	@$(MAKE) --no-print-directory modules

modules: ## build the modules of all examples
	@for example in $(EXAMPLES); do \
		echo "examples/$$example/$$example.wasm"; \
		GOOS=wasip1 GOARCH=wasm $(GO) build -buildmode=c-shared -ldflags='-s -w' \
			-o examples/$$example/$$example.wasm ./examples/$$example/operator || exit 1; \
	done

languages: build ## build the modules of examples/languages; LANGUAGES says which
	@for language in $(LANGUAGES); do \
		bin/turgo build examples/languages/$$language --lang $$language --out examples/languages/$$language.wasm || exit 1; \
	done

test: tools lint ## check and test everything, as CI does
	$(GO) test -timeout 18m ./...

# Packages whose tests start brokers, kill processes for a while or build with every
# toolchain: make test runs them.
LONG := /(faults|plugins)(/|$$)|/connectors/kafka|/conformance/connector/|/examples/(languages|payments|zig)|/host/(sim|wasm/internal/instrument)$$

test-short: tools ## the tests that take less than two minutes in all
	$(GO) test -short -timeout 5m $$($(GO) list ./... | grep -vE '$(LONG)')

lint: ## gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go' 2>/dev/null || find . -name '*.go')); \
	if [ -n "$$unformatted" ]; then echo "gofmt -w these files:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	GOOS=darwin $(GO) vet ./host/... ./connectors/... ./cmd/...
	$(GO) run $(STATICCHECK) ./...

bench: ## measure the figures; each is printed with its goal
	$(GO) run ./bench

demo: ## count the words of Go's own source, and be killed on the way
	$(GO) run ./examples/wordcount/demo

fuzz: ## run each fuzz target for FUZZTIME
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

generate: ## generate code again from its sources
	@command -v protoc >/dev/null || { echo "protoc is missing: apt-get install protobuf-compiler"; exit 1; }
	$(GO) generate ./...

sim: ## run the simulation over SEEDS seeds
	$(GO) test -timeout 60m -v ./host/sim -args -sim.seeds=$(SEEDS)

chaos: ## kill host, connectors and broker KILLS times, and check each record; SEED decides how
	$(GO) run ./faults/chaos -kills $(KILLS) -seed $(SEED)

poison: ## a job over RECORDS records of which a tenth fail, killed KILLS times; SEED decides how
	$(GO) run ./faults/poison -records $(RECORDS) -kills $(KILLS) -seed $(SEED) -guest $(GUEST)

kafka-up: ## start a local broker of Apache Kafka on PORT, unless it runs
	@$(GO) run ./connectors/kafka/localbroker/kafka up -port $(PORT)

kafka-down: ## stop that broker and remove its data
	@$(GO) run ./connectors/kafka/localbroker/kafka down

# What the tests need and Go does not bring: a command or a file of each, and its package.
TOOLS = wat2wasm:wabt clang:clang wasm-ld:lld java:openjdk-17-jre-headless mvn:maven kcat:kcat \
	node:nodejs npm:npm $(shell python3 -c 'import ensurepip' 2>/dev/null || echo python3-venv:python3-venv)

# Rust of one's own serves where it has the Wasm target; otherwise Debian's, at its full path.
RUST_TOOLS := /usr/bin/rustc:rustc /usr/bin/cargo:cargo /usr/lib/rustlib/wasm32-unknown-unknown:libstd-rust-dev-wasm32
TOOLS      += $(if $(wildcard $(shell rustc --print sysroot 2>/dev/null)/lib/rustlib/wasm32-unknown-unknown),cargo:cargo,$(RUST_TOOLS))

# Packages of Python, in an environment of their own: build/python/bin/python.
PYTHON_PACKAGES := grpcio==1.76.0 protobuf==6.33.1 ziglang==0.15.2

tools: build/python/packages node ## install what the tests need and Go does not bring

build/python/packages: Makefile | packages
	@python3 -m venv build/python && build/python/bin/pip install --quiet --disable-pip-version-check $(PYTHON_PACKAGES) && touch $@

# What AssemblyScript needs from npm, where it is used.
NODE_FOLDERS := guest-sdk/assemblyscript examples/languages/assemblyscript

node: | packages
	@for folder in $(NODE_FOLDERS); do node guest-sdk/assemblyscript/install.mjs $$folder || exit 1; done

packages:
	@missing=; for tool in $(TOOLS); do \
		command -v $${tool%%:*} >/dev/null || [ -e $${tool%%:*} ] || missing="$$missing $${tool#*:}"; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	else \
		echo "missing:$$missing (Debian: apt-get install$$missing; macOS: brew install wabt llvm lld openjdk maven kcat rust node)"; exit 1; \
	fi

clean: ## remove what was built
	rm -rf bin build $(MODULES)
