# What people do here. README.md starts with two of these; CONTRIBUTING.md explains the rest.

GO ?= go
STATICCHECK = $(GO) tool -modfile=tools/go.mod staticcheck
PACKAGES = ./...
RAPID_CHECKS ?= 2000

.PHONY: build demo test lint fmt bench bench-balance simulate fuzz clean need need-go

## build: the static binary bin/expool-rpc
build: need-go
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o bin/expool-rpc ./cmd/expool-rpc

## demo: a small real benchmark through bin/expool-rpc
demo: build
	$(GO) run ./demo -server bin/expool-rpc

## test: static analysis, and all tests with the race detector
test: need lint build
	GORACE=atexit_sleep_ms=0 EXPOOL_RPC=$(CURDIR)/bin/expool-rpc $(GO) test -race -p 1 -timeout 15m $(PACKAGES) # one at a time: some promise reactions in time
	$(GO) test ./pool/proc # some of these can't run under the race detector
	$(GO) test ./pool/sched -run Random -rapid.checks=$(RAPID_CHECKS)

## lint: formatting, go vet, staticcheck
lint: need-go
	@unformatted=$$(gofmt -l $$(find . -name '*.go' -not -path './.*')); test -z "$$unformatted" || { echo "not gofmt'ed: $$unformatted; run make fmt"; exit 1; }
	$(GO) vet $(PACKAGES)
	$(STATICCHECK) $(PACKAGES)

## fmt: format the Go sources
fmt:
	gofmt -w $$(find . -name '*.go' -not -path './.*')

## bench: the benchmarks of the packages; ratios matter, not times
bench: need-go
	$(GO) test -run '^$$' -bench . -benchtime 1x ./pool/sched
	$(GO) test -run '^$$' -bench . ./pool/mem ./pool/proc ./rpc/... ./numa
	$(GO) test -run '^$$' -bench . -benchtime 3x ./cmd/...

## bench-balance: memory balancing beside PyExPool, on real jobs, into docs/balancing-pyexpool.md
bench-balance: build
	@test -x .cache/pyexpool/bin/python || { python3 -m venv .cache/pyexpool && .cache/pyexpool/bin/pip -q install pyexpool==3.2.1 psutil; }
	python3 bench/balance.py --python .cache/pyexpool/bin/python

## simulate: memory balancing policies on generated jobs, into docs/balancing.md
simulate: need-go
	$(GO) run ./sim -out docs/balancing.md

## fuzz: each fuzz target for FUZZTIME (10s)
fuzz: need
	@scripts/fuzz $(or $(FUZZTIME),10s)

clean:
	rm -rf bin

# what the targets need of the machine; for the tests, what Debian's packages have is installed where that may be
need:
	@GO="$(GO)" scripts/need tests

need-go:
	@GO="$(GO)" scripts/need go
