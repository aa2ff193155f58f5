# Targets for people and CI. `make demo` and `make test` set up what they need.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS  = -s -w -X main.version=$(VERSION)
TEMPL    = go tool -modfile=tools/templ/go.mod templ
LINT     = go tool -modfile=tools/lint/go.mod golangci-lint

# Without cgo in everything but the race detector, so that build, demo, bench and lint
# share one compilation of Microsoft's Graph SDK, which takes 6 GB and two minutes.
export CGO_ENABLED = 0

.PHONY: build test test-parts lint fmt generate golden fuzz bench demo

build: ## the static binary, in bin/
	go build -ldflags '$(LDFLAGS)' -o bin/lapsewatch ./cmd/lapsewatch

test: test-parts ## every test, against real servers
	CGO_ENABLED=1 go test -race -timeout 30m ./...

test-parts: ## installs the Debian packages that tests run as real servers
	sh internal/parts/install.sh

lint: ## formatting, vet and golangci-lint, as CI runs them
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run 'make fmt'"; exit 1; }
	go vet ./...
	$(LINT) run

fmt:
	go fix ./...
	gofmt -w .
	$(TEMPL) fmt .

generate: ## Go code from the .templ files
	go generate ./...

golden: ## rewrites golden files; read the diff before you commit it
	go test ./... -update

fuzz: ## every fuzz target for FUZZTIME
	sh internal/fuzz.sh $(or $(FUZZTIME),30s)

bench: ## speed and size beside peers; about 10 minutes
	go test -run '^$$' -bench . -benchmem ./...
	go run ./internal/bench

demo: ## the job on a small local estate; leaves its report in demo-output/
	go run ./internal/estate/demo
