#!/usr/bin/env bash
# Runs go test with the race detector on one throw-away PostgreSQL, and ends with the counts.
#   scripts/test.sh [go test flags] [packages]
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .cache
log=.cache/test.json

status=0
go run ./db/dbtest/withpostgres go test -json -race -timeout 20m -p 2 "$@" >"$log" || status=$?
go run ./scripts/testreport <"$log" || status=$?
exit "$status"
