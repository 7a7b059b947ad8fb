#!/usr/bin/env bash
# Tests scripts/breaking.sh on small documents. `make verify` runs it, because the tool that it needs is built there.
set -euo pipefail
cd "$(dirname "$0")/testdata/breaking"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
here=$PWD
check=$here/../../breaking.sh
failed=0

expect() { # want (0 or 1), what is tested, a text the output has, document, acknowledgements
    local got=0
    bash "$check" "$here/base.yaml" "$here/$4" "$5" >"$work/output" 2>&1 || got=$?
    if [ "$got" != "$1" ] || ! grep -qF "$3" "$work/output"; then
        echo "breaking.sh: $2: got $got, wanted $1 and \"$3\":" >&2
        cat "$work/output" >&2
        failed=1
    fi
}

line='GET /flags/{name} removed the required property `enabled` from the response with the `200` status'
echo '# nothing' >"$work/none"
echo "$line # Nobody read it." >"$work/reason"
echo "$line" >"$work/no-reason"
echo 'GET /other removed the required property `enabled` from the response with the `200` status # No.' >"$work/other"

expect 0 "the same document" "none since" base.yaml "$work/none"
expect 0 "additions" "none since" compatible.yaml "$work/none"
expect 1 "a property that clients rely on is gone" "$line" breaking.yaml "$work/none"
expect 0 "the break is acknowledged" "none since" breaking.yaml "$work/reason"
expect 1 "the break is acknowledged without a reason" "give the reason" breaking.yaml "$work/no-reason"
expect 1 "another break is acknowledged" "$line" breaking.yaml "$work/other"
[ "$failed" = 0 ] && echo "breaking.sh: its tests pass"
exit "$failed"
