#!/usr/bin/env bash
# Measures Pennon beside bare-Go ceilings and the published Unleash server; writes docs/performance.md. Arguments go to
# test/load/cmd/bench (-only fanout,features -rounds 1 measures a part and prints it).
set -euo pipefail
cd "$(dirname "$0")/.."
exec go run ./test/load/cmd/bench "$@"
