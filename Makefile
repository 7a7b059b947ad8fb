# Pennon. `make` lists what there is.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CACHE   := $(CURDIR)/.cache
TOOLS   := $(CACHE)/bin
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
GOFLAGS_BUILD := -trimpath -ldflags "-s -w -X main.version=$(VERSION)"

# Packages under test. test/load is driven by `make bench`; its unit tests run here too.
PACKAGES ?= ./...
TESTFLAGS ?=

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z][a-z/-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z\/-]+):.*## (.*)/  \1\t\2/' | expand -t 14

.PHONY: build
build: ## Build bin/pennon, which needs no C library
	@CGO_ENABLED=0 go build $(GOFLAGS_BUILD) -o bin/pennon ./cmd/pennon

.PHONY: run
run: build ## Build, find or start PostgreSQL, migrate and serve on :4242
	@exec bin/pennon serve --dev

.PHONY: test
test: deps ## Run every test: real PostgreSQL, PgBouncer, real SDKs, with the race detector
	@bash scripts/test.sh $(TESTFLAGS) $(PACKAGES)

.PHONY: test-edge
test-edge: deps ## Build the published Unleash Edge once (ten minutes) and run the tests with it before our server
	@bash scripts/unleash-edge.sh
	@bash scripts/test.sh -run UnleashEdge ./test/sdk

.PHONY: deps
deps: ## Install what the tests need and is missing (PostgreSQL, PgBouncer, Redis, Chromium, Node.js packages)
	@bash scripts/deps.sh

.PHONY: generate
generate: $(TOOLS)/sqlc $(TOOLS)/oapi-codegen ## Regenerate queries/*.go, openapi/, the Go client and the generated docs
	@$(TOOLS)/sqlc generate
	@go run ./cmd/pennon openapi > openapi/openapi.yaml
	@go run ./cmd/pennon openapi --downgrade > openapi/openapi-3.0.yaml
	@$(TOOLS)/oapi-codegen -config client/oapi-codegen.yaml -o client/operations.gen.go openapi/openapi-3.0.yaml
	@go run ./cmd/pennon config --markdown > docs/configuration.md

.PHONY: verify
verify: $(TOOLS)/sqlc $(TOOLS)/oapi-codegen $(TOOLS)/oasdiff ## Fail when generated code, OpenAPI or docs are not up to date, or the API breaks its clients
	@bash scripts/verify.sh

.PHONY: lint
lint: $(TOOLS)/golangci-lint sdk/web/node_modules/.package-lock.json ## Lint, including the arrows between packages and the types of sdk/web
	@$(TOOLS)/golangci-lint run
	@cd sdk/web && npm run --silent check

.PHONY: format
format: $(TOOLS)/golangci-lint ## Format all Go code
	@$(TOOLS)/golangci-lint fmt

.PHONY: bench
bench: build ## Measure against bare-Go ceilings and unleash-server; writes docs/performance.md
	@bash scripts/bench.sh

.PHONY: faults
faults: ## Break servers, edges and what is between them, for minutes; writes its table in docs/operating.md
	@go run ./db/dbtest/withpostgres go test ./test/fault -run TestFaults -count=1 -timeout 30m -v -faults.long -faults.report $(CURDIR)/docs/operating.md

.PHONY: clean
clean: ## Remove what was built (never .pennon, the development database)
	@rm -rf bin $(CACHE)

sdk/web/node_modules/.package-lock.json: sdk/web/package-lock.json
	@cd sdk/web && npm ci --ignore-scripts --no-audit --no-fund --silent && touch node_modules/.package-lock.json

# Tools are modules of their own, so that their dependencies never mix with the product's.
$(TOOLS)/sqlc: tools/sqlc/go.mod
	@mkdir -p $(TOOLS) && cd tools/sqlc && go build -o $@ github.com/sqlc-dev/sqlc/cmd/sqlc

$(TOOLS)/golangci-lint: tools/lint/go.mod
	@mkdir -p $(TOOLS) && cd tools/lint && go build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(TOOLS)/oapi-codegen: tools/oapi-codegen/go.mod
	@mkdir -p $(TOOLS) && cd tools/oapi-codegen && go build -o $@ github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen

$(TOOLS)/oasdiff: tools/oasdiff/go.mod
	@mkdir -p $(TOOLS) && cd tools/oasdiff && go build -o $@ github.com/oasdiff/oasdiff
