#!/usr/bin/env bash
# Fails when the OpenAPI document breaks the clients that were generated from that of the last release (the last git tag).
#   scripts/breaking.sh [base document, document, acknowledgements]
# A break that is meant is acknowledged in openapi/breaking-changes.txt, with its reason.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
document=${2:-openapi/openapi.yaml}
acknowledged=${3:-openapi/breaking-changes.txt}

if [ $# -gt 0 ]; then
    base=$1
    release="the base document"
elif ! release=$(git describe --tags --abbrev=0 2>/dev/null); then
    echo "breaking changes: there is no release (git tag) yet to compare with"
    exit 0
elif base=$work/openapi.yaml && ! git show "$release:openapi/openapi.yaml" >"$base" 2>/dev/null; then
    echo "breaking changes: $release has no openapi/openapi.yaml to compare with"
    exit 0
fi

grep -vE '^(#|$)' "$acknowledged" >"$work/acknowledged" || true
if grep -vE ' # .*[^ ]' "$work/acknowledged"; then
    echo "breaking changes: give the reason for the lines above, after ' # ', in $acknowledged" >&2
    exit 1
fi

# An error is certain to break some client, a warning may: both want a decision.
if .cache/bin/oasdiff breaking --fail-on WARN --color never --format singleline \
    --err-ignore "$work/acknowledged" --warn-ignore "$work/acknowledged" "$base" "$document" >"$work/changes"; then
    echo "breaking changes: none since $release that are not acknowledged"
    exit 0
fi
cat >&2 <<END
breaking changes since $release; undo them, or copy the lines below into $acknowledged, each with ' # ' and its reason:

END
sed -nE 's/^(error|warning) at [^,]*, in API (.*) \[[a-z0-9-]+\]\. *$/\2/p; t; s/^(error|warning).*/&/p' "$work/changes" >&2
exit 1
