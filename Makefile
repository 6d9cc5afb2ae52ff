# What people do here. README.md starts with two of these; CONTRIBUTING.md explains the rest.

GO ?= go
STATICCHECK = $(GO) tool -modfile=tools/go.mod staticcheck
PACKAGES = ./...
RAPID_CHECKS ?= 2000
export EXPOOL_RPC = $(CURDIR)/bin/expool-rpc

.PHONY: build demo install uninstall test test-go test-clients test-system lint fmt bench bench-short bench-balance bench-packages torture simulate fuzz clean need need-go

## build: the static binary bin/expool-rpc
build: need-go
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o bin/expool-rpc ./cmd/expool-rpc

## demo: a small real benchmark, by the Python client
demo: build
	@GO="$(GO)" scripts/need python
	PYTHONPATH=clients/python/src python3 clients/python/examples/compressors.py

## install: the server and the shell client into PREFIX (/usr/local), below DESTDIR if that is given
install: build
	$(MAKE) -C clients/shell install EXPOOL_SERVER="$(EXPOOL_RPC)"

uninstall:
	$(MAKE) -C clients/shell uninstall EXPOOL_SERVER="$(EXPOOL_RPC)"

## test: static analysis, all tests, and short runs of torture and of the benchmarks
test: need lint build
	$(MAKE) test-go
	$(MAKE) test-clients
	$(MAKE) test-system

## test-go: the tests of the Go packages, with the race detector; one package at a time, since some promise reactions in time
test-go: build
	GORACE=atexit_sleep_ms=0 $(GO) test -race -p 1 -timeout 15m $(PACKAGES)
	$(GO) test ./pool/proc # some of these can't run under the race detector
	$(GO) test ./pool/sched -run Random -rapid.checks=$(RAPID_CHECKS)

## test-clients: the Python and the shell client, and the examples of hosts
test-clients: build
	clients/python/check
	clients/shell/test
	examples/test

## test-system: a short torture, and whether a ratio of the benchmarks fell by a third
test-system: build
	$(GO) run ./torture -short -server bin/expool-rpc
	cd bench && python3 -m unittest -q test_harness
	$(MAKE) bench-short

## lint: formatting, go vet, staticcheck
lint: need-go
	@unformatted=$$(gofmt -l $$(find . -name '*.go' -not -path './.*')); test -z "$$unformatted" || { echo "not gofmt'ed: $$unformatted; run make fmt"; exit 1; }
	$(GO) vet $(PACKAGES)
	GOARCH=arm64 $(GO) vet ./pool/proc # has assembler
	$(STATICCHECK) $(PACKAGES)

## fmt: format the Go sources
fmt:
	gofmt -w $$(find . -name '*.go' -not -path './.*')

## bench: beside other programs, into docs/benchmarks.md
bench: build
	python3 bench/run.py --out docs/benchmarks.md

## bench-short: fails if a ratio fell by a third against bench/baseline.json
bench-short: build
	python3 bench/run.py --short

## bench-packages: the benchmarks of the Go packages; ratios matter, not times
bench-packages: need-go
	$(GO) test -run '^$$' -bench . -benchtime 1x ./pool/sched
	$(GO) test -run '^$$' -bench . ./pool/mem ./pool/proc ./rpc/... ./numa
	$(GO) test -run '^$$' -bench . -benchtime 3x ./cmd/...

## bench-balance: memory balancing beside PyExPool, on real jobs, into docs/balancing-pyexpool.md
bench-balance: build
	@test -x .cache/pyexpool/bin/python || { python3 -m venv .cache/pyexpool && .cache/pyexpool/bin/pip -q install pyexpool==3.2.1 psutil; }
	python3 bench/balance.py --python .cache/pyexpool/bin/python

## torture: everything that can go wrong, beside other programs, into docs/reliability.md
torture: build
	$(GO) run ./torture -peers -out docs/reliability.md -server bin/expool-rpc

## simulate: memory balancing policies on generated jobs, into docs/balancing.md
simulate: need-go
	$(GO) run ./sim -out docs/balancing.md

## fuzz: each fuzz target for FUZZTIME (10s)
fuzz: need
	@scripts/fuzz $(or $(FUZZTIME),10s)

clean:
	rm -rf bin .cache

# what the targets need of the machine; for the tests, what Debian's packages have is installed where that may be
need:
	@GO="$(GO)" scripts/need tests

need-go:
	@GO="$(GO)" scripts/need go
