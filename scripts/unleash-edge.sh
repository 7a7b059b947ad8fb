#!/usr/bin/env bash
# Builds the published open Unleash Edge into .cache/unleash-edge, for tests and measurements beside it. Nothing is done when it
# is there. It takes about ten minutes of two cores.
set -euo pipefail
cd "$(dirname "$0")/.."

version=20.1.0 # also in test/load/system/edge.go
root=.cache/unleash-edge

if [ -x "$root/bin/unleash-edge" ] && [ "$(cat "$root/version" 2>/dev/null)" = "$version" ]; then
    exit 0
fi
if ! command -v cargo >/dev/null; then
    echo "please install Rust's cargo: Unleash Edge is published as a crate, and its binaries are built from that" >&2
    exit 1
fi
CARGO_TARGET_DIR="$root/target" cargo install unleash-edge --version "$version" --locked --root "$root"
rm -rf "$root/target"
echo "$version" >"$root/version"
