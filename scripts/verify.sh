#!/usr/bin/env bash
# Fails when generated code, the OpenAPI documents or the generated docs differ from what is committed.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

check() { # name, committed file, freshly generated file
    if ! diff -u "$2" "$3" >"$work/diff"; then
        echo "$1 is not up to date; run 'make generate':" >&2
        head -n 40 "$work/diff" >&2
        status=1
    fi
}

.cache/bin/sqlc diff || { echo "queries/*.go is not up to date; run 'make generate'" >&2; status=1; }
go build -o "$work/pennon" ./cmd/pennon
"$work/pennon" openapi >"$work/openapi.yaml"
check openapi/openapi.yaml openapi/openapi.yaml "$work/openapi.yaml"
"$work/pennon" openapi --downgrade >"$work/openapi-3.0.yaml"
check openapi/openapi-3.0.yaml openapi/openapi-3.0.yaml "$work/openapi-3.0.yaml"
.cache/bin/oapi-codegen -config client/oapi-codegen.yaml -o "$work/operations.gen.go" openapi/openapi-3.0.yaml
check client/operations.gen.go client/operations.gen.go "$work/operations.gen.go"
bash scripts/breaking_test.sh || status=1
bash scripts/breaking.sh || status=1
"$work/pennon" config --markdown >"$work/configuration.md"
check docs/configuration.md docs/configuration.md "$work/configuration.md"
go mod tidy -diff || { echo "go.mod is not tidy" >&2; status=1; }
go vet ./... || status=1
[ "$status" = 0 ] && echo "verify: generated code, OpenAPI and docs are up to date"
exit "$status"
