#!/usr/bin/env bash
# Measures Pennon beside bare-Go ceilings, the published Unleash server and Unleash Edge; writes docs/performance.md. Arguments
# go to test/load/cmd/bench (-only fanout,features -rounds 1 measures a part and prints it). Unleash Edge is built once, which
# takes about 15 minutes of two cores, where cargo is; UNLEASH_EDGE names one that is there already.
set -euo pipefail
cd "$(dirname "$0")/.."
exec go run ./test/load/cmd/bench "$@"
